# Your own data.
.PHONY: adopt

# What was typed behind `make adopt`, and nothing of those names that the environment happens to have.
typed = $(if $(filter command,$(origin $1)),$2 "$$$1")

##@ Change it
adopt: setup ## Write schema, expectations and parameters from your data: SOURCE=rows.csv TARGET=column
	@$(RUN) -m lifecycle adopt $(call typed,TIME,--time) $(call typed,KEY,--key) $(call typed,GROUP,--group) \
		$(call typed,TASK,--task) $(call typed,POSITIVE,--positive) $(call typed,SENSITIVE,--sensitive) \
		$(call typed,QUERY,--query) $(call typed,SOURCE) $(call typed,TARGET)
