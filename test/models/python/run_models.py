"""Runs models by ONNX Runtime in Python, for tests that compare its answers with ours.

Standard input, JSON: a list of {"model": path, "inputs": {name: {"datatype", "shape", "base64"}}}, the elements as
little-endian bytes. Standard output: for each the same of its outputs, {name: {"shape", "base64"}}.
"""

import base64
import json
import sys

import numpy as np
import onnxruntime

DATATYPES = {"FP32": np.float32, "INT64": np.int64}


def decode(tensor: dict) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(tensor["base64"]), DATATYPES[tensor["datatype"]])
    return data.reshape(tensor["shape"])


def encode(array: np.ndarray) -> dict:
    return {"shape": array.shape, "base64": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()}


def main() -> None:
    onnxruntime.set_default_logger_severity(3)
    sessions, answers = {}, []
    for run in json.load(sys.stdin):
        path = run["model"]
        if path not in sessions:
            sessions[path] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        session = sessions[path]
        names = [output.name for output in session.get_outputs()]
        outputs = session.run(names, {name: decode(tensor) for name, tensor in run["inputs"].items()})
        answers.append({name: encode(array) for name, array in zip(names, outputs)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
