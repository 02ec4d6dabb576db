# What deploy.sh and undeploy.sh have in common: the cluster, and what the manifests say of themselves.
FOLDER=${1:-generated/manifests}
MANAGER=flotilla
# Written on a namespace that was not there before.
MADE=flotilla.dev/made-by

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

say() { printf '%s\n' "$*" >&2; }

# kubectl against the cluster of KUBECONFIG, and of CONTEXT where that is set.
kube() { kubectl ${CONTEXT:+--context "$CONTEXT"} "$@"; }

[ -e "$FOLDER/fleet/namespace.yaml" ] || die "$FOLDER: no manifests of a fleet; write them with \`make manifests\`"
command -v kubectl > /dev/null || die "kubectl is not on PATH"
kube get --raw /readyz > /dev/null 2>&1 || die "no cluster answers: set KUBECONFIG, or CONTEXT to one of \`kubectl config get-contexts\`"

# The first object of that file is the Namespace.
NAMESPACE=$(sed -n 's/^  name: //p' "$FOLDER/fleet/namespace.yaml" | head -n 1)
FLEET=$(sed -n 's/^    app.kubernetes.io\/part-of: //p' "$FOLDER/fleet/namespace.yaml" | head -n 1)
SELECTOR=app.kubernetes.io/part-of=$FLEET,app.kubernetes.io/managed-by=$MANAGER
