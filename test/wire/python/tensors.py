"""Tensors of every datatype of the protocol, and requests that carry them raw or typed."""

import numpy as np
import tritonclient.grpc as grpcclient
from tritonclient.grpc import service_pb2

LIMITS = {
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}

#: Two rows of two for each datatype, with the values that a careless codec gets wrong.
SAMPLES = {
    "BOOL": np.array([[True, False], [False, True]]),
    **{
        name: np.array([[np.iinfo(t).min, np.iinfo(t).max], [1, np.iinfo(t).max - 1]], dtype=t)
        for name, t in LIMITS.items()
    },
    "FP32": np.array([[0.1, np.nan], [-np.inf, 3.4e38]], dtype=np.float32),
    "FP64": np.array([[0.1, np.nan], [-np.inf, 1.7e308]], dtype=np.float64),
    "BYTES": np.array([["", "grüß"], ["日本語", "a\nb"]], dtype=object),
}

HALF = np.array([[1.5, -np.inf], [np.nan, 6.1e-05]], dtype=np.float16)

FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def raw_input(name, datatype, array):
    tensor = grpcclient.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


def typed_request(model, arrays, outputs=()):
    """A request with typed contents: tritonclient's messages, though its own helper always sends raw ones."""
    request = service_pb2.ModelInferRequest(model_name=model)
    for name, (datatype, array) in arrays.items():
        tensor = request.inputs.add(name=name, datatype=datatype, shape=array.shape)
        values = array.flatten().tolist()
        if datatype == "BYTES":
            values = [value.encode() for value in values]
        getattr(tensor.contents, FIELDS[datatype]).extend(values)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def typed_values(output):
    """The elements of an output with typed contents, as numpy has them."""
    values = list(getattr(output.contents, FIELDS[output.datatype]))
    if output.datatype == "BYTES":
        return np.array(values, dtype=object).reshape(output.shape)
    return np.array(values, dtype=SAMPLES[output.datatype].dtype).reshape(output.shape)


def as_bytes(array):
    """Strings as tritonclient gives them back."""
    return np.vectorize(lambda text: text.encode(), otypes=[object])(array)


def same(expected, got):
    """Equal to the last bit, shape and datatype included."""
    assert got is not None, "no such output"
    if expected.dtype == object:
        expected = as_bytes(expected)
        assert expected.shape == got.shape and (expected == got).all(), f"{expected} != {got}"
        return
    assert expected.dtype == got.dtype, f"{expected.dtype} != {got.dtype}"
    assert expected.shape == got.shape, f"{expected.shape} != {got.shape}"
    assert expected.tobytes() == got.tobytes(), f"{expected} != {got}"
