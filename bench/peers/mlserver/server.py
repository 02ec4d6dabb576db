"""MLServer: Open Inference over gRPC. Without workers of its own it runs models in the server's process."""

import asyncio

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from onnx_model import MAX_BATCH, MAX_DELAY_MS, NAME, PORT, WORKERS, OnnxModel, free_port


class OnnxRuntime(MLModel):
    async def load(self) -> bool:
        self.model = OnnxModel()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = self.model.run({each.name: NumpyCodec.decode_input(each) for each in payload.inputs})
        return InferenceResponse(
            model_name=NAME, outputs=[NumpyCodec.encode_output(name, values) for name, values in outputs.items()]
        )


async def serve() -> None:
    settings = Settings(
        host="127.0.0.1",
        grpc_port=PORT,
        http_port=free_port(),
        metrics_port=free_port(),
        parallel_workers=WORKERS,
        debug=False,
        use_structured_logging=False,
    )
    batching = {"max_batch_size": MAX_BATCH, "max_batch_time": MAX_DELAY_MS / 1e3} if MAX_BATCH > 1 else {}
    # Named by its module, which the workers import.
    model = ModelSettings(name=NAME, implementation="server.OnnxRuntime", **batching)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(serve())
