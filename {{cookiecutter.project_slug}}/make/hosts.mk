# What was packed elsewhere, delivered to this machine's service.
.PHONY: deliver rehearse host

##@ Share
deliver: setup ## Receive BUNDLE=file, deploy, verify; roll back if that is bad (ENV=...)
	$(RUN) -m lifecycle deliver "$(BUNDLE)"

rehearse: setup ## Deliver where nothing serves, roll back, stop (BUNDLE=file, PREVIOUS=file, ENV=...)
	$(RUN) -m lifecycle deliver --rehearse "$(BUNDLE)"

# However its user has set git: what is here arrives there as it is, and no hook has a say.
HOST_GIT := GIT_ALLOW_PROTOCOL=file git -c core.hooksPath=/dev/null -c core.attributesFile=/dev/null \
	-c init.defaultBranch=main -c fetch.prune=false -c fetch.pruneTags=false -c submodule.recurse=false
host: ## Check this commit out in FOLDER=..., the folder of this machine where the service lives
	@[ -n "$$FOLDER" ] || { echo "host: say which folder: make host FOLDER=/srv/name" >&2; exit 2; }
	$(HOST_GIT) init --quiet --template= "$$FOLDER"
	$(HOST_GIT) -C "$$FOLDER" fetch --quiet --tags --force "$(CURDIR)" HEAD
	$(HOST_GIT) -C "$$FOLDER" checkout --quiet --detach FETCH_HEAD
