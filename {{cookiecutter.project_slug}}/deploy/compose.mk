# That image behind the proxy, with Docker Compose: what base.mk has is not repeated.
.PHONY: keys up predictions

##@ Containers
keys: setup ## Exchange the containers' API keys while they run (API_KEYS=new,old; LOG_HASH_KEY=...)
	@$(RUN) -m lifecycle compose

up: keys image ## Run that image behind the proxy with Docker Compose (API_KEYS=..., ENV=production, PORT=3000)
	@IMAGE=$$($(CHAMPION)) && export IMAGE && name=$${IMAGE%:*} \
		&& PROXY_CONFIGURATION=$$(cksum < .lifecycle/compose/proxy/caddy.json) && export PROXY_CONFIGURATION \
		&& $(COMPOSE) --project-name $$name --file deploy/compose.yaml $(COMPOSE_OPTIONS) up --detach

predictions: setup ## Copy the containers' prediction log to .lifecycle/compose/predictions
	@name=$$($(PROJECT_NAME)) && mkdir -p .lifecycle/compose/predictions \
		&& container=$$($(DOCKER) ps --all --quiet --latest --filter label=com.docker.compose.project=$$name \
			--filter label=com.docker.compose.service=service) \
		&& $(DOCKER) cp $${container:?no container of the service is there: type make up}:/var/lib/predictions/. .lifecycle/compose/predictions \
		&& echo "predictions: .lifecycle/compose/predictions"
