#!/usr/bin/env bash
# Copies the CRDs that a fleet may need beyond Istio's into .tools/crds/, from the Go modules that test/tools/crds/go.mod
# pins: the Prometheus operator, the Gateway API, Argo Rollouts, Flagger and KEDA. Prints the folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../.." && pwd)/.tools/crds

module() {
  (cd "$here/crds" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
}

operator=$(module github.com/prometheus-operator/prometheus-operator)/example/prometheus-operator-crd
gateway=$(module sigs.k8s.io/gateway-api)/config/crd/standard
argo=$(module github.com/argoproj/argo-rollouts)/manifests/crds
flagger=$(module github.com/fluxcd/flagger)/artifacts/flagger
keda=$(module github.com/kedacore/keda/v2)/config/crd/bases

rm -rf "$target"
mkdir -p "$target"
install -m 644 "$operator"/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml "$target"
install -m 644 "$gateway"/gateway.networking.k8s.io_{gatewayclasses,gateways,grpcroutes}.yaml "$target"
install -m 644 "$argo"/{rollout,analysis-template}-crd.yaml "$target"
install -m 644 "$flagger"/crd.yaml "$target/flagger-crds.yaml"
install -m 644 "$keda"/keda.sh_{scaledobjects,triggerauthentications}.yaml "$target"
echo "$target"
