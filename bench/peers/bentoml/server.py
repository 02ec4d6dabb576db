"""BentoML: HTTP. It has no body of bare bytes for tensors; base64 in JSON is what costs it least."""

import base64
import os
import sys

import bentoml
from onnx_model import MAX_BATCH, MAX_DELAY_MS, PORT, WORKERS, OnnxModel

BATCHING = {"batchable": True, "max_batch_size": MAX_BATCH, "max_latency_ms": 60_000} if MAX_BATCH > 1 else {}


@bentoml.service(workers=WORKERS, threads=1, traffic={"timeout": 60}, metrics={"enabled": False})
class Peer:
    def __init__(self):
        self.model = OnnxModel()

    @bentoml.api(route="/predict", **BATCHING)
    def predict(self, rows: list[str]) -> list[str]:
        answers = self.model.run_rows([base64.b64decode(row) for row in rows])
        return [base64.b64encode(answer).decode() for answer in answers]


if __name__ == "__main__":
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.chdir(os.path.dirname(__file__))
    serve = ["serve", "server:Peer", "--host", "127.0.0.1", "--port", str(PORT)]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *serve])
