"""Tagger: the one way to inference, for the command line, Python, evaluation and training's dev scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import torch

from bilstm_crf.batching import make_batch, tagging_batches
from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.errors import UsageError
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model_folder import SavedModel, load_model
from bilstm_crf.sentence import Sentence, Span

BATCH_TOKENS = 16_384  # padded tokens of one batch: the more, the fewer distinct words there are to each
CHUNK_TOKENS = 65_536  # tokens read before they are tagged, so that sentences of like length find one another


class Tagger:
    """Finds named entities with a trained model.

    >>> tagger = Tagger.load("runs/sample")                           # doctest: +SKIP
    >>> tagger.tag("Kari Nordmann flytta til Bergen.").spans          # doctest: +SKIP
    [Span(start=0, end=2, type='PER'), Span(start=4, end=5, type='GPE_LOC')]
    """

    def __init__(self, model: SavedModel, device: str = "cpu") -> None:
        self.model = model
        self.label_set: LabelSet = model.label_set
        self._encoding = ENCODINGS[model.encoding]
        self._device = find_device(device)
        self._network = model.network.to(self._device)

    @classmethod
    def load(cls, folder: str | Path, *, embeddings: str | None = None, device: str = "cpu") -> Tagger:
        """The model of a folder, on the CPU or another device.

        `embeddings` (a name or a path) attaches a full table of vectors, for words that the model folder had
        no room for. Raises ModelFolderError for a bad folder, InputError for bad vectors, UsageError for a
        device that is not there.
        """
        model = load_model(folder)
        if embeddings is not None:
            from bilstm_crf.embeddings.read import load

            vectors = load(embeddings, dim=model.network.embedding.dim)
            if vectors is not None:
                model.attach(AttachedVectors(vectors.index, vectors.matrix, vectors.subword))
        return cls(model, device)

    @overload
    def tag(self, given: str | list[str]) -> Sentence: ...
    @overload
    def tag(self, given: list[list[str]]) -> list[Sentence]: ...
    def tag(self, given: str | list[str] | list[list[str]]) -> Sentence | list[Sentence]:
        """A sentence of running text, or of words, or a list of sentences of words; with `spans` set.

        Running text is split into words for Norwegian, which needs the extra `text` (spaCy).
        """
        if isinstance(given, str):
            from bilstm_crf.formats.text import sentence_of

            return self._set_spans([sentence_of(given)])[0]
        items = list(given)
        if all(isinstance(item, str) for item in items):
            return self._set_spans([Sentence(items)])[0]  # type: ignore[arg-type]
        sentences = [Sentence(list(item)) for item in items if not isinstance(item, str)]
        if len(sentences) < len(items):
            raise TypeError("words and lists of words together: expected a text, words, or lists of words")
        return self._set_spans(sentences)

    def tag_stream(self, sentences: Iterable[Sentence], *, flush: bool = False) -> Iterator[Sentence]:
        """The sentences in their order, with `spans` set; with `flush` each as soon as it was read."""
        chunk = 1 if flush else CHUNK_TOKENS
        rest = iter(sentences)
        while True:
            read: list[Sentence] = []
            tokens = 0
            for sentence in rest:
                read.append(sentence)
                tokens += len(sentence)
                if tokens >= chunk:
                    break
            if not read:
                return
            yield from self._set_spans(read)

    def _set_spans(self, sentences: list[Sentence]) -> list[Sentence]:
        for sentence, spans in zip(sentences, self.predict(sentences), strict=True):
            sentence.spans = spans
        return sentences

    def predict(self, sentences: Sequence[Sentence]) -> list[list[Span]]:
        """The spans of each sentence; none of it is kept in the sentences. Any length, none dropped."""
        labels = self.model.vocabulary.labels
        return [
            self._encoding.decode([labels[number] for number in path]) if any(path) else []
            for path in self._label_ids([sentence.tokens for sentence in sentences])
        ]

    @torch.inference_mode()
    def _label_ids(self, sentences: Sequence[Sequence[str]]) -> list[list[int]]:
        """The Viterbi path of each sentence; label id 0 is `O`."""
        encoded = self.model.vocabulary.encode(sentences)
        self._network.eval()
        paths: list[list[int]] = [[] for _ in sentences]
        for chosen in tagging_batches(encoded.lengths, BATCH_TOKENS):
            batch = make_batch(encoded, chosen, self._device, distinct_words=True)
            for sentence, path in zip(batch.sentences, self._network.decode(batch), strict=True):
                paths[sentence] = path
        return paths


def find_device(name: str) -> torch.device:
    """The device of this name. Raises UsageError where PyTorch has none."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch was built without CUDA
        message = f"--device {name}: PyTorch finds no such device here"
        raise UsageError(message, hint="--device cpu") from error
    return device
