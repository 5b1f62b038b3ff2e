# What was served, judged.
.PHONY: monitor

##@ Watch
# make itself ends with 2 whatever its command ended with, and says Error 3 or Error 4; a script
# asks for the verdict: `make monitor VERDICT=file`.
monitor: setup ## Judge what was served: healthy, firing or could not judge (VERDICT=file, ENV=...)
	@$(RUN) -m lifecycle monitor $(if $(VERDICT),--verdict-to "$(VERDICT)")
