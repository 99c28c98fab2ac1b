# `make` or `make help` lists the targets. Everything runs out of .venv, which `make setup` builds.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST_ARGS ?=
# Seconds that a whole test run may take before it is ended.
TEST_LIMIT ?= 2400

# Tools find the .venv's Ansible and collections, not those of the machine.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONPATH

.PHONY: help setup remediate test static check lint sanity bench figures train interrupts clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make remediate FAULT=bad_image_tag                          another fault of the simulated shop"
	@echo "  make remediate SYSTEM=train-ticket                          another system, such as one of 46 services"
	@echo "  make remediate KEEP=1                                       leave the simulated cluster running, to look at"
	@echo "  make remediate REPORT='cart is down' NAMESPACE=shop KUBECONFIG=~/.kube/config   your own cluster"
	@echo "  make test LAB=1                                             also the tests on the cluster of KUBECONFIG"

setup: ## install everything into .venv, convert the base model (does nothing when it is there)
	@$(PYTHON) setup/install.py

# A KUBECONFIG that happens to be in the environment must not turn the demonstration into a change of that cluster:
# only a REPORT asks for a real one. Values travel by environment, so that no quote in a report ends up as shell,
# and tagged, so that Ansible takes nothing in it for a template.
remediate: setup ## break a service of a simulated shop, and see it repaired
ifdef REPORT
	@export REPORT NAMESPACE="$${NAMESPACE:-}"; $(BIN)/ansible-playbook playbooks/remediate.yml \
	  -e "$$($(BIN)/python -c 'import json, os; text = lambda name: json.dumps(os.environ[name], ensure_ascii=False); \
	    print("{\"report\": !unsafe " + text("REPORT") + (os.environ["NAMESPACE"] and ", \"remediate_namespace\": " + text("NAMESPACE")) + "}")')" \
	  $(if $(OUT),-e remediate_out='$(OUT)') $(if $(MODE),-e remediate_mode='$(MODE)') \
	  $(if $(MODEL),-e remediate_model='$(MODEL)')
else
	@env -u KUBECONFIG $(BIN)/e2ereme demo $(if $(FAULT),--fault '$(FAULT)') $(if $(SEED),--seed '$(SEED)') \
	  $(if $(SYSTEM),--system '$(SYSTEM)') $(if $(SPEED),--speed '$(SPEED)') $(if $(MODEL),--model '$(MODEL)') $(if $(KEEP),--keep)
endif

static: ## import contracts, ruff, mypy
	@$(BIN)/lint-imports --no-cache | tail -n +10
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# Tests change the cluster they run on: one from the environment is used only when LAB=1 says so.
test: setup static ## all tests: unit, component, integration, and with LAB=1 on a real cluster
	@$(if $(LAB),,env -u KUBECONFIG) timeout --kill-after=20 $(TEST_LIMIT) $(BIN)/pytest --durations=5 $(PYTEST_ARGS)

check: setup checks static lint changelog docs sanity units molecule package ## every linter, ansible-test, molecule, pages of the plugins

.PHONY: checks changelog docs units molecule package
checks:
	@$(PYTHON) setup/install.py check

lint: ## ruff format, yamllint, ansible-lint (production), codespell
	@$(BIN)/ruff format --check .
	@$(BIN)/yamllint --strict .
	@$(BIN)/ansible-lint --offline --profile production roles playbooks molecule
	@$(BIN)/codespell

# ansible-test and antsibull-docs take only a checkout that really lies at ansible_collections/e2ereme/remediate: it gets a copy of
# what git would commit, beside it kubernetes.core (for its documentation fragments), and a home in which the pip
# that it would download is already there. Its pylint is left out: it forbids `_` for an unused value; ruff is ours.
define copied
tree=$$(mktemp -d); trap 'rm -rf "$$tree"' EXIT; export HOME=$(CURDIR)/.cache/ansible-test; \
copy=$$tree/ansible_collections/e2ereme/remediate; mkdir -p "$$copy" "$$HOME/.ansible/test/cache"; \
cp -r .venv/lib/python3*/site-packages/ansible_collections/kubernetes "$$tree/ansible_collections/"; \
cp setup/get_pip.py "$$HOME/.ansible/test/cache/get_pip_24_2.py"; \
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - | tar -xf - -C "$$copy"; \
cd "$$copy" && git init -q && git add -A && $(1)
endef

sanity: ## ansible-test sanity, in a copy
	@$(call copied,ansible-test sanity --local --python 3.11 --skip-test pylint $(ARGS))

# Those of the plugins; the others are about the checkout, or need the base model.
UNITS ?= $(wildcard tests/unit/gate/test_*.py $(foreach part,cluster entry loop plan policy probe report telling verify, \
  tests/unit/test_$(part)_*.py))

units: ## ansible-test units on the tests of the plugins, in a copy
	@$(call copied,ansible-test units --local --python 3.11 $(UNITS) $(ARGS))

changelog: ## is every fragment well-formed
	@$(BIN)/antsibull-changelog lint

# antsibull-docs takes kubernetes.core from the tree or from .venv, as it happens; there it would copy what git tracks,
# nothing, were git not kept from looking above .venv.
docs: ## pages of the plugins and roles, into out/docs; their references and markup checked
	@$(call copied,GIT_CEILING_DIRECTORIES=$(CURDIR) ANSIBLE_COLLECTIONS_PATH="$$tree" antsibull-docs lint-collection-docs --plugin-docs \
	  --validate-collection-refs self .)
	@mkdir -p out/docs && $(BIN)/antsibull-docs collection --use-current --fail-on-error --no-indexes \
	  --dest-dir out/docs e2ereme.remediate

# Each scenario runs a role on a simulated cluster of its own.
molecule: ## the roles: converge, idempotence, verify
	@for role in remediate probe verify; do $(BIN)/molecule test --scenario-name $$role || exit 1; done

package: ## the collection's tarball and the wheel, into dist
	@rm -rf dist && mkdir dist && $(BIN)/ansible-galaxy collection build --output-path dist .
	@$(BIN)/hatchling build --target wheel --directory dist

bench: setup ## the table of faults and methods on random systems
	@$(BIN)/e2ereme bench $(ARGS)

figures: setup ## record what `make remediate` prints, and picture the page it leaves, for README.md
	@$(BIN)/python docs/figures/record.py $(ARGS)

bench-speed: setup ## own cost, writing, a three-task run, beside bare ansible-playbook
	@$(BIN)/python tests/benchmark/bench_own_cost.py $(ARGS)

interrupts: setup ## interrupt 30 remediations, each at another moment, and look at what is left
	@$(BIN)/python tests/benchmark/interrupt_moments.py $(ARGS)

bench-probe: setup ## a look at namespaces of 100, 1,000 and 5,000 Pods, on the cluster of KUBECONFIG
	@$(BIN)/python tests/benchmark/bench_probe.py $(ARGS)

train: setup ## make the adapter in model/weights anew (resumes where it stopped)
	@$(BIN)/e2ereme train $(ARGS)

clean: ## remove .venv, the converted base model and what tools cached
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis out dist
