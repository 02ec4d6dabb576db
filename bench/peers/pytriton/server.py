"""PyTriton: Triton, whose Python back end calls functions of this process; Open Inference over gRPC."""

import os
import sysconfig

from onnx_model import MAX_BATCH, MAX_DELAY_MS, NAME, PORT, WORKERS, OnnxModel, dtype, free_port
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


class Instance:
    """Triton has one run at a time in each."""

    def __init__(self):
        self.model = OnnxModel()
        # Triton takes no output of rows alone, as a classifier's labels are.
        self.outputs = [each for each in self.model.outputs if len(each.shape) > 1]

    @batch
    def __call__(self, **tensors):
        answers = self.model.run(tensors)
        return {each.name: answers[each.name] for each in self.outputs}


def signature(listed) -> list[Tensor]:
    """Shapes without the dimension of rows."""
    return [
        Tensor(name=each.name, dtype=dtype(each).type, shape=[size if isinstance(size, int) else -1 for size in sizes])
        for each in listed
        for sizes in [each.shape[1:]]
    ]


if __name__ == "__main__":
    # Triton's back end has to load the library of this Python, not of the system's.
    os.environ["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")
    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=free_port(),
        grpc_address="127.0.0.1",
        grpc_port=PORT,
        allow_metrics=False,
    )
    instances = [Instance() for _ in range(WORKERS)]
    batcher = DynamicBatcher(max_queue_delay_microseconds=int(MAX_DELAY_MS * 1e3) if MAX_BATCH > 1 else 0)
    with Triton(config=config) as triton:
        triton.bind(
            model_name=NAME,
            infer_func=instances,
            inputs=signature(instances[0].model.inputs),
            outputs=signature(instances[0].outputs),
            config=ModelConfig(max_batch_size=MAX_BATCH, batcher=batcher),
        )
        triton.serve()
