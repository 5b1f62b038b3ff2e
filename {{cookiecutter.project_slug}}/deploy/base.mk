# The champion's Bento as a container image, and the platform around what serves it.
DOCKER ?= docker
COMPOSE ?= docker compose
# More options of `docker build`, for instance --platform linux/amd64.
BUILD_OPTIONS ?=
# More options of `docker compose`, for instance --file my-own.yaml.
COMPOSE_OPTIONS ?=
# Each file is a part of one project, and the other part is no orphan.
export COMPOSE_IGNORE_ORPHANS := true

.PHONY: image platform down

# The project's name and the Bento's version, as NAME:VERSION, or one line that says what is missing.
CHAMPION = $(RUN) -c 'from lifecycle.core import command; from lifecycle.records import bento; command.run("$@", lambda: print(bento.released(command.project_root()).tag))'
PROJECT_NAME = $(RUN) -m lifecycle project-name

##@ Containers
image: setup ## Build the champion's Bento as a container image, NAME:VERSION
	@tag=$$($(CHAMPION)) && bento=.bentoml/bentos/$$(echo $$tag | tr : /) \
		&& python=$$(sed -n "s/^  python_version: '\(.*\)'/\1/p" $$bento/bento.yaml) \
		&& $(DOCKER) build --build-arg PYTHON=$${python:?$$bento/bento.yaml names no Python} \
			--build-arg PIP_INDEX_URL --build-arg PIP_EXTRA_INDEX_URL $(BUILD_OPTIONS) \
			--file deploy/Dockerfile --tag $$tag $$bento \
		&& echo "image: $$tag"

platform: setup ## Run MLflow's server with its stores, Prometheus, Grafana (SERVICES=mlflow for some)
	@name=$$($(PROJECT_NAME)) \
		&& PLATFORM_CONFIGURATION=$$(cat /dev/null $(wildcard deploy/prometheus/* deploy/grafana/*) | cksum) && export PLATFORM_CONFIGURATION \
		&& $(COMPOSE) --project-name $$name --file deploy/platform.yaml $(COMPOSE_OPTIONS) up --detach $(SERVICES)

# Compose wants every variable even to stop.
down: setup ## Stop what up and platform started; what is in volumes stays
	@name=$$($(PROJECT_NAME)) && IMAGE=none POSTGRES_PASSWORD=none S3_ACCESS_KEY=none S3_SECRET_KEY=none \
		GRAFANA_PASSWORD=none $(COMPOSE) --project-name $$name \
		$(addprefix --file ,$(wildcard deploy/compose.yaml deploy/platform.yaml)) $(COMPOSE_OPTIONS) down
