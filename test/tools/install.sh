#!/usr/bin/env bash
# Builds the tests' Go programs into .tools/, pinned by go.mod and go.sum beside this file: grpcurl, ghz, protoc-gen-go,
# protoc-gen-go-grpc. Does nothing where they are up to date. Without Go the tests that need them are skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools
stamp=$tools/.stamp

if ! command -v go > /dev/null; then
  echo "Go is not installed: the tests with grpcurl, ghz and the Go client are skipped (https://go.dev/dl)" >&2
  exit 0
fi

fresh() {
  [ -e "$stamp" ] || return 1
  for source in "$here"/go.mod "$here"/go.sum "$here"/install.sh; do
    [ "$stamp" -nt "$source" ] || return 1
  done
  for tool in grpcurl ghz protoc-gen-go protoc-gen-go-grpc; do
    [ -x "$tools/$tool" ] || return 1
  done
}

if fresh; then exit 0; fi
mkdir -p "$tools"
echo "building grpcurl, ghz and Go's protobuf plugins into .tools/ (a minute or two, once)"
cd "$here"
GOBIN=$tools go install tool
touch "$stamp"
