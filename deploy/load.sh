#!/usr/bin/env bash
# load.sh IMAGE...: brings images that are on this machine to the nodes of the cluster of KUBECONFIG or CONTEXT.
#   LOAD="kind load docker-image"   the command that does it, called with an image's name; kind's own where the context is
#                                   one of kind's. Without one nothing is done: the images are in a registry.
set -euo pipefail

command=${LOAD:-}
context=${CONTEXT:-$(kubectl config current-context 2> /dev/null || true)}
if [ -z "$command" ] && [[ $context == kind-* ]]; then
  command="kind load docker-image --name ${context#kind-}"
fi
[ -n "$command" ] || exit 0

for image in "$@"; do
  printf 'loading %s\n' "$image" >&2
  output=$($command "$image" 2>&1) || { printf '%s %s:\n%s\n' "$command" "$image" "$output" >&2; exit 1; }
done
