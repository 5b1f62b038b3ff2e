# The service of this machine: deploy, rollback, what serves.
.PHONY: deploy start host-unit status rollback verify stop predict

##@ Run
deploy: setup ## Roll the newest packaged version out behind the proxy (ENV=staging or production)
	$(RUN) -m lifecycle deploy

start: setup ## Bring up what served, and roll nothing out: after a reboot (ENV=...)
	$(RUN) -m lifecycle start

host-unit: setup ## Write a systemd unit that starts an environment with this machine (ENV=production)
	@$(RUN) -m lifecycle host-unit

status: setup ## What serves, since when, and how the last rollout ended (ENV=...)
	@$(RUN) -m lifecycle status

# From the environment: what a person typed is never part of a command.
rollback: setup ## Return to the version before, in seconds (VERSION=n, REASON=..., ENV=...)
	$(RUN) -m lifecycle rollback $${VERSION:+--version "$$VERSION"} --reason "$$REASON"

verify: setup ## Check the running service from outside: smoke request and load (SECONDS=5, ENV=...)
	$(RUN) -m lifecycle verify $(if $(SECONDS),--seconds $(SECONDS))

stop: setup ## Stop the service of an environment (ENV=...)
	$(RUN) -m lifecycle stop

predict: setup ## Send one real request to the service (REQUEST=file.json for your own)
	$(RUN) -m lifecycle predict $(if $(REQUEST),"$(REQUEST)")
