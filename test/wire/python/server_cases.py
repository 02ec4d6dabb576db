"""Everything but inference, through tritonclient's blocking client."""

import json
import time

import numpy as np
import tritonclient.grpc as grpcclient
from cases import case, fails, run
from tensors import SAMPLES, raw_input


def client(target):
    return grpcclient.InferenceServerClient(target)


@case("the server is live and ready")
def _(target):
    assert client(target).is_server_live()
    assert client(target).is_server_ready()


@case("the server says what it is")
def _(target):
    metadata = client(target).get_server_metadata()
    assert metadata.name == "flotilla"
    assert metadata.version == "1.2.3"
    assert list(metadata.extensions) == ["model_configuration", "model_repository", "parameters", "statistics"]


@case("a model is ready, one that is broken or unknown is not")
def _(target):
    assert client(target).is_model_ready("scale")
    assert client(target).is_model_ready("scale", "1")
    assert not client(target).is_model_ready("scale", "9")
    assert not client(target).is_model_ready("broken")
    assert not client(target).is_model_ready("nobody")


@case("a model says what it takes and gives")
def _(target):
    metadata = client(target).get_model_metadata("echo")
    assert (metadata.name, list(metadata.versions), metadata.platform) == ("echo", ["1"], "onnxruntime_onnx")
    assert {tensor.name: tensor.datatype for tensor in metadata.inputs} == {name: name for name in SAMPLES}
    assert all(list(tensor.shape) == [-1, 2] for tensor in [*metadata.inputs, *metadata.outputs])
    assert list(client(target).get_model_metadata("scale").versions) == ["1", "2"]
    assert list(client(target).get_model_metadata("scalar").inputs[0].shape) == []
    fails("NOT_FOUND", '"nobody"', by=lambda: client(target).get_model_metadata("nobody"))
    fails("UNAVAILABLE", '"broken"', by=lambda: client(target).get_model_metadata("broken"))


@case("a model says how it is set up")
def _(target):
    config = client(target).get_model_config("scale", "1").config
    assert (config.name, config.platform, config.backend) == ("scale", "onnxruntime_onnx", "onnxruntime")
    assert config.max_batch_size == 0
    assert (config.input[0].name, config.input[0].data_type, list(config.input[0].dims)) == ("x", 11, [-1, 3])
    assert (config.output[0].name, config.output[0].data_type, list(config.output[0].dims)) == ("y", 11, [-1, 3])
    assert config.parameters["flotilla.revision"].string_value == "1"
    assert len(config.parameters["flotilla.digest"].string_value) == 64
    types = [tensor.data_type for tensor in client(target).get_model_config("echo").config.input]
    assert types == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]
    assert json.dumps(client(target).get_model_config("scale", as_json=True))


@case("a batched model leaves the batch dimension out of its set-up")
def _(target):
    config = client(target).get_model_config("batched").config
    assert config.max_batch_size == 8
    assert config.HasField("dynamic_batching")
    assert list(config.input[0].dims) == [3]
    assert list(client(target).get_model_metadata("batched").inputs[0].shape) == [-1, 3]


@case("statistics are true")
def _(target):
    triton = client(target)

    def figures():
        (figure,) = triton.get_inference_statistics("counted").model_stats
        return figure

    assert figures().inference_count == 0
    assert figures().last_inference == 0
    start = time.perf_counter_ns()
    for rows in (3, 3, 1):
        triton.infer("counted", [raw_input("x", "FP32", np.ones((rows, 3), dtype=np.float32))])
    elapsed = time.perf_counter_ns() - start
    after = figures()
    assert (after.name, after.version) == ("counted", "1")
    assert (after.inference_count, after.execution_count) == (7, 3), after
    assert after.last_inference > 1.6e12
    stats = after.inference_stats
    assert (stats.success.count, stats.fail.count) == (3, 0)
    for stage in (stats.queue, stats.compute_input, stats.compute_infer, stats.compute_output):
        assert stage.count == 3, stats
    parts = stats.queue.ns + stats.compute_input.ns + stats.compute_infer.ns + stats.compute_output.ns
    assert 0 < stats.compute_infer.ns < stats.success.ns, stats
    # Nanoseconds: each call's way to another thread and back alone takes more than 30 000 of them.
    assert 100_000 < stats.success.ns < elapsed, stats
    assert parts <= stats.success.ns * 1.01, stats
    assert [(batch.batch_size, batch.compute_infer.count) for batch in after.batch_stats] == [(1, 1), (3, 2)]
    assert sum(batch.compute_infer.ns for batch in after.batch_stats) > 0


@case("statistics count calls that fail")
def _(target):
    triton = client(target)
    before = triton.get_inference_statistics("lookup").model_stats[0].inference_stats.fail.count
    index = [raw_input("index", "INT64", np.array([99]))]
    fails("INTERNAL", by=lambda: triton.infer("lookup", index))
    assert triton.get_inference_statistics("lookup").model_stats[0].inference_stats.fail.count == before + 1


@case("statistics of all models, of all versions, of one version")
def _(target):
    def models(*query):
        return [(figure.name, figure.version) for figure in client(target).get_inference_statistics(*query).model_stats]

    assert ("scale", "1") in models() and ("echo", "1") in models()
    assert models("scale") == [("scale", "1"), ("scale", "2")]
    assert models("scale", "1") == [("scale", "1")]
    fails("NOT_FOUND", by=lambda: models("nobody"))


@case("the index lists every model with its state and the reason")
def _(target):
    index = {(model.name, model.version): model for model in client(target).get_model_repository_index().models}
    assert index["scale", "1"].state == index["scale", "2"].state == "READY"
    assert index["scale", "1"].reason == ""
    assert index["broken", "1"].state == "UNAVAILABLE"
    assert index["broken", "1"].reason != ""


@case("load and unload are refused, and the message says how to allow them")
def _(target):
    fails("PERMISSION_DENIED", '"scale"', "--allow-repository-control", by=lambda: client(target).load_model("scale"))
    fails("PERMISSION_DENIED", "--allow-repository-control", by=lambda: client(target).unload_model("scale"))
    assert client(target).is_model_ready("scale")


run()
