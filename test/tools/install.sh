#!/usr/bin/env bash
# Builds the tests' Go programs into .tools/, pinned by the go.mod and go.sum of each module here: grpcurl, ghz,
# protoc-gen-go and protoc-gen-go-grpc in this folder, and one program each in the folders of PROGRAMS, whose modules
# would not agree on versions; and copies Kafka, as kafka/pom.xml pins it, into .tools/kafka/. Does nothing where they are up
# to date. Without Go, or without Java and Maven, the tests that need them are skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools
stamp=$tools/.stamp
# Folder and program: an S3-compatible store, a critic of manifests, and a broker.
declare -A PROGRAMS=([s3]=versitygw [score]=kube-score [nats]=nats-server)

install_kafka() {
  if ! command -v java > /dev/null || ! command -v mvn > /dev/null; then
    echo "Java or Maven is not installed: the tests with Kafka are skipped (https://adoptium.net, https://maven.apache.org)" >&2
    return
  fi
  [ "$tools/kafka/.stamp" -nt "$here/kafka/pom.xml" ] && return
  echo "copying the tests' Kafka into .tools/kafka (once)"
  rm -rf "$tools/kafka"
  if ! mvn --quiet --batch-mode --file "$here/kafka/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$tools/kafka"; then
    rm -rf "$tools/kafka"
    echo "Maven could not fetch Kafka (its error is above): the tests with Kafka are skipped" >&2
    return
  fi
  touch "$tools/kafka/.stamp"
}

install_kafka
if ! command -v go > /dev/null; then
  echo "Go is not installed: the tests with grpcurl, ghz, the Go client, an S3 store and NATS are skipped (https://go.dev/dl)" >&2
  exit 0
fi

fresh() {
  [ -e "$stamp" ] || return 1
  [ "$stamp" -nt "$here/install.sh" ] || return 1
  for folder in . "${!PROGRAMS[@]}"; do
    [ "$stamp" -nt "$here/$folder/go.mod" ] && [ "$stamp" -nt "$here/$folder/go.sum" ] || return 1
  done
  for tool in grpcurl ghz protoc-gen-go protoc-gen-go-grpc "${PROGRAMS[@]}"; do
    [ -x "$tools/$tool" ] || return 1
  done
}

if fresh; then exit 0; fi
mkdir -p "$tools"
echo "building the tests' Go programs into .tools/ (a few minutes, once)"
for folder in . "${!PROGRAMS[@]}"; do
  (cd "$here/$folder" && GOBIN=$tools go install tool)
done
touch "$stamp"
