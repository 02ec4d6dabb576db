"""Ray Serve: gRPC, with the Open Inference service as Triton's client package has it."""

import signal

import numpy as np
import ray
from onnx_model import MAX_BATCH, MAX_DELAY_MS, NAME, PORT, WORKERS, OnnxModel, free_port
from ray import serve
from ray.serve.config import gRPCOptions
from tritonclient.grpc import service_pb2 as oip
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

SERVICER = "tritonclient.grpc.service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server"


class Peer:
    def __init__(self):
        self.model = OnnxModel()

    async def ModelInfer(self, request: oip.ModelInferRequest) -> oip.ModelInferResponse:
        tensors = {
            each.name: np.frombuffer(raw, triton_to_np_dtype(each.datatype)).reshape(each.shape)
            for each, raw in zip(request.inputs, request.raw_input_contents)
        }
        return answer(await self.joined(tensors) if MAX_BATCH > 1 else self.model.run(tensors))

    @serve.batch(max_batch_size=max(1, MAX_BATCH), batch_wait_timeout_s=MAX_DELAY_MS / 1e3)
    async def joined(self, calls: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        outputs = self.model.run({name: np.concatenate([call[name] for call in calls]) for name in calls[0]})
        return [{name: values[row : row + 1] for name, values in outputs.items()} for row in range(len(calls))]


def answer(outputs: dict[str, np.ndarray]) -> oip.ModelInferResponse:
    tensor = oip.ModelInferResponse.InferOutputTensor
    return oip.ModelInferResponse(
        model_name=NAME,
        outputs=[
            tensor(name=name, datatype=np_to_triton_dtype(values.dtype), shape=values.shape)
            for name, values in outputs.items()
        ],
        raw_output_contents=[values.tobytes() for values in outputs.values()],
    )


def main() -> None:
    deployment = serve.deployment(
        num_replicas=WORKERS,
        max_ongoing_requests=256,
        ray_actor_options={"num_cpus": 0},
        logging_config={"enable_access_log": False},
    )(Peer)
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": free_port()},
        grpc_options=gRPCOptions(port=PORT, grpc_servicer_functions=[SERVICER]),
    )
    serve.run(deployment.bind(), name=NAME, route_prefix="/")
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    ray.shutdown()


if __name__ == "__main__":
    # Replicas import the class by its module's name.
    import server

    server.main()
