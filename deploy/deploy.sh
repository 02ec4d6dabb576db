#!/usr/bin/env bash
# deploy.sh [FOLDER]: puts a fleet's manifests on the cluster of KUBECONFIG or CONTEXT, and waits until all pods are ready.
# LIMIT=600 says how many seconds they may take; load.sh how images get to the cluster's nodes.
set -euo pipefail
source "$(dirname "$0")/cluster.sh"
LIMIT=${LIMIT:-600}

# A line for each Deployment: name, replicas wanted, ready ones of the newest state, and whether the state is observed.
deployments() {
  kube get deployments -n "$NAMESPACE" -l "$SELECTOR" -o \
    'jsonpath={range .items[*]}{.metadata.name} {.spec.replicas} {.status.updatedReplicas} {.status.availableReplicas} {.metadata.generation} {.status.observedGeneration}{"\n"}{end}' |
    awk '{ known = NF == 6 && $5 == $6; ready = known ? ($3 < $4 ? $3 : $4) : 0; print $1, $2, ready }'
}

# Why pods of a Deployment are not ready, in a word.
reasons() {
  kube get pods -n "$NAMESPACE" -l "app.kubernetes.io/instance=$1" -o \
    'jsonpath={range .items[*]}{.status.containerStatuses[*].state.waiting.reason} {.status.initContainerStatuses[*].state.waiting.reason} {.status.conditions[?(@.type=="PodScheduled")].reason}{"\n"}{end}' |
    tr ' ' '\n' | grep -vx -e '' -e PodInitializing -e ContainerCreating | sort -u | paste -sd' ' || true
}

wait_for_pods() {
  local end=$((SECONDS + LIMIT)) before='' table wanted ready late line
  while :; do
    table=$(deployments)
    read -r wanted ready < <(awk '{ wanted += $2; ready += $3 } END { print wanted + 0, ready + 0 }' <<< "$table")
    late=$(awk '$3 < $2 { print $1; exit }' <<< "$table")
    [ -n "$late" ] || break
    line="$ready of $wanted pods ready; waiting for $late $(reasons "$late")"
    [ "$line" = "$before" ] || say "$line"
    before=$line
    [ $SECONDS -lt $end ] || die "not ready within $LIMIT s: kubectl describe pods -n $NAMESPACE -l app.kubernetes.io/instance=$late"
    sleep 2
  done
  say "$ready of $wanted pods ready"
}

kube get crd virtualservices.networking.istio.io > /dev/null 2>&1 || die "the cluster has no Istio: \`istioctl install\` first"
# Word by word: each is an image.
# shellcheck disable=SC2046
"$(dirname "$0")/load.sh" $(kube kustomize "$FOLDER" | sed -n 's/^ *image: //p' | sort -u)
if ! kube get namespace "$NAMESPACE" > /dev/null 2>&1; then
  kube create namespace "$NAMESPACE" > /dev/null
  kube annotate namespace "$NAMESPACE" "$MADE=$MANAGER" > /dev/null
  say "namespace $NAMESPACE is new"
fi
kube apply --server-side --force-conflicts -k "$FOLDER" > /dev/null
say "applied $FOLDER"
wait_for_pods
