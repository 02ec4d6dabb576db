"""LitServe: HTTP, bodies as they are."""

from typing import Annotated

import litserve
from fastapi import Body, Response
from onnx_model import MAX_BATCH, MAX_DELAY_MS, PORT, WORKERS, OnnxModel


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = OnnxModel()

    def decode_request(self, request: Annotated[bytes, Body(media_type="application/octet-stream")]):
        return request

    def batch(self, inputs):
        return inputs

    def predict(self, x):
        return self.model.run_rows(x) if MAX_BATCH > 1 else self.model.run_rows([x])[0]

    def unbatch(self, output):
        return output

    def encode_response(self, output) -> Response:
        return Response(output, media_type="application/octet-stream")


if __name__ == "__main__":
    batching = {"max_batch_size": MAX_BATCH, "batch_timeout": MAX_DELAY_MS / 1e3} if MAX_BATCH > 1 else {}
    server = litserve.LitServer(
        Api(**batching), accelerator="cpu", workers_per_device=WORKERS, fast_queue=True, timeout=60
    )
    server.run(host="127.0.0.1", port=PORT, log_level="warning", generate_client_file=False)
