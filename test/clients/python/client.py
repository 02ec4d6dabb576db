"""Calls two contracts of the example fleet with the client that grpcio-tools generates, and prints what came as JSON.

usage: client.py TUMOR_TARGET VOICE_TARGET
"""

import json
import sys
import wave
from array import array

import grpc
from acme.tumor.v1 import tumor_service_pb2 as tumor
from acme.tumor.v1 import tumor_service_pb2_grpc as tumor_grpc
from acme.voice.v1 import voice_service_pb2 as voice
from acme.voice.v1 import voice_service_pb2_grpc as voice_grpc
from google.protobuf import json_format

TIMEOUT_S = 10
CHUNK_SAMPLES = 512


def predict(stub, revision):
    with open("models/tumor/samples/request.json", encoding="utf-8") as file:
        request = json_format.Parse(file.read(), tumor.PredictRequest())
    answer, call = stub.Predict.with_call(request, timeout=TIMEOUT_S, metadata=[("flotilla-revision", revision)])
    return {
        "labels": [tumor.Finding.Name(diagnosis.label) for diagnosis in answer.diagnoses],
        "probabilities": [diagnosis.malignant_probability for diagnosis in answer.diagnoses],
        "trailers": {name: value for name, value in call.trailing_metadata() if name.startswith("flotilla-")},
    }


def refusal(stub, request, metadata=None):
    try:
        stub.Predict(request, timeout=TIMEOUT_S, metadata=metadata)
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details()}
    return None


def chunks():
    with wave.open("models/voice/samples/speech.wav") as file:
        samples = array("h", file.readframes(file.getnframes()))
    for start in range(0, len(samples) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES):
        chunk = [sample / 32768 for sample in samples[start : start + CHUNK_SAMPLES]]
        yield voice.PredictStreamRequest(samples=chunk)


def main(tumor_target, voice_target):
    with grpc.insecure_channel(tumor_target) as tumors, grpc.insecure_channel(voice_target) as voices:
        stub = tumor_grpc.TumorServiceStub(tumors)
        stream = voice_grpc.VoiceServiceStub(voices).PredictStream(chunks(), timeout=60)
        facts = {
            "r1": predict(stub, "r1"),
            "r2": predict(stub, "r2"),
            "empty": refusal(stub, tumor.PredictRequest()),
            "unknownRevision": refusal(stub, tumor.PredictRequest(), [("flotilla-revision", "r9")]),
            "speech": [answer.speech_probability for answer in stream],
        }
    print(json.dumps(facts))


main(*sys.argv[1:])
