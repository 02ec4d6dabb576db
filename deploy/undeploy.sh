#!/usr/bin/env bash
# undeploy.sh [FOLDER]: takes away what deploy.sh made: every object with the fleet's labels, and the namespace if that was
# new and holds nothing else.
set -euo pipefail
source "$(dirname "$0")/cluster.sh"

# What Kubernetes and Istio put into each namespace, and what follows from other objects.
OWN='^(configmap/(kube-root-ca\.crt|istio-ca-root-cert|istio-ca-crl)|serviceaccount/default|event|endpoints|endpointslice|lease|podmetrics|pod/)'

kinds() { kube api-resources --verbs="$1" --namespaced -o name | grep -Ev '^events|^pods$|metrics\.k8s\.io$' | paste -sd,; }

others() {
  kube get "$(kinds list,delete)" -n "$NAMESPACE" -o name --ignore-not-found 2> /dev/null |
    sed -E 's/^([a-z]+)[a-z0-9.-]*\//\1\//' | grep -Ev "$OWN" || true
}

kube get namespace "$NAMESPACE" > /dev/null 2>&1 || { say "namespace $NAMESPACE is not there"; exit 0; }
kube delete "$(kinds list,delete)" -n "$NAMESPACE" -l "$SELECTOR" --ignore-not-found > /dev/null
say "deleted what carries $SELECTOR in $NAMESPACE"
kube wait pods -n "$NAMESPACE" -l "$SELECTOR" --for=delete --timeout=180s > /dev/null
made=$(kube get namespace "$NAMESPACE" -o "jsonpath={.metadata.annotations.${MADE//./\\.}}")
left=$(others)
if [ "$made" != "$MANAGER" ]; then
  say "namespace $NAMESPACE was there before, and stays"
elif [ -n "$left" ]; then
  say "namespace $NAMESPACE stays, as it holds:" "$(paste -sd' ' <<< "$left")"
else
  kube delete namespace "$NAMESPACE" > /dev/null
  say "namespace $NAMESPACE is gone"
fi
