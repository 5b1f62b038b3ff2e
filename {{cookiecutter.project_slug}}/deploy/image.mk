# What a release does with the image that `make image` builds.
.PHONY: sbom push

##@ What CI calls
sbom: setup ## List everything that is in that image in dist/image-sbom.cdx.json (CycloneDX)
	@tag=$$($(CHAMPION)) && mkdir -p dist && $(DOCKER) run --rm --interactive --network none --read-only \
			--entrypoint python $$tag -I - < src/lifecycle/delivery/inventory.py > dist/inventory.json \
		&& $(RUN) -m lifecycle image-sbom dist/image-sbom.cdx.json < dist/inventory.json

# A name with capitals is none for an image. What is pushed is known by its digest from then on.
push: setup ## Push that image to REPOSITORY=host/owner/name, and write its digest to dist/image.txt
	@[ -n "$(REPOSITORY)" ] || { echo "push: say where: make push REPOSITORY=host/owner/name" >&2; exit 2; }
	@tag=$$($(CHAMPION)) && mkdir -p dist \
		&& name=$$(printf %s "$(REPOSITORY)" | tr '[:upper:]' '[:lower:]'):$${tag#*:} \
		&& $(DOCKER) tag $$tag $$name && $(DOCKER) push $$name > dist/push.txt && cat dist/push.txt \
		&& digest=$$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' dist/push.txt) \
		&& echo "$${name%:*}@$${digest:?the registry told no digest}" > dist/image.txt \
		&& echo "push: $$(cat dist/image.txt)" && $(RUN) -m lifecycle outputs < dist/image.txt
