"""Tagger: the one way to inference, for the command line, Python, evaluation and training's dev scores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray

from bilstm_crf.embeddings.attached import AttachedVectors, require_same_space
from bilstm_crf.encoder.contextual import PrecomputedFeatures
from bilstm_crf.encoder.features import compute_frozen
from bilstm_crf.errors import UsageError
from bilstm_crf.features.batches import layout_of, others_of, tagging_batches, words_of
from bilstm_crf.features.occurrences import Occurrences, StreamHistory
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.inference.arguments import check_batch, check_sentences, check_text, check_texts, check_tokens
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.model_folder import Model, load_model
from bilstm_crf.sentence import Sentence, Span

BATCH_TOKENS = 16_384  # padded tokens of one batch
BATCH_WORDS = 1_024  # distinct words whose part of the work is done at once
# Tokens that are tagged together, so that sentences of like length find one another, and a word that occurs
# again its work already done
CHUNK_TOKENS = 65_536


class Tagger:
    """Finds named entities with a trained model.

    >>> tagger = Tagger.load("runs/sample")                           # doctest: +SKIP
    >>> tagger.tag("Kari Nordmann flytta til Bergen.").spans          # doctest: +SKIP
    [Span(start=0, end=2, type='PER'), Span(start=4, end=5, type='GPE_LOC')]
    """

    def __init__(self, model: Model, device: str = "cpu", threads: int = 1) -> None:
        """With several threads as many chunks of a stream are tagged at once, while the next one is read.

        `torch.set_num_threads(1)` then keeps PyTorch's own threads out of their way. Raises UsageError for
        threads that are no number from 1, and for a device that is not there.
        """
        if not isinstance(threads, int) or threads < 1:
            raise UsageError(f"threads is {threads!r}, expected a number from 1")
        self.model = model
        self.threads = threads
        self.label_set: LabelSet = model.label_set
        self._encoding = ENCODINGS[model.encoding]
        self._device = find_device(device)
        self._network = model.network.to(self._device)
        if model.contextual is not None:
            model.contextual.encoder.to(self._device)
        self._looking_up = Lock()  # vectors made from n-grams are good until the next look-up

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        embeddings: str | None = None,
        bert: str | None = None,
        trust_remote_code: bool = False,
        device: str = "cpu",
        threads: int = 1,
    ) -> Tagger:
        """The model of a folder, on the CPU or another device.

        `embeddings` (a name or a path) attaches a full table of vectors, for words that the model folder had
        no room for; `bert` says where the model's encoder lies, if not where it lay in training. Raises
        ModelFolderError for a bad folder, InputError for bad vectors, for others than the model was trained
        with, or a bad encoder, UsageError for a device that is not there, or code of an encoder that is not
        trusted.
        """
        model = load_model(folder, bert=bert, trust_remote_code=trust_remote_code)
        if embeddings is not None:
            from bilstm_crf.embeddings.read import load

            vectors = load(embeddings)
            if vectors is not None:
                table = model.network.embedding.weight.detach().numpy()
                require_same_space(model.vocabulary.words, table, vectors)
                own = model.subwords.vector if model.subwords else None
                model.attach(AttachedVectors(vectors.index, vectors.matrix, vectors.subword or own))
        return cls(model, device, threads)

    @property
    def remembers(self) -> bool:
        """Whether a name's other occurrences in a document can change what is found."""
        return self.model.architecture.document_memory > 0

    @property
    def reads_context(self) -> bool:
        """Whether an encoder reads a sentence with those around it."""
        return self.model.contextual is not None and self.model.contextual.settings.context > 0

    @property
    def reads_neighbours(self) -> bool:
        """Whether the other sentences of a document can change what is found in one."""
        return self.remembers or self.reads_context

    @property
    def entity_types(self) -> frozenset[str]:
        """The types of entities that the model can find."""
        return frozenset(label[2:] for label in self.model.vocabulary.labels if label != "O")

    @property
    def on_cpu(self) -> bool:
        return self._device.type == "cpu"

    @overload
    def tag(self, given: str) -> Sentence: ...  # type: ignore[overload-overlap]
    @overload
    def tag(self, given: Iterable[str] | Iterable[Iterable[str]]) -> list[Sentence]: ...
    def tag(self, given: str | Iterable[str] | Iterable[Iterable[str]]) -> Sentence | list[Sentence]:
        """Tag one text, or each of several texts or sentences of words.

        A `str` gives a Sentence; any other iterable a list: of strings, one Sentence for each text
        (`tag_texts`); of lists of words, one for each list (`tag_sentences`); `[]` gives `[]`. A list of
        strings is always a list of texts: the words of one sentence go to `tag_tokens`.

        Text is split into tokens by our Norwegian tokeniser. Raises TypeError
        for anything else, such as None, bytes or NaN, and ValueError for empty words and half a surrogate
        pair; both name the position, as in `item 3, token 2`.
        """
        if isinstance(given, str):
            return self._tag_texts([check_text(given)])[0]
        batch = check_batch(given)
        if batch and isinstance(batch[0], str):
            return self._tag_texts(batch)
        return self._set_spans([Sentence(words) for words in batch])  # type: ignore[arg-type]

    def tag_tokens(self, tokens: Iterable[str]) -> Sentence:
        """Tag the words of one sentence. Raises TypeError and ValueError as `tag`."""
        return self._set_spans([Sentence(check_tokens(tokens))])[0]

    def tag_texts(self, texts: Iterable[str]) -> list[Sentence]:
        """Tag several texts, each as one sentence. Raises TypeError and ValueError as `tag`."""
        return self._tag_texts(check_texts(texts))

    def tag_sentences(self, sentences: Iterable[Iterable[str]]) -> list[Sentence]:
        """Tag several sentences of words. Raises TypeError and ValueError as `tag`."""
        return self._set_spans([Sentence(words) for words in check_sentences(sentences)])

    def _tag_texts(self, texts: list[str]) -> list[Sentence]:
        from bilstm_crf.formats.text import sentence_of

        return self._set_spans([sentence_of(text) for text in texts])

    def tag_stream(self, sentences: Iterable[Sentence], *, flush: bool = False) -> Iterator[Sentence]:
        """The sentences in their order, with `spans` set.

        With `flush` each as soon as it was read: a memory of the document is then of what came before. Raises
        UsageError where an encoder reads what comes after, too.
        """
        if flush:
            if self.reads_context:
                raise UsageError(
                    "--flush answers sentence by sentence; this model's encoder reads neighbours"
                )
            yield from self._one_by_one(sentences)
            return
        chunks = chunks_of(sentences, CHUNK_TOKENS, whole_documents=self.reads_neighbours)
        for chunk, spans in self._tagged(chunks, self.threads):
            for sentence, found in zip(chunk, spans, strict=True):
                sentence.spans = found
            yield from chunk

    def _one_by_one(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Each before the next one is asked for."""
        past = StreamHistory()
        for sentence in sentences:
            earlier = past.with_names_of(sentence) if self.remembers else []
            sentence.spans = self.predict([*earlier, sentence])[-1]
            yield sentence

    def _set_spans(self, sentences: list[Sentence]) -> list[Sentence]:
        for sentence, spans in zip(sentences, self.predict(sentences), strict=True):
            sentence.spans = spans
        return sentences

    def predict(
        self, sentences: Iterable[Sentence], contextual: PrecomputedFeatures | None = None
    ) -> list[list[Span]]:
        """The spans of each sentence; none of it is kept in the sentences. Any length, none dropped.

        `contextual`: the encoder's vectors of all tokens, where they are at hand.
        """
        sentences = list(sentences)  # read more than once
        if contextual is not None:
            self._network.eval()
            return self._spans(sentences, contextual)
        tokens = sum(map(len, sentences))
        at_once = 1 if tokens <= BATCH_TOKENS else self.threads
        # Where the sentences of a chunk read one another, what is found must not hang on the threads
        size = CHUNK_TOKENS if self.reads_neighbours else max(1, min(CHUNK_TOKENS, -(-tokens // at_once)))
        chunks = chunks_of(sentences, size, whole_documents=self.reads_neighbours)
        return [found for _, spans in self._tagged(chunks, at_once) for found in spans]

    def _tagged(
        self, chunks: Iterator[list[Sentence]], at_once: int
    ) -> Iterator[tuple[list[Sentence], list[list[Span]]]]:
        """Each chunk, in its turn, with the spans of its sentences; so many chunks in work at once."""
        self._network.eval()
        if at_once == 1:
            for chunk in chunks:
                yield chunk, self._spans(chunk)
            return
        with ThreadPoolExecutor(at_once, thread_name_prefix="tagger") as pool:
            in_work: deque[tuple[list[Sentence], Future[list[list[Span]]]]] = deque()
            for chunk in chunks:
                in_work.append((chunk, pool.submit(self._spans, chunk)))
                if len(in_work) > at_once:
                    first, spans = in_work.popleft()
                    yield first, spans.result()
            for chunk, spans in in_work:
                yield chunk, spans.result()

    def _spans(
        self, sentences: Sequence[Sentence], contextual: PrecomputedFeatures | None = None
    ) -> list[list[Span]]:
        encoded, label_ids = self._label_ids(sentences, contextual)
        labels, offsets = self.model.vocabulary.labels, encoded.offsets
        spans: list[list[Span]] = [[] for _ in sentences]
        named = np.searchsorted(offsets, np.flatnonzero(label_ids), side="right") - 1
        for number in np.unique(named).tolist():
            path = label_ids[offsets[number] : offsets[number + 1]].tolist()
            found = self._encoding.decode([labels[id_] for id_ in path])
            spans[number] = trim_spans(sentences[number], found)
        return spans

    @torch.inference_mode()
    def _label_ids(
        self, sentences: Sequence[Sentence], contextual: PrecomputedFeatures | None
    ) -> tuple[Encoded, NDArray[np.int64]]:
        """The encoded sentences, and the label id of each of their tokens (Viterbi); 0 is `O`."""
        with self._looking_up:
            encoded = self.model.vocabulary.encode([sentence.tokens for sentence in sentences])
            label_ids = np.zeros(len(encoded.tokens), dtype=np.int64)
            if not len(label_ids):
                return encoded, label_ids
            words = self._prepare(encoded)
        vectors = self._encode(sentences, contextual)
        occurrences = Occurrences(sentences) if self.remembers else None
        layouts = [layout_of(encoded, chosen) for chosen in tagging_batches(encoded.lengths, BATCH_TOKENS)]
        emissions = torch.empty(len(label_ids), len(self.model.vocabulary.labels), device=self._device)
        kept: list[torch.Tensor] = []  # by each member, of the tokens that others look at
        for layout in layouts:
            which = torch.from_numpy(encoded.tokens[layout.tokens]).to(self._device)
            of_encoder = None if vectors is None else vectors[layout.tokens]
            states = self._network.states(words, which, layout.batch_sizes, of_encoder)
            emissions[layout.tokens] = self._network.scores(states)
            if occurrences is not None:
                kept = kept or [each.new_empty(occurrences.places, each.shape[1]) for each in states]
                others = others_of(occurrences, layout.tokens, self._device)
                for memory, each in zip(kept, states, strict=True):
                    memory[others.kept_places] = each[others.kept_rows]
        if occurrences is not None:
            others = others_of(occurrences, np.arange(len(label_ids)), self._device)
            emissions[others.rows] += self._network.scores_of_others(others, kept)
        for layout in layouts:
            label_ids[layout.tokens] = self._network.best_paths(emissions[layout.tokens], layout.batch_sizes)
        return encoded, label_ids

    def _encode(
        self, sentences: Sequence[Sentence], contextual: PrecomputedFeatures | None
    ) -> torch.Tensor | None:
        """(N, C): the encoder's vectors of all tokens, mixed; None for a network without one.

        Mixed part by part: the vectors of all an encoder's layers would fill the memory.
        """
        use = self.model.contextual
        if use is None:
            return None
        tokens = sum(map(len, sentences))
        vectors = torch.empty(tokens, use.encoder.dim, device=self._device)
        if contextual is None:
            parts = compute_frozen(use.encoder, sentences, use.settings, halved=not use.tuned)
        else:
            starts = range(0, tokens, BATCH_TOKENS)
            parts = ((start, contextual.vectors[start : start + BATCH_TOKENS]) for start in starts)
        for start, rows in parts:
            on_device = torch.from_numpy(rows.astype(np.float32)).to(self._device)
            vectors[start : start + len(rows)] = self._network.mixed(on_device)
        return vectors

    def _prepare(self, encoded: Encoded) -> torch.Tensor:
        """What the network computes of each distinct word alone; the words are the second dimension."""
        numbers = np.arange(len(encoded.word_ids))
        some = self._network.prepare(words_of(encoded, numbers[:BATCH_WORDS], self._device))
        words = some.new_empty(some.shape[0], len(numbers), some.shape[2])
        for start in range(0, len(numbers), BATCH_WORDS):
            if start:
                these = numbers[start : start + BATCH_WORDS]
                some = self._network.prepare(words_of(encoded, these, self._device))
            words[:, start : start + BATCH_WORDS] = some
        return words


def chunks_of(
    sentences: Iterable[Sentence], tokens: int, *, whole_documents: bool = False
) -> Iterator[list[Sentence]]:
    """Split the sentences into lists that end once they have so many tokens, or CHUNK_TOKENS sentences.

    With `whole_documents` such a list ends where a document ends.
    """
    chunk: list[Sentence] = []
    found = 0
    for sentence in sentences:
        inside = whole_documents and sentence.document is not None
        full = found >= tokens or len(chunk) >= CHUNK_TOKENS
        if full and not (inside and sentence.document == chunk[-1].document):
            yield chunk
            chunk, found = [], 0
        chunk.append(sentence)
        found += len(sentence)
        full = found >= tokens or len(chunk) >= CHUNK_TOKENS
        if full and not whole_documents:  # at once: no more is read ahead than a chunk
            yield chunk
            chunk, found = [], 0
    if chunk:
        yield chunk


def find_device(name: str) -> torch.device:
    """The device of this name. Raises UsageError where PyTorch has none."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` has tensors, but no values
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch was built without CUDA
        message = f"--device {name}: PyTorch finds no such device here"
        raise UsageError(message, hint="--device cpu") from error
    return device
