"""ModelInfer through tritonclient's blocking client."""

import queue
import threading

import grpc
import numpy as np
import tritonclient.grpc as grpcclient
from cases import case, fails, run
from tensors import HALF, SAMPLES, raw_input, same, typed_request, typed_values
from tritonclient.grpc import service_pb2, service_pb2_grpc

Output = grpcclient.InferRequestedOutput


def client(target):
    return grpcclient.InferenceServerClient(target)


def stub(target):
    return service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(target))


def echo_inputs(**changed):
    arrays = {datatype: SAMPLES[datatype] for datatype in SAMPLES}
    arrays.update(changed)
    return [raw_input(name, name, array) for name, array in arrays.items()]


def x(array):
    return [raw_input("x", "FP32", np.asarray(array, dtype=np.float32))]


def raw_case(datatype):
    @case(f"{datatype} raw")
    def _(target):
        result = client(target).infer("echo", echo_inputs(), outputs=[Output(f"{datatype}_out")])
        response = result.get_response()
        assert len(response.raw_output_contents) == 1
        assert not response.outputs[0].HasField("contents")
        assert response.outputs[0].datatype == datatype
        same(SAMPLES[datatype], result.as_numpy(f"{datatype}_out"))


def typed_case(datatype):
    @case(f"{datatype} typed")
    def _(target):
        arrays = {name: (name, array) for name, array in SAMPLES.items()}
        response = stub(target).ModelInfer(typed_request("echo", arrays, [f"{datatype}_out"]))
        assert len(response.raw_output_contents) == 0
        assert response.outputs[0].datatype == datatype
        expected = SAMPLES[datatype]
        same(expected, typed_values(response.outputs[0]))


for each in SAMPLES:
    raw_case(each)
    typed_case(each)


@case("FP16 raw")
def _(target):
    result = client(target).infer("half", [raw_input("half", "FP16", HALF), *x(SAMPLES["FP32"])])
    same(HALF, result.as_numpy("half_out"))
    same(SAMPLES["FP32"], result.as_numpy("x_out"))


@case("FP16 typed is refused")
def _(target):
    request = service_pb2.ModelInferRequest(model_name="half")
    for name, datatype in (("half", "FP16"), ("x", "FP32")):
        request.inputs.add(name=name, datatype=datatype, shape=[1, 2]).contents.fp32_contents.extend([1, 2])
    refused(target, request, "INVALID_ARGUMENT", 'input "half"', "FP16", "raw_input_contents")


@case("a typed request whose output is FP16 is answered raw")
def _(target):
    arrays = {"x": ("FP32", np.float32([[1.5, -2]]))}
    response = stub(target).ModelInfer(typed_request("to_half", arrays))
    assert len(response.raw_output_contents) == 1
    same(np.float16([[1.5, -2]]), grpcclient.InferResult(response).as_numpy("y"))


@case("BYTES raw and typed are the same answer")
def _(target):
    raw = client(target).infer("echo", echo_inputs(), outputs=[Output("BYTES_out")]).as_numpy("BYTES_out")
    arrays = {name: (name, array) for name, array in SAMPLES.items()}
    response = stub(target).ModelInfer(typed_request("echo", arrays, ["BYTES_out"]))
    # Not tritonclient's as_numpy: of typed strings it makes an array by a call that NumPy 2 refuses.
    assert (raw == typed_values(response.outputs[0])).all()


@case("scalars")
def _(target):
    number, text = np.array(2.5, dtype=np.float32), np.array("é", dtype=object)
    inputs = [raw_input("number", "FP32", number), raw_input("text", "BYTES", text)]
    result = client(target).infer("scalar", inputs)
    same(number, result.as_numpy("number_out"))
    same(text, result.as_numpy("text_out"))
    typed = {"number": ("FP32", number), "text": ("BYTES", text)}
    response = stub(target).ModelInfer(typed_request("scalar", typed))
    assert list(response.outputs[0].contents.fp32_contents) == [2.5]
    assert list(response.outputs[0].shape) == []


@case("an empty batch")
def _(target):
    empty = {name: array[:0] for name, array in SAMPLES.items()}
    inputs = [raw_input(name, name, array) for name, array in empty.items()]
    result = client(target).infer("echo", inputs)
    for name, array in empty.items():
        same(array, result.as_numpy(f"{name}_out"))
    response = stub(target).ModelInfer(typed_request("echo", {name: (name, array) for name, array in empty.items()}))
    assert all(list(output.shape) == [0, 2] for output in response.outputs)


@case("a large tensor")
def _(target):
    array = np.random.default_rng(1).standard_normal((50_000, 3)).astype(np.float32)
    same(array * 2, client(target).infer("scale", x(array), model_version="1").as_numpy("y"))
    response = stub(target).ModelInfer(typed_request("scale", {"x": ("FP32", array)}))
    same(array * 3, typed_values(response.outputs[0]))


@case("outputs that are asked for, in that order")
def _(target):
    names = ["INT8_out", "BOOL_out", "FP64_out"]
    result = client(target).infer("echo", echo_inputs(), outputs=[Output(name) for name in names])
    assert [output.name for output in result.get_response().outputs] == names
    for name in names:
        same(SAMPLES[name.removesuffix("_out")], result.as_numpy(name))


@case("inputs in any order")
def _(target):
    result = client(target).infer("echo", list(reversed(echo_inputs())))
    for name, array in SAMPLES.items():
        same(array, result.as_numpy(f"{name}_out"))


@case("id, name and version come back")
def _(target):
    response = client(target).infer("scale", x([[1, 2, 3]]), request_id="call-7").get_response()
    assert (response.model_name, response.model_version, response.id) == ("scale", "2", "call-7")
    assert client(target).infer("scale", x([[1, 2, 3]])).get_response().id == ""


@case("a version is chosen by name, by metadata, or by the server")
def _(target):
    def first(**options):
        return client(target).infer("scale", x([[1, 2, 3]]), **options).as_numpy("y")[0, 0]

    assert first() == 3
    assert first(model_version="1") == 2
    assert first(headers={"flotilla-revision": "1"}) == 2
    assert first(model_version="1", headers={"flotilla-revision": "1"}) == 2
    both = {"model_version": "1", "headers": {"flotilla-revision": "2"}}
    fails("INVALID_ARGUMENT", '"1"', '"2"', "disagree", by=lambda: first(**both))


@case("trailers say revision, digest and timing")
def _(target):
    request = typed_request("scale", {"x": ("FP32", np.float32([[1, 2, 3]]))})
    _, call = stub(target).ModelInfer.with_call(request)
    trailers = dict(call.trailing_metadata())
    assert trailers["flotilla-revision"] == "2"
    assert len(trailers["flotilla-model-digest"]) == 64
    stages = [stage.split("=")[0] for stage in trailers["flotilla-server-timing"].split(", ")]
    assert stages == ["queue", "batch", "infer", "codec", "total"]


@case("parameters that are hints are let through")
def _(target):
    options = {"priority": 1, "timeout": 10_000_000, "parameters": {"tag": "a", "n": 1, "rate": 0.5, "on": True}}
    same(np.float32([[3, 6, 9]]), client(target).infer("scale", x([[1, 2, 3]]), **options).as_numpy("y"))


@case("compressed requests")
def _(target):
    for algorithm in ("gzip", "deflate"):
        result = client(target).infer("scale", x([[1, 2, 3]]), compression_algorithm=algorithm)
        same(np.float32([[3, 6, 9]]), result.as_numpy("y"))


@case("sequences, shared memory and classification are refused")
def _(target):
    def infer(inputs=None, **options):
        return lambda: client(target).infer("scale", inputs or x([[1, 2, 3]]), **options)

    fails("UNIMPLEMENTED", "sequence_id", by=infer(sequence_id=3, sequence_start=True))
    fails("UNIMPLEMENTED", "sequence_id", by=infer(sequence_id="three"))
    fails("UNIMPLEMENTED", 'output "y"', "classification", by=infer(outputs=[Output("y", class_count=2)]))
    shared = grpcclient.InferInput("x", [1, 3], "FP32").set_shared_memory("region", 12)
    fails("UNIMPLEMENTED", 'input "x"', "shared_memory_region", by=infer([shared]))
    output = Output("y")
    output.set_shared_memory("region", 12)
    fails("UNIMPLEMENTED", 'output "y"', "shared_memory_region", by=infer(outputs=[output]))
    fails("UNIMPLEMENTED", by=client(target).get_system_shared_memory_status)


@case("mistakes are named: model, tensor, expected, got")
def _(target):
    def infer(inputs, model="scale", **options):
        return lambda: client(target).infer(model, inputs, **options)

    def named(name, array):
        return [raw_input(name, "FP32", np.float32(array))]

    fails("NOT_FOUND", '"nobody"', "scale", by=infer(x([[1, 2, 3]]), model="nobody"))
    fails("NOT_FOUND", by=infer(x([[1, 2, 3]]), model="../../etc/passwd"))
    fails("NOT_FOUND", '"9"', "1, 2", by=infer(x([[1, 2, 3]]), model_version="9"))
    fails("INVALID_ARGUMENT", 'model "scale": input "x": expected FP32[-1, 3], got FP32[2, 2]', by=infer(x([[1, 2], [3, 4]])))
    fails("INVALID_ARGUMENT", "expected FP32[-1, 3], got FP64[1, 3]", by=infer([raw_input("x", "FP64", np.ones((1, 3)))]))
    fails("INVALID_ARGUMENT", 'input "z": unknown', 'the model has "x" FP32[-1, 3]', by=infer(named("z", [[1, 2, 3]])))
    fails("INVALID_ARGUMENT", 'input "x": came twice', by=infer(x([[1, 2, 3]]) * 2))
    fails("INVALID_ARGUMENT", 'input "b": missing', by=infer(named("a", [[1, 2, 3]]), model="add"))
    fails("INVALID_ARGUMENT", 'output "q": unknown', by=infer(x([[1, 2, 3]]), outputs=[Output("q")]))
    fails("UNAVAILABLE", '"broken"', by=infer(x([[1, 2, 3]]), model="broken"))


@case("raw contents that do not fit are named")
def _(target):
    def refused_raw(shape, raw, *parts, model="scale", name="x", datatype="FP32"):
        request = service_pb2.ModelInferRequest(model_name=model, raw_input_contents=raw)
        request.inputs.add(name=name, datatype=datatype, shape=shape)
        refused(target, request, "INVALID_ARGUMENT", *parts)

    refused_raw([1, 3], [b"\0" * 11], "expected 12 raw bytes", "got 11")
    refused_raw([1, 3], [b"\0" * 12, b""], "raw_input_contents: expected 1", "got 2")
    refused_raw([-1, 3], [b"\0" * 12], "dimension -1 is negative")
    refused_raw([2**62, 3], [b"\0" * 12], "more than 2147483647 elements")
    text = {"model": "text", "name": "text", "datatype": "BYTES"}
    refused_raw([1], [b"\x02\0\0\0\xc3\x28"], 'input "text": element 0: invalid UTF-8', **text)
    refused_raw([1], [b"\x09\0\0\0abc"], "truncated", **text)
    refused_raw([1], [b"\x03\0\0\0a\0b"], "NUL", **text)


@case("a run that fails tells the caller nothing of the inside")
def _(target):
    index = [raw_input("index", "INT64", np.array([99]))]
    fails("INTERNAL", by=lambda: client(target).infer("lookup", index))
    index = [raw_input("index", "INT64", np.array([1]))]
    same(np.float32([20]), client(target).infer("lookup", index).as_numpy("y"))


@case("a deadline ends a call")
def _(target):
    fails("DEADLINE_EXCEEDED", by=lambda: client(target).infer("slow", slow(5000), client_timeout=0.05))


@case("the parameter timeout ends a call that waits")
def _(target):
    triton = client(target)
    answered = threading.Event()
    triton.async_infer("slow", slow(300), callback=lambda result, error: answered.set())
    fails("DEADLINE_EXCEEDED", by=lambda: triton.infer("slow", slow(300), timeout=1000))
    assert answered.wait(60)


@case("a call that is cancelled while it waits is never run")
def _(target):
    triton = client(target)
    answers = queue.Queue()

    def keep(result, error):
        answers.put(error)

    def runs():
        return triton.get_inference_statistics("slow").model_stats[0].execution_count

    triton.infer("slow", slow(1))
    before = runs()
    triton.async_infer("slow", slow(1500), callback=keep)
    waiting = [triton.async_infer("slow", slow(1500), callback=keep) for _ in range(5)]
    for call in waiting:
        call.cancel()
    errors = [answers.get(timeout=60) for _ in range(6)]
    cancelled = [error for error in errors if error is not None]
    assert [error.status() for error in cancelled] == ["StatusCode.CANCELLED"] * 5, cancelled
    triton.infer("slow", slow(1))
    assert runs() == before + 2, (before, runs())


def slow(iterations):
    return [
        raw_input("iterations", "INT64", np.array([[iterations]])),
        raw_input("x", "FP32", np.float32([[1]])),
    ]


def refused(target, request, code, *parts):
    try:
        stub(target).ModelInfer(request)
    except grpc.RpcError as error:
        assert error.code().name == code, error
        for part in parts:
            assert part in error.details(), f"expected {part!r} in {error.details()!r}"
        return
    raise AssertionError(f"expected {code}, got an answer")


run()
