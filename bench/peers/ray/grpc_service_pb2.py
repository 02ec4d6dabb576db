"""The name that the messages of Triton's client package are pickled by, on their way between Ray's processes."""

from tritonclient.grpc.service_pb2 import *  # noqa: F403
