# Between machines, and on GitHub.
.PHONY: workflows compare bundle receive checksum protect upstream comment propose publish issue

##@ Change it
WORKFLOWS = $(wildcard .github/workflows/*.yml)
workflows: setup ## Check the GitHub workflows for security, meaning and schema
	$(VENV)/bin/zizmor --offline --no-progress --strict-collection --persona pedantic .github
	$(VENV)/bin/actionlint -no-color -oneline $(WORKFLOWS)
	$(VENV)/bin/jactionlint --no-online --oneline --profile correctness $(WORKFLOWS)
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)

check: $(if $(WORKFLOWS),workflows)

##@ Share
compare: setup ## Report this change against BASE=commit: reports/compare.md, with plots
	$(RUN) -m lifecycle compare

bundle: setup ## Gate, register, package, and pack it all into dist/ for another machine
	$(RUN) -m lifecycle bundle

receive: setup ## Take in what bundle packed: BUNDLE=file
	$(RUN) -m lifecycle receive "$(BUNDLE)"

checksum: ## Check by BUNDLE_SHA256=hash that BUNDLE=file is what was built
	@$(PYTHON) -m lifecycle checksum "$(BUNDLE)"

protect: setup ## Install the rulesets and environments of this repository on GitHub (gh)
	$(RUN) -m lifecycle protect

upstream: setup ## Try the newest versions that the ranges allow, in a copy: lock, check, test, lifecycle
	$(RUN) -m lifecycle upstream

##@ What CI calls
comment: ## Write the report as the one comment of PULL_REQUEST=n, or update it (gh)
	$(PYTHON) -m lifecycle comment reports/compare.md

propose: ## Open or update the one pull request with what was retrained: FROM=folder (gh)
	$(PYTHON) -m lifecycle propose "$(FROM)"

publish: setup ## Tag what was delivered, and write its GitHub release with notes (gh)
	$(RUN) -m lifecycle publish

issue: setup ## Open or update the one GitHub issue ABOUT=monitor or ABOUT=upstream (gh)
	$(RUN) -m lifecycle issue "$(ABOUT)"
