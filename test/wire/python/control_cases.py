"""Loading and unloading through tritonclient, on a server that allows it."""

import numpy as np
import tritonclient.grpc as grpcclient
from cases import case, fails, run
from tensors import raw_input


def client(target):
    return grpcclient.InferenceServerClient(target)


def infer(target):
    return client(target).infer("scale", [raw_input("x", "FP32", np.float32([[1, 2, 3]]))]).as_numpy("y")


@case("a model is unloaded and loaded again")
def _(target):
    assert infer(target)[0, 0] == 3
    client(target).unload_model("scale")
    assert not client(target).is_model_ready("scale")
    (state,) = {model.state for model in client(target).get_model_repository_index().models if model.name == "scale"}
    assert state == "UNAVAILABLE", state
    fails("UNAVAILABLE", '"scale"', by=lambda: infer(target))
    client(target).load_model("scale")
    assert client(target).is_model_ready("scale")
    assert infer(target)[0, 0] == 3


@case("what is not there can't be loaded or unloaded")
def _(target):
    fails("NOT_FOUND", '"nobody"', by=lambda: client(target).load_model("nobody"))
    fails("NOT_FOUND", '"nobody"', by=lambda: client(target).unload_model("nobody"))
    fails("NOT_FOUND", by=lambda: client(target).load_model("../scale"))
    fails("UNAVAILABLE", by=lambda: client(target).load_model("broken"))


@case("a model's files come from the server's folder, never from a caller")
def _(target):
    config = {"config": '{"backend": "onnxruntime"}', "files": {"file:1/model.onnx": b"x"}}
    fails("UNIMPLEMENTED", "not supported", by=lambda: client(target).load_model("scale", **config))


run()
