"""tritonclient's asyncio client."""

import asyncio

import numpy as np
import tritonclient.grpc.aio as aioclient
from cases import case, run
from tensors import raw_input, same
from tritonclient.utils import InferenceServerException


def async_case(name):
    def add(function):
        async def with_client(target):
            async with aioclient.InferenceServerClient(target) as client:
                await function(client)

        case(name)(lambda target: asyncio.run(with_client(target)))
        return function

    return add


def x(number):
    return [raw_input("x", "FP32", np.float32([[number, 0, 0]]))]


@async_case("questions about server and model")
async def _(client):
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("scale")
    assert (await client.get_server_metadata()).name == "flotilla"
    assert (await client.get_model_metadata("scale")).name == "scale"
    assert (await client.get_model_config("scale")).config.name == "scale"
    assert len((await client.get_inference_statistics("scale")).model_stats) == 2
    assert len((await client.get_model_repository_index()).models) > 2


@async_case("many calls beside one another get their own answers")
async def _(client):
    results = await asyncio.gather(*(client.infer("scale", x(number), request_id=str(number)) for number in range(100)))
    for number, result in enumerate(results):
        assert result.get_response().id == str(number)
        same(np.float32([[number * 3, 0, 0]]), result.as_numpy("y"))


@async_case("an error comes as the client's own exception")
async def _(client):
    try:
        await client.infer("nobody", x(1))
    except InferenceServerException as error:
        assert error.status() == "StatusCode.NOT_FOUND", error
        return
    raise AssertionError("expected NOT_FOUND, got an answer")


@async_case("a stream answers good and bad requests in order")
async def _(client):
    async def requests():
        for number in range(50):
            model = "nobody" if number % 10 == 9 else "scale"
            yield {"model_name": model, "inputs": x(number), "request_id": str(number)}

    number = 0
    async for result, error in client.stream_infer(requests()):
        if number % 10 == 9:
            assert "nobody" in error.message(), error
        else:
            assert error is None and result.get_response().id == str(number)
            assert result.as_numpy("y")[0, 0] == number * 3
        number += 1
    assert number == 50, number


run()
