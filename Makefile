# `make dashboard` is all that a newcomer needs; everything runs from .venv, and nothing is installed outside it.

PORT ?= 8501
VENV := .venv
PYTHON := $(VENV)/bin/python
# The first of these that is new enough makes the environment.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help dashboard test lint format checkpoints features screenshots

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

dashboard: $(VENV)/requirements.stamp ## open the dashboard in the browser; PORT=8501
	$(VENV)/bin/streamlit run dashboard/main.py --server.port $(PORT)

test: lint ## lint, then the whole test suite
	$(PYTHON) -m pytest -n 2 --dist loadfile

lint: $(VENV)/requirements-dev.stamp ## check style and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/requirements-dev.stamp ## mend style and format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

checkpoints: $(VENV)/requirements.stamp ## train every checkpoint of checkpoints/recipes.txt again
	set -e; grep -v '^ *\(#\|$$\)' checkpoints/recipes.txt | while read -r recipe; do \
		$(PYTHON) -m train $$recipe --overwrite < /dev/null || exit 1; \
	done
	set -e; for config in checkpoints/*/*/config.json; do \
		for dims in 2 3; do $(PYTHON) -m latent project $$(dirname $$config) --dims $$dims --ship; done; \
	done
	$(PYTHON) -m aemodels table > checkpoints/README.md

features: $(VENV)/requirements.stamp ## train the classifiers that samples are judged by again
	$(PYTHON) -m train.features digits --epochs 60
	$(PYTHON) -m train.features fashion-mnist
	$(PYTHON) -m train.features sprites --epochs 6 --width 16

screenshots: $(VENV)/requirements-dev.stamp ## take the README's pictures of every page
	$(PYTHON) -m tools.screenshots

# A stamp holds a copy of the list that was installed: where it still agrees, nothing is done.
$(VENV)/requirements.stamp: requirements.txt | $(PYTHON)
	@cmp -s $< $@ || $(PYTHON) -m pip install --disable-pip-version-check -r $<
	@cp $< $@

$(VENV)/requirements-dev.stamp: requirements-dev.txt $(VENV)/requirements.stamp
	@cmp -s $< $@ || $(PYTHON) -m pip install --disable-pip-version-check -r $<
	@cp $< $@

$(PYTHON):
	@for python in $(PYTHONS); do \
		if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
			echo "Making $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo "Latentboard needs Python 3.11 or newer with its venv module; $$(python3 --version 2>&1 || echo 'there is no python3')" >&2; exit 1
