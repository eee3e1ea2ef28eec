"""The network as an ONNX graph: from the ids of a document's words to emissions.

Inputs, all int32, which `inputs.py` and the example in examples/onnx-node make from the vocabulary:

    words         (W,)     row of each distinct word; rows + m: the vector that the graph makes of ngrams[m]
    characters    (W, C)   ids of its characters, then -1
    ngrams        (M, G)   ids of the known n-grams of a word without a row, then -1
    ngram_counts  (M,)     how many n-grams such a word has, known or not
    tokens        (T, S)   the word of each token, one column per sentence; any word behind its end
    lengths       (S,)     tokens of each sentence
    remembering   (R,)     tokens, as t * S + s, whose name occurs elsewhere in the document
    others        (R, 10)  these occurrences, then -1

`characters`, `ngrams` and `ngram_counts`, `remembering` and `others` are there if the model has a character
CNN, n-grams, a document memory. The output `emissions` (T, S, K) has a score for each label of each token;
what stands behind the end of a sentence has no meaning. All sentences of a document come in one call, so that
the document memory is a part of the graph.

Letters as above; D dimensions of a word, F filters, I inputs and H states of a BiLSTM, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bilstm_crf.features.occurrences import MAX_OTHERS
from bilstm_crf.model.model_folder import Model, weights_of
from bilstm_crf.model.packed import Arrays
from bilstm_crf.util.extras import optional_import
from bilstm_crf.version import __version__

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 17, 8  # of onnxruntime 1.14 and newer, and of onnxruntime-web

Array = NDArray[Any]


def write_graph(model: Model, folder: Path) -> bytes:
    """Return the graph of the model that was loaded from a folder.

    Raises MissingPackageError without the package onnx.
    """
    with optional_import():
        import onnx

    graph = _Graph(model, load_file(weights_of(folder)[0]))
    graph.build()
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes, "bilstm_crf", graph.inputs, [graph.output()], list(graph.constants.values())
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="bilstm_crf",
        producer_version=__version__,
    )
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString()
    return content


class _Graph:
    """Collects nodes, inputs and constants; a value is known by its name."""

    def __init__(self, model: Model, arrays: Arrays) -> None:
        self.model, self.arrays = model, arrays
        self.weights = model.weights
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.rows = len(model.word_table)

    # ---------------------------------------------------------------- building blocks

    def input(self, name: str, *shape: str | int) -> str:
        import onnx

        self.inputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT32, shape))
        return name

    def output(self) -> onnx.ValueInfoProto:
        import onnx

        shape = ("T", "S", len(self.model.vocabulary.labels))
        return onnx.helper.make_tensor_value_info("emissions", onnx.TensorProto.FLOAT, shape)

    def constant(self, name: str, value: Array) -> str:
        from onnx.numpy_helper import from_array

        if name not in self.constants:
            self.constants[name] = from_array(np.ascontiguousarray(value), name)
        return name

    def number(self, value: float, dtype: Any = np.float32) -> str:
        return self.constant(f"{value}:{np.dtype(dtype).name}", np.array(value, dtype))

    def integers(self, *values: int) -> str:
        return self.constant(f"[{','.join(map(str, values))}]", np.array(values, np.int64))

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        import onnx

        name = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def cast(self, value: str, to: str) -> str:
        import onnx

        return self.node("Cast", value, to=getattr(onnx.TensorProto, to))

    def shape(self, value: str, *more: int) -> str:
        """Return a value's shape, with further sizes behind it."""
        sizes = self.node("Shape", value)
        return self.node("Concat", sizes, self.integers(*more), axis=0) if more else sizes

    def with_axis(self, value: str, axis: int) -> str:
        return self.node("Unsqueeze", value, self.integers(axis))

    def masked(self, ids: str) -> tuple[str, str]:
        """Return ids with 0 in place of -1, and whether each is a real one."""
        zero = self.number(0, np.int32)
        return self.node("Max", ids, zero), self.node("GreaterOrEqual", ids, zero)

    def linear(self, value: str, name: str) -> str:
        product = self.node("MatMul", value, self.constant(f"{name}.T", self.weights[f"{name}.weight"].T))
        bias = self.weights.get(f"{name}.bias")
        return product if bias is None else self.node("Add", product, self.constant(f"{name}.bias", bias))

    # ---------------------------------------------------------------- the network

    def build(self) -> None:
        words = self.input("words", "W")
        parts = [self.word_vectors(words)] if self.model.word_table.shape[1] else []
        if self.model.architecture.characters:
            parts.append(self.character_features(self.input("characters", "W", "C")))
        inputs = self.node("Concat", *parts, axis=1)  # (W, I)
        tokens, lengths = self.input("tokens", "T", "S"), self.input("lengths", "S")
        states = self.node("Gather", inputs, tokens)  # (T, S, I)
        memory = None
        if self.model.architecture.document_memory:
            memory = (self.input("remembering", "R"), self.input("others", "R", MAX_OTHERS))
        members = self.model.architecture.ensemble_size
        emissions = [self.member(f"members.{n}.", states, lengths, memory) for n in range(members)]
        mean = emissions[0] if members == 1 else self.node("Mean", *emissions)  # (T S, K)
        sizes = self.shape(tokens, len(self.model.vocabulary.labels))
        self.node("Reshape", mean, sizes, output="emissions")

    def word_vectors(self, words: str) -> str:
        """Return the vectors of words (W, D)."""
        if self.model.subwords is None:
            return self.table_rows("embedding", "embedding.weight", words)
        limit = self.number(self.rows, np.int32)
        has_row = self.node("Less", words, limit)  # (W,)
        zero = self.number(0, np.int32)
        own = self.table_rows("embedding", "embedding.weight", self.node("Where", has_row, words, zero))
        number = self.node("Sub", words, limit)
        made = self.node("Gather", self.ngram_vectors(), self.node("Where", has_row, zero, number))
        return self.node("Where", self.with_axis(has_row, 1), own, made)

    def table_rows(self, prefix: str, name: str, ids: str) -> str:
        """Return rows of a table (…, D), of codes or of numbers."""
        if f"{prefix}.codes" not in self.arrays:
            rows = self.node("Gather", self.constant(name, self.arrays[name]), ids)
            return self.cast(rows, "FLOAT")
        codes, centroids = self.arrays[f"{prefix}.codes"], self.arrays[f"{prefix}.centroids"]
        groups, count, size = centroids.shape
        found = self.cast(self.node("Gather", self.constant(f"{prefix}.codes", codes), ids), "INT32")
        firsts = self.constant(f"{prefix}.firsts", np.arange(groups, dtype=np.int32) * count)
        flat = self.constant(f"{prefix}.centroids", centroids.astype(np.float32).reshape(-1, size))
        values = self.node("Gather", flat, self.node("Add", found, firsts))  # (…, groups, size)
        return self.node("Reshape", values, self.shape(ids, groups * size))

    def ngram_vectors(self) -> str:
        """Return the vectors (M + 1, D) of words made from n-grams, and a last one that nobody reads."""
        ids, real = self.masked(self.input("ngrams", "M", "G"))
        rows = self.table_rows("subwords", "subwords.steps", ids)  # (M, G, D)
        weight = self.cast(real, "FLOAT")
        if "subwords.scales" in self.arrays:
            scales = self.constant("subwords.scales", self.arrays["subwords.scales"])
            weight = self.node("Mul", weight, self.node("Gather", scales, ids))
        total = self.node("Mul", rows, self.with_axis(weight, 2))
        total = self.node("ReduceSum", total, self.integers(1), keepdims=0)  # (M, D)
        counts = self.with_axis(self.cast(self.input("ngram_counts", "M"), "FLOAT"), 1)
        assert self.model.subwords is not None
        mean = self.constant("subwords.mean", self.model.subwords.mean.astype(np.float32))
        made = self.node("Add", self.node("Div", total, counts), mean)
        made = self.cast(self.cast(made, "FLOAT16"), "FLOAT")  # rounded as the table is
        nobody = self.constant("nobody", np.zeros((1, len(self.model.subwords.mean)), np.float32))
        return self.node("Concat", made, nobody, axis=0)

    def character_features(self, characters: str) -> str:
        """Return the largest sum of each filter over a word's characters (W, F)."""
        ids, real = self.masked(characters)
        embedding = self.constant("char_cnn.embedding", self.weights["char_cnn.embedding.weight"])
        rows = self.node(
            "Mul", self.node("Gather", embedding, ids), self.with_axis(self.cast(real, "FLOAT"), 2)
        )
        columns = self.node("Transpose", rows, perm=[0, 2, 1])  # (W, dimensions, C)
        filters = self.weights["char_cnn.convolution.weight"]
        gap = filters.shape[2] // 2
        weight = self.constant("char_cnn.convolution.weight", filters)
        bias = self.constant("char_cnn.convolution.bias", self.weights["char_cnn.convolution.bias"])
        sums = self.node("Conv", columns, weight, bias, kernel_shape=[filters.shape[2]], pads=[gap, gap])
        inside = self.node("Where", self.with_axis(real, 1), sums, self.number(-np.inf))
        return self.node("ReduceMax", inside, axes=[2], keepdims=0)

    def member(self, prefix: str, states: str, lengths: str, memory: tuple[str, str] | None) -> str:
        """Return the emissions (T S, K) of one tagger of the ensemble."""
        layer = 0
        while f"{prefix}lstm.weight_ih_l{layer}" in self.weights:
            states = self.lstm(f"{prefix}lstm.", layer, states, lengths)
            layer += 1
        size = self.weights[f"{prefix}to_labels.weight"].shape[1]
        states = self.node("Reshape", states, self.integers(-1, size))  # (T S, H)
        emissions = self.linear(states, f"{prefix}to_labels")
        return emissions if memory is None else self.with_memory(prefix, states, emissions, *memory)

    def lstm(self, prefix: str, layer: int, states: str, lengths: str) -> str:
        """Return the states (T, S, H) of a layer. ONNX has the gates in another order than PyTorch."""

        def both(kind: str) -> Array:
            directions = [f"{prefix}{kind}_l{layer}{end}" for end in ("", "_reverse")]
            return np.stack([_gates_of_onnx(self.weights[name]) for name in directions])

        hidden = self.weights[f"{prefix}weight_hh_l{layer}"].shape[1]
        name = f"{prefix}{layer}."
        y = self.node(
            "LSTM",
            states,
            self.constant(f"{name}W", both("weight_ih")),
            self.constant(f"{name}R", both("weight_hh")),
            self.constant(f"{name}B", np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)),
            lengths,
            hidden_size=hidden,
            direction="bidirectional",
        )  # (T, 2, S, H / 2)
        turned = self.node("Transpose", y, perm=[0, 2, 1, 3])
        return self.node("Reshape", turned, self.integers(0, 0, 2 * hidden))

    def with_memory(self, prefix: str, states: str, emissions: str, remembering: str, others: str) -> str:
        """Return the emissions (T S, K) with what the document memory adds to some tokens."""
        ids, real = self.masked(others)  # (R, 10)
        weight = self.with_axis(self.cast(real, "FLOAT"), 2)
        kept = self.node("Mul", self.node("Gather", states, ids), weight)  # (R, 10, H)
        total = self.node("ReduceSum", kept, self.integers(1), keepdims=0)
        mean = self.node("Div", total, self.node("ReduceSum", weight, self.integers(1), keepdims=0))
        inner = self.node("Tanh", self.linear(mean, f"{prefix}memory.inner"))
        added = self.linear(inner, f"{prefix}memory.to_labels")  # (R, K)
        changed = self.node("Add", self.node("Gather", emissions, remembering), added)
        places = self.with_axis(self.cast(remembering, "INT64"), 1)
        return self.node("ScatterND", emissions, places, changed)


def _gates_of_onnx(rows: Array) -> Array:
    """Return the gates i, f, g, o of PyTorch in the order of ONNX: i, o, f, g."""
    i, f, g, o = np.split(rows, 4)
    order: Sequence[Array] = (i, o, f, g)
    return np.concatenate(order).astype(np.float32)
