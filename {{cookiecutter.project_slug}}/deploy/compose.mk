# The champion's Bento as a container image, that image behind the proxy with Docker Compose, and
# the platform around it.
DOCKER ?= docker
COMPOSE ?= docker compose
# More options of `docker build`, for instance --platform linux/amd64.
BUILD_OPTIONS ?=
# More options of `docker compose`, for instance --file my-own.yaml.
COMPOSE_OPTIONS ?=
# Each file is a part of one project, and the other part is no orphan.
export COMPOSE_IGNORE_ORPHANS := true

.PHONY: image keys up platform down predictions sbom push

# The project's name and the Bento's version, as NAME:VERSION, or one line that says what is missing.
CHAMPION = $(RUN) -c 'from lifecycle import bento, command; command.run("$@", lambda: print(bento.released(command.project_root()).tag))'
PROJECT_NAME = $(RUN) -c 'from lifecycle.params import load_params; print(load_params().project.name)'

image: setup ## Build the champion's Bento as a container image, NAME:VERSION
	@tag=$$($(CHAMPION)) && bento=.bentoml/bentos/$$(echo $$tag | tr : /) \
		&& python=$$(sed -n "s/^  python_version: '\(.*\)'/\1/p" $$bento/bento.yaml) \
		&& $(DOCKER) build --build-arg PYTHON=$${python:?$$bento/bento.yaml names no Python} \
			--build-arg PIP_INDEX_URL --build-arg PIP_EXTRA_INDEX_URL $(BUILD_OPTIONS) \
			--file deploy/Dockerfile --tag $$tag $$bento \
		&& echo "image: $$tag"

sbom: setup ## List everything that is in that image in dist/image-sbom.cdx.json (CycloneDX)
	@tag=$$($(CHAMPION)) && mkdir -p dist && $(DOCKER) run --rm --interactive --network none --read-only \
			--entrypoint python $$tag -I - < src/lifecycle/inventory.py > dist/inventory.json \
		&& $(RUN) -m lifecycle.image_sbom dist/image-sbom.cdx.json < dist/inventory.json

# A name with capitals is none for an image. What is pushed is known by its digest from then on.
push: setup ## Push that image to REPOSITORY=host/owner/name, and write its digest to dist/image.txt
	@[ -n "$(REPOSITORY)" ] || { echo "push: say where: make push REPOSITORY=host/owner/name" >&2; exit 2; }
	@tag=$$($(CHAMPION)) && mkdir -p dist \
		&& name=$$(printf %s "$(REPOSITORY)" | tr '[:upper:]' '[:lower:]'):$${tag#*:} \
		&& $(DOCKER) tag $$tag $$name && $(DOCKER) push $$name > dist/push.txt && cat dist/push.txt \
		&& digest=$$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' dist/push.txt) \
		&& echo "$${name%:*}@$${digest:?the registry told no digest}" > dist/image.txt \
		&& echo "push: $$(cat dist/image.txt)" && $(RUN) -m lifecycle.outputs < dist/image.txt

keys: setup ## Exchange the containers' API keys while they run (API_KEYS=new,old)
	@$(RUN) -m lifecycle.compose

up: keys image ## Run that image behind the proxy with Docker Compose (API_KEYS=..., ENV=production, PORT=3000)
	@IMAGE=$$($(CHAMPION)) && export IMAGE && name=$${IMAGE%:*} \
		&& PROXY_CONFIGURATION=$$(cksum < .lifecycle/compose/proxy/caddy.json) && export PROXY_CONFIGURATION \
		&& $(COMPOSE) --project-name $$name --file deploy/compose.yaml $(COMPOSE_OPTIONS) up --detach

platform: setup ## Run MLflow's server with its stores, Prometheus, Grafana (SERVICES=mlflow for some)
	@name=$$($(PROJECT_NAME)) \
		&& PLATFORM_CONFIGURATION=$$(cat deploy/prometheus/* deploy/grafana/* | cksum) && export PLATFORM_CONFIGURATION \
		&& $(COMPOSE) --project-name $$name --file deploy/platform.yaml $(COMPOSE_OPTIONS) up --detach $(SERVICES)

# Compose wants every variable even to stop.
down: setup ## Stop what up and platform started; what is in volumes stays
	@name=$$($(PROJECT_NAME)) && IMAGE=none POSTGRES_PASSWORD=none S3_ACCESS_KEY=none S3_SECRET_KEY=none \
		GRAFANA_PASSWORD=none $(COMPOSE) --project-name $$name --file deploy/compose.yaml \
		--file deploy/platform.yaml $(COMPOSE_OPTIONS) down

predictions: setup ## Copy the containers' prediction log to .lifecycle/compose/predictions
	@name=$$($(PROJECT_NAME)) && mkdir -p .lifecycle/compose/predictions \
		&& container=$$($(DOCKER) ps --all --quiet --latest --filter label=com.docker.compose.project=$$name \
			--filter label=com.docker.compose.service=service) \
		&& $(DOCKER) cp $${container:?no container of the service is there: type make up}:/var/lib/predictions/. .lifecycle/compose/predictions \
		&& echo "predictions: .lifecycle/compose/predictions"
