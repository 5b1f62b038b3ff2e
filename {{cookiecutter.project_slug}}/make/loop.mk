# Newer months.
.PHONY: retrain

##@ Retrain
retrain: source ## Move the data window (END=YYYY-MM), run pipeline, gate and rollout (RELEASE=no: not that)
	$(RUN) -m lifecycle retrain $${END:+--end "$$END"} $(if $(filter no,$(RELEASE)),--no-release)
