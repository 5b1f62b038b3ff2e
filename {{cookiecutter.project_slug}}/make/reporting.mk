# One page about everything.
.PHONY: report

##@ Watch
report: setup ## Write one page about the whole lifecycle: reports/site/index.html
	$(RUN) -m lifecycle report
