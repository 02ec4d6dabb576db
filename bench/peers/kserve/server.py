"""KServe's Python server: Open Inference over gRPC. It has one process for gRPC; workers are threads that run the model."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.numpy_codec import from_np_dtype
from onnx_model import NAME, PORT, WORKERS, OnnxModel, free_port


class OnnxRuntime(Model):
    def __init__(self):
        super().__init__(NAME)
        self.model = OnnxModel()
        self.threads = ThreadPoolExecutor(WORKERS) if WORKERS > 0 else None
        self.ready = True

    async def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        tensors = {each.name: each.as_numpy() for each in payload.inputs}
        if self.threads is None:
            outputs = self.model.run(tensors)
        else:
            outputs = await asyncio.get_running_loop().run_in_executor(self.threads, self.model.run, tensors)
        return InferResponse(
            response_id=payload.id,
            model_name=NAME,
            infer_outputs=[output(name, values) for name, values in outputs.items()],
            use_binary_outputs=payload.use_binary_outputs,
        )


def output(name: str, values: np.ndarray) -> InferOutput:
    made = InferOutput(name, list(values.shape), from_np_dtype(values.dtype))
    made.set_data_from_numpy(values, binary_data=True)
    return made


if __name__ == "__main__":
    ModelServer(http_port=free_port(), grpc_port=PORT, enable_latency_logging=False).start([OnnxRuntime()])
