"""The saved model on NumPy and the kernels: from word ids to emissions, and from emissions to labels.

words ──────► embedding ──┐
characters ─► CNN ────────┴─► BiLSTM ─► linear (+ document memory) ─► emissions ─► Viterbi

What depends on a word alone (embedding, characters, its share in the LSTM's gates) is computed once per
distinct word. `model/network.py` is the same network in PyTorch, and the oracle in the tests.

The loops are the compiled ones of `kernels/`, or their twins in plain NumPy where numba is not
installed, and for the first short texts: importing numba takes longer than tagging those.

Letters: N tokens, W distinct words, C characters, D dimensions of a word, F filters, I inputs and H
states of a BiLSTM, K labels, M tokens with other occurrences, E of these, P kept states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf import kernels
from bilstm_crf.features.batches import Layout, reversed_order, words_of
from bilstm_crf.features.occurrences import MemoryBatch, MemoryIndex
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.model.model_folder import Model
from bilstm_crf.util.arrays import widened

PLAIN_TOKENS = 256  # so many tokens are tagged without numba, if it is not imported yet
BATCH_WORDS = 1_024  # distinct words computed at a time
MEMORY_TOKENS = 8_192  # tokens whose other occurrences are looked up at a time: each has up to ten

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Transitions = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Loops = Any  # a module or namespace with the functions that `_load_compiled` names


def load_loops(tokens: int) -> Loops:
    """Return the loops for an input of so many tokens: compiled, or plain NumPy."""
    global _plain_tokens
    if not kernels.NUMBA or (_compiled is None and _plain_tokens + tokens <= PLAIN_TOKENS):
        from bilstm_crf.kernels import plain

        _plain_tokens += tokens
        return plain
    return _compiled or _load_compiled()


_compiled: Loops = None
_plain_tokens = 0  # tagged without numba so far; threads may count wrongly, which does no harm


def _load_compiled() -> Loops:
    global _compiled
    from bilstm_crf.kernels.arithmetic import affine
    from bilstm_crf.kernels.char_cnn import maxima
    from bilstm_crf.kernels.crf import viterbi
    from bilstm_crf.kernels.lstm import run
    from bilstm_crf.kernels.marginals import best_sequences, messages, probable_spans, span_scores

    _compiled = SimpleNamespace(
        affine=affine,
        maxima=maxima,
        run=run,
        viterbi=viterbi,
        messages=messages,
        span_scores=span_scores,
        probable_spans=probable_spans,
        best_sequences=best_sequences,
    )
    return _compiled


class Network:
    """A model's weights, arranged for tagging; never changed afterwards, so that threads can share it."""

    def __init__(self, model: Model) -> None:
        weights = model.weights
        self._table = model.word_table
        self._characters = _Characters.of(weights) if model.architecture.characters else None
        self._taggers = [_Tagger(weights, f"members.{n}.") for n in range(model.architecture.ensemble_size)]

    def emissions(
        self, encoded: Encoded, layouts: Sequence[Layout[Ints]], index: MemoryIndex | None
    ) -> Floats:
        """Return the score of each label for each token (N, K), in the order of the tokens."""
        loops = load_loops(len(encoded.tokens))
        words = self.representations(encoded, loops)  # (W, I)
        total: Floats | None = None
        for tagger in self._taggers:
            scores = tagger.emissions(words, encoded, layouts, index, loops)
            total = scores if total is None else total + scores
        assert total is not None
        return total if len(self._taggers) == 1 else total / np.float32(len(self._taggers))

    def representations(self, encoded: Encoded, loops: Loops) -> Floats:
        """(W, D + F): what each distinct word is in any sentence."""
        words, dim = len(encoded.word_ids), self._table.shape[1]
        filters = 0 if self._characters is None else len(self._characters.bias)
        out = np.empty((words, dim + filters), np.float32)
        own = encoded.word_ids < len(self._table)
        # Rounded to float16, the precision of a saved model, in training as well
        out[own, :dim] = widened(self._table[encoded.word_ids[own]].astype(np.float16, copy=False))
        if not own.all():
            rows = encoded.word_ids[~own] - len(self._table)
            out[~own, :dim] = encoded.vectors[rows].astype(np.float16)
        if self._characters is not None:
            for start in range(0, words, BATCH_WORDS):
                some = words_of(encoded, np.arange(start, min(start + BATCH_WORDS, words)))
                out[start : start + BATCH_WORDS, dim:] = self._characters.features(some, loops)
        return out


@dataclass(frozen=True)
class _Characters:
    """The character CNN. Each character's product with the filters is known in advance."""

    products: Floats  # (characters + 1, width F)
    bias: Floats  # (F,)

    @classmethod
    def of(cls, weights: dict[str, NDArray[Any]]) -> _Characters:
        filters = weights["char_cnn.convolution.weight"]  # (F, E, width)
        flat = filters.transpose(2, 0, 1).reshape(-1, filters.shape[1])  # (width F, E)
        return cls(weights["char_cnn.embedding.weight"] @ flat.T, weights["char_cnn.convolution.bias"])

    def features(self, words: Any, loops: Loops) -> Floats:
        """(W, F) of some words."""
        features = np.empty((len(words.lengths), len(self.bias)), np.float32)
        winners = np.empty(features.shape, np.int32)
        loops.maxima(self.products[words.characters], self.bias, words.lengths, features, winners)
        return features


class _Tagger:
    """One tagger of the ensemble: BiLSTM, linear layer, document memory, as the head has them."""

    def __init__(self, weights: dict[str, NDArray[Any]], prefix: str) -> None:
        mine = {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
        self.layers: list[list[_Direction]] = []
        while f"lstm.weight_ih_l{len(self.layers)}" in mine:
            end = f"l{len(self.layers)}"
            self.layers.append([_Direction.of(mine, end), _Direction.of(mine, f"{end}_reverse")])
        self.to_labels = _Linear.of(mine, "to_labels")
        self.memory = None
        if "memory.inner.weight" in mine:
            self.memory = (_Linear.of(mine, "memory.inner"), _Linear.of(mine, "memory.to_labels"))

    def emissions(
        self,
        words: Floats,
        encoded: Encoded,
        layouts: Sequence[Layout[Ints]],
        index: MemoryIndex | None,
        loops: Loops,
    ) -> Floats:
        """(N, K) in the order of the tokens, from the representations (W, I)."""
        shares = _shares(self.layers[0], words, loops) if self.layers else None
        emissions = np.empty((len(encoded.tokens), len(self.to_labels.bias)), np.float32)
        kept = np.empty((0 if index is None else index.places, len(self.to_labels.weight)), np.float32)
        for layout in layouts:
            which = encoded.tokens[layout.tokens]
            if shares is None:
                states = words[which]
            else:
                states = self._states(shares, which, layout.batch_sizes, loops)
            emissions[layout.tokens] = self.to_labels(states, loops)
            if index is not None:
                memory = index.batch(layout.tokens)
                kept[memory.kept_places] = states[memory.kept_rows]
        if index is not None and self.memory is not None:
            for tokens in np.split(
                np.arange(len(emissions)), range(MEMORY_TOKENS, len(emissions), MEMORY_TOKENS)
            ):
                memory = index.batch(tokens)
                emissions[tokens[memory.rows]] += self._remembered(memory, kept, loops)
        return emissions

    def _states(self, shares: Floats, which: Ints, sizes: Ints, loops: Loops) -> Floats:
        """(N, H) of tokens in packed order, where token n is word which[n] with its shares in the gates."""
        orders = (np.arange(len(which)), reversed_order(sizes))
        half = len(self.layers[0][0].recurrent)
        states = np.empty((len(which), 2 * half), np.float32)
        for number, layer in enumerate(self.layers):
            if number:  # from the second layer on, each token has its own
                shares, which = _shares(layer, states, loops), orders[0]
                states = np.empty_like(states)
            for d, direction in enumerate(layer):
                out = states[:, d * half : (d + 1) * half]
                loops.run(shares[d], which, direction.recurrent, orders[d], sizes, out)
        return states

    def _remembered(self, memory: MemoryBatch[Ints], kept: Floats, loops: Loops) -> Floats:
        """(M, K): what the document memory adds, from the kept states (P, H)."""
        assert self.memory is not None
        inner, to_labels = self.memory
        if not len(memory.rows):
            return np.empty((0, len(to_labels.bias)), np.float32)
        starts = np.cumsum(memory.lengths) - memory.lengths
        total = kept[memory.places[starts]]  # (M, H)
        for others in range(1, int(memory.lengths.max())):
            more = np.flatnonzero(memory.lengths > others)
            total[more] += kept[memory.places[starts[more] + others]]
        mean = np.divide(total, memory.lengths[:, None], dtype=np.float32)
        return to_labels(np.tanh(inner(mean, loops)), loops)


@dataclass(frozen=True)
class _Linear:
    weight: Floats  # (I, J)
    bias: Floats  # (J,)

    @classmethod
    def of(cls, weights: dict[str, NDArray[Any]], name: str) -> _Linear:
        weight = weights[f"{name}.weight"]
        bias = weights.get(f"{name}.bias")
        bias = np.zeros(len(weight), np.float32) if bias is None else bias
        return cls(np.ascontiguousarray(weight.T), bias)

    def __call__(self, inputs: Floats, loops: Loops) -> Floats:
        out = np.empty((len(inputs), len(self.bias)), np.float32)
        loops.affine(inputs, self.weight, self.bias, out)
        return out


@dataclass(frozen=True)
class _Direction:
    """One direction of a BiLSTM layer."""

    inputs: _Linear  # to the gates, with both biases
    recurrent: Floats  # (H / 2, 2 H)

    @classmethod
    def of(cls, weights: dict[str, NDArray[Any]], end: str) -> _Direction:
        bias = weights[f"lstm.bias_ih_{end}"] + weights[f"lstm.bias_hh_{end}"]
        linear = _Linear(np.ascontiguousarray(weights[f"lstm.weight_ih_{end}"].T), bias)
        return cls(linear, np.ascontiguousarray(weights[f"lstm.weight_hh_{end}"].T))


def _shares(layer: list[_Direction], inputs: Floats, loops: Loops) -> Floats:
    """(2, W, 2 H): the inputs' share in the gates of either direction, before activation."""
    shares = np.empty((2, len(inputs), len(layer[0].inputs.bias)), np.float32)
    for share, direction in zip(shares, layer, strict=True):
        loops.affine(inputs, direction.inputs.weight, direction.inputs.bias, share)
    return shares


def mean_transitions(weights: Mapping[str, NDArray[Any]]) -> Transitions | None:
    """Return a CRF's start (K,), end (K,) and transitions (K, K), averaged over the ensemble."""

    def mean(name: str) -> NDArray[np.float64]:
        found = [array for each, array in weights.items() if each.endswith(f".crf.{name}")]
        return np.mean(found, axis=0, dtype=found[0].dtype).astype(np.float64)

    if "members.0.crf.transitions" not in weights:
        return None
    return mean("start_transitions"), mean("end_transitions"), mean("transitions")


def best_paths(emissions: Floats, transitions: Transitions | None, batch_sizes: Ints) -> Ints:
    """Return the label ids (N,) of each sentence's best path, from emissions (N, K) in packed order.

    By Viterbi; without a CRF, each token's best label.
    """
    if transitions is None:
        return emissions.argmax(axis=1)
    best: Ints = load_loops(0).viterbi(emissions, *transitions, batch_sizes)
    return best
