"""Runs named cases against a server and prints a JSON object: each case's name, and "ok" or what went wrong."""

import json
import sys
import traceback

CASES = {}


def case(name):
    """Makes a function of the server's address a case."""

    def add(function):
        CASES[name] = function
        return function

    return add


def run():
    target = sys.argv[1]
    results = {}
    for name, function in CASES.items():
        try:
            function(target)
            results[name] = "ok"
        except Exception:
            results[name] = traceback.format_exc()
    json.dump(results, sys.stdout)


def fails(code, *parts, by):
    """Checks that `by` fails with a gRPC code and a message that has every one of `parts` in it."""
    from tritonclient.utils import InferenceServerException

    try:
        by()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{code}", f"expected {code}, got {error}"
        for part in parts:
            assert part in error.message(), f"expected {part!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected {code}, got an answer")
