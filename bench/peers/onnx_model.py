"""What every peer serves: one model in ONNX Runtime, as the environment that bench/peers/peer-server.ts makes says it."""

import os
import socket

import numpy as np
import onnxruntime

NAME = os.environ["PEER_NAME"]
PORT = int(os.environ["PEER_PORT"])
WORKERS = int(os.environ["PEER_WORKERS"])
# Rows that dynamic batching joins at most; 1: no batching.
MAX_BATCH = int(os.environ["PEER_MAX_BATCH"])
MAX_DELAY_MS = float(os.environ["PEER_MAX_DELAY_MS"])


class OnnxModel:
    """The model of PEER_MODEL, each run with PEER_THREADS threads. Tensors go in and come out in the model's order."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["PEER_THREADS"])
        options.inter_op_num_threads = 1
        path = os.environ["PEER_MODEL"]
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        self.outputs = self.session.get_outputs()

    def run(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = [each.name for each in self.outputs]
        return dict(zip(names, self.session.run(names, tensors)))

    def run_rows(self, rows: list[bytes]) -> list[bytes]:
        """One run for some rows, each all its tensors' bytes one after the other; the answers likewise."""
        split = [self.split(row) for row in rows]
        joined = {name: np.concatenate([row[name] for row in split]) for name in split[0]}
        outputs = self.run(joined).values()
        return [b"".join(output[index].tobytes() for output in outputs) for index in range(len(rows))]

    def split(self, row: bytes) -> dict[str, np.ndarray]:
        """The tensors of a row: all inputs have the same number of bytes, and one free dimension is inferred."""
        size = len(row) // len(self.inputs)
        return {
            each.name: np.frombuffer(row, dtype(each), size // dtype(each).itemsize, index * size).reshape(
                1, *(length if isinstance(length, int) else -1 for length in each.shape[1:])
            )
            for index, each in enumerate(self.inputs)
        }


def dtype(tensor) -> np.dtype:
    """NumPy's type of an ONNX input or output."""
    return np.dtype({"tensor(float)": "float32", "tensor(int64)": "int64"}[tensor.type])


def free_port() -> int:
    """A port for what a server opens besides the one that is measured."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
