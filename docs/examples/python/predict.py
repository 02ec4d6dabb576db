"""Diagnoses samples of tumours. From the repository's folder, while `make serve` runs:

    pip install grpcio-tools
    mkdir -p generated/python
    python -m grpc_tools.protoc -I proto --python_out=generated/python --grpc_python_out=generated/python \
        proto/acme/tumor/v1/*.proto proto/flotilla/v1/*.proto
    PYTHONPATH=generated/python python docs/examples/python/predict.py [host:port]
"""

import sys

import grpc
from acme.tumor.v1 import tumor_service_pb2, tumor_service_pb2_grpc
from google.protobuf import json_format

with open("models/tumor/samples/request.json", encoding="utf-8") as file:
    request = json_format.Parse(file.read(), tumor_service_pb2.PredictRequest())

target = sys.argv[1] if len(sys.argv) > 1 else "localhost:8500"
with grpc.insecure_channel(target) as channel:
    tumors = tumor_service_pb2_grpc.TumorServiceStub(channel)
    answer = tumors.Predict(request, timeout=2)

for diagnosis in answer.diagnoses:
    print(tumor_service_pb2.Finding.Name(diagnosis.label), f"{diagnosis.malignant_probability:.3f}")
