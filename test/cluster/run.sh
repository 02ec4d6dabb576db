#!/usr/bin/env bash
# run.sh [faults | TEST...]: the tests that need a cluster with Istio, against that of KUBECONFIG or CONTEXT.
# FLOTILLA_TEST_IMAGE names the runtime image where the images are in the cluster already. Without it they are built, with
# what `make image` takes, and brought there as deploy/load.sh does.
set -euo pipefail

kube() { kubectl ${CONTEXT:+--context "$CONTEXT"} "$@"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

command -v kubectl > /dev/null || die "kubectl is not on PATH"
kube get --raw /readyz > /dev/null 2>&1 || die "no cluster answers: set KUBECONFIG, or CONTEXT to one of \`kubectl config get-contexts\`"
kube get crd virtualservices.networking.istio.io > /dev/null 2>&1 || die "the cluster has no Istio: \`istioctl install\` first"

if [ -z "${FLOTILLA_TEST_IMAGE:-}" ]; then
  contracts="acme.tumor.v1 acme.voice.v1 acme.ocr.v1 acme.ocr_detector.v1 acme.ocr_recognizer.v1"
  make --no-print-directory image NAMES="$contracts"
  # Word by word: each is a contract, and each an image.
  # shellcheck disable=SC2046,SC2086
  deploy/load.sh $(node dist/src/bin/flotilla.js package $contracts --dry-run | sed -n 's/.* --tag \([^ ]*\) .*/\1/p')
fi

[ "${1:-}" != faults ] || exec node dist/test/cluster/faults/main.js
[ $# -gt 0 ] || set -- 'dist/test/cluster/**/*.test.js'
exec mocha --reporter dist/test/cluster/support/reporter.js --require dist/test/cluster/support/hooks.js "$@"
