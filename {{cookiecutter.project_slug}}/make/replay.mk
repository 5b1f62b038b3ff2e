# Real months, played through the service.
.PHONY: replay

##@ Retrain
replay: source ## Play real months through the service: MONTHS=2013-02..2013-12, SPEED=full or requests a second
	@[ -n "$(MONTHS)" ] || { echo "replay: say which months: make replay MONTHS=2013-02..2013-12" >&2; exit 2; }
	$(RUN) -m lifecycle replay "$(MONTHS)" --speed "$(or $(SPEED),full)"
