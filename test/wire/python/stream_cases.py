"""ModelStreamInfer through tritonclient's blocking client."""

import queue

import numpy as np
import tritonclient.grpc as grpcclient
from cases import case, run
from tensors import HALF, SAMPLES, raw_input, same


class Stream:
    """A stream and its answers as they come: (result, error)."""

    def __init__(self, target):
        self.client = grpcclient.InferenceServerClient(target)
        self.answers = queue.Queue()
        self.client.start_stream(callback=lambda result, error: self.answers.put((result, error)))

    def send(self, model, inputs, **options):
        self.client.async_stream_infer(model, inputs, **options)

    def next(self):
        return self.answers.get(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_stream()


def x(*rows):
    return [raw_input("x", "FP32", np.float32(rows))]


@case("answers come in the order of requests")
def _(target):
    with Stream(target) as stream:
        stream.send("slow", slow(200), request_id="slow")
        for number in range(500):
            stream.send("scale", x([number, 0, 0]), request_id=str(number))
        result, error = stream.next()
        assert error is None and result.get_response().id == "slow"
        for number in range(500):
            result, error = stream.next()
            assert error is None, error
            assert result.get_response().id == str(number)
            assert result.as_numpy("y")[0, 0] == number * 3


@case("a request that fails is answered with its id, and the stream goes on")
def _(target):
    with Stream(target) as stream:
        stream.send("scale", x([1, 2]), request_id="bad shape")
        stream.send("nobody", x([1, 2, 3]), request_id="bad model")
        stream.send("lookup", [raw_input("index", "INT64", np.array([99]))], request_id="bad run")
        stream.send("scale", x([1, 2, 3]), request_id="good")
        for part in ("expected FP32[-1, 3], got FP32[1, 2]", '"nobody"', "INTERNAL"):
            result, error = stream.next()
            assert result is None and part in error.message(), error
        result, error = stream.next()
        assert error is None and result.get_response().id == "good"


@case("an error carries the id of its request on the wire")
def _(target):
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(target))
    requests = iter([service_pb2.ModelInferRequest(model_name="nobody", id="42")])
    (answer,) = stub.ModelStreamInfer(requests)
    assert answer.infer_response.id == "42"
    assert "NOT_FOUND" in answer.error_message


@case("a stream mixes models, versions and datatypes")
def _(target):
    with Stream(target) as stream:
        stream.send("scale", x([1, 2, 3]), model_version="1")
        stream.send("half", [raw_input("half", "FP16", HALF), *x(*SAMPLES["FP32"])])
        stream.send("text", [raw_input("text", "BYTES", np.array(["héllo"], dtype=object))])
        result, _ = stream.next()
        same(np.float32([[2, 4, 6]]), result.as_numpy("y"))
        result, _ = stream.next()
        same(HALF, result.as_numpy("half_out"))
        result, _ = stream.next()
        assert result.as_numpy("text_out").tolist() == ["héllo".encode()]


@case("the final response is marked where asked")
def _(target):
    with Stream(target) as stream:
        stream.send("scale", x([1, 2, 3]), enable_empty_final_response=True)
        stream.send("scale", x([1, 2, 3]))
        result, _ = stream.next()
        assert result.get_response().parameters["triton_final_response"].bool_param
        result, _ = stream.next()
        assert "triton_final_response" not in result.get_response().parameters


@case("a stream that is cancelled ends at once")
def _(target):
    stream = Stream(target)
    for _ in range(50):
        stream.send("slow", slow(1000))
    stream.client.stop_stream(cancel_requests=True)
    _, error = stream.next()
    while error is None:
        _, error = stream.next()
    assert error.status() == "StatusCode.CANCELLED", error


@case("a stream's deadline ends it")
def _(target):
    client = grpcclient.InferenceServerClient(target)
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put(error), stream_timeout=0.2)
    # More work than any machine does in that time; what is not begun by then never runs.
    for _ in range(500):
        client.async_stream_infer("slow", slow(1500))
    error = answers.get(timeout=60)
    while error is None:
        error = answers.get(timeout=60)
    assert error.status() == "StatusCode.DEADLINE_EXCEEDED", error


def slow(iterations):
    return [
        raw_input("iterations", "INT64", np.array([[iterations]])),
        raw_input("x", "FP32", np.float32([[1]])),
    ]


run()
