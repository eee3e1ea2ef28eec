"""Tagger: the one way to inference, for commands, Python, evaluation and the dev scores of training."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.document import Document
from bilstm_crf.errors import UsageError
from bilstm_crf.features.batches import Layout, layout_of, tagging_batches
from bilstm_crf.features.occurrences import MemoryIndex, StreamHistory
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.formats.blocks import grouped
from bilstm_crf.inference.arguments import check_batch, check_sentences, check_text, check_texts, check_tokens
from bilstm_crf.inference.box import box_folder
from bilstm_crf.inference.consistency import agree
from bilstm_crf.inference.decoding import Annotation, Decoder, Decoding, DecodingOptions
from bilstm_crf.inference.documents import tagged_documents
from bilstm_crf.inference.network import Network, best_paths, mean_transitions
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.model_folder import Model, load_model
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.extras import optional_import

if TYPE_CHECKING:
    from conllu import TokenList

    from bilstm_crf.encoder.contextual import PrecomputedFeatures
    from bilstm_crf.hub.card import CardOptions
    from bilstm_crf.inference.torch_network import TorchNetwork


class LoadOptions(TypedDict, total=False):
    """The options of `Tagger.load`, as keywords of `Tagger.from_pretrained`."""

    embeddings: str | None
    encoder: str | None
    trust_remote_code: bool
    device: str
    threads: int


A = TypeVar("A")
R = TypeVar("R")

PLAIN = Decoding()
BATCH_TOKENS = 16_384  # padded tokens of one batch
# Tokens tagged together, so that there are sentences of similar length, and words that occur again
# are computed once
CHUNK_TOKENS = 65_536


class Tagger:
    """Finds named entities with a trained model.

    Safe to share between threads, to pickle, and to use after a fork. PyTorch is only needed for a GPU,
    and for models with an encoder.

    >>> tagger = Tagger.load("runs/sample")                           # doctest: +SKIP
    >>> tagger.tag("Kari Nordmann flytta til Bergen.").spans          # doctest: +SKIP
    [Span(text='Kari Nordmann', label='PER', score=0.99, start=0, end=13),
     Span(text='Bergen', label='GPE_LOC', score=0.98, start=25, end=31)]
    """

    def __init__(self, model: Model, device: str = "cpu", threads: int = 1) -> None:
        """With several threads, as many chunks of a stream are tagged at once while the next one is read.

        Raises UsageError for threads below 1, and for a device that does not exist.
        """
        if not isinstance(threads, int) or threads < 1:
            raise UsageError(f"threads is {threads!r}, expected a number from 1")
        self.model = model
        self.folder: Path | None = None  # that it was loaded from
        self.threads = threads
        self.label_set: LabelSet = model.label_set
        self.on_cpu = device == "cpu"
        encoding, labels = ENCODINGS[model.encoding], model.vocabulary.labels
        transitions = mean_transitions(model.weights)
        self.decoder = Decoder(encoding, labels, transitions, model.temperature)
        self._network: Network | TorchNetwork
        if self.on_cpu and model.contextual is None:
            self._network = Network(model)
        else:
            self._network = _torch_network(model, device)

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        *,
        embeddings: str | None = None,
        encoder: str | None = None,
        trust_remote_code: bool = False,
        device: str = "cpu",
        threads: int = 1,
    ) -> Tagger:
        """Load the model of a folder, or the one in the box, on the CPU or another device.

        `embeddings` (a name or path) attaches a full table of word vectors, for words that the model
        folder had no room for. `encoder` is the path of the model's encoder, if that has moved. Raises
        ModelFolderError for a bad folder; InputError for unreadable vectors, vectors the model was not
        trained with, and a bad encoder; UsageError for a device that does not exist, and for an encoder
        whose code is not trusted.
        """
        folder = box_folder() if folder is None else Path(folder)
        model = load_model(folder, encoder=encoder, trust_remote_code=trust_remote_code)
        if embeddings is not None:
            from bilstm_crf.embeddings.read import load

            vectors = load(embeddings)
            if vectors is not None:
                vectors.require_same_space(model.vocabulary.words, model.word_table)
                if vectors.ngrams is None:
                    vectors.ngrams = model.subwords
                model = model.with_vectors(vectors)
        tagger = cls(model, device, threads)
        tagger.folder = folder
        return tagger

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> Tagger:
        """Load the model of a folder, or of the Hugging Face hub (OWNER/NAME, at a branch, tag or commit).

        A path that exists is a folder; `hf:OWNER/NAME` is always a model of the hub. What was fetched before
        is used without asking the network; `bilstm-crf model fetch` looks for a newer one. The options are
        those of `load`. Raises UsageError for a revision of a folder, what `load` raises, and what
        `bilstm_crf.hub.fetch.fetch` raises.
        """
        from bilstm_crf.hub.fetch import find_or_fetch

        return cls.load(find_or_fetch(name, revision, token=token), **options)

    def save_pretrained(
        self, folder: str | Path, *, embed_encoder: bool = False, **card: Unpack[CardOptions]
    ) -> None:
        """Write the model into a folder: model.json, weights as safetensors, README.md with its card.

        The files of the folder that it was loaded from are copied unchanged; vectors that were attached are
        no part of it. `embed_encoder` copies an encoder that the model only names. Raises ModelFolderError
        for an encoder whose weights are no safetensors, UsageError for a folder that cannot be written.
        """
        from bilstm_crf.hub.publish import Source, save_copy

        save_copy(Source(self.model, self.folder), Path(folder), card, embed_encoder=embed_encoder)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        message: str | None = None,
        **card: Unpack[CardOptions],
    ) -> str:
        """Upload the model to OWNER/NAME on the Hugging Face hub in one commit, and return the commit.

        Makes the repository if there is none (`private` or not), and the branch `revision`. Needs the
        extra `hub` and a token with the right to write: `token`, $HF_TOKEN or that of `hf auth login`. Raises
        UsageError for a model whose encoder is a folder of this machine, DownloadError where the hub cannot
        be reached or refuses, and what `save_pretrained` raises.
        """
        from bilstm_crf.hub.publish import Push, Source

        push = Push.to(repo_id, revision, private=private, token=token, message=message)
        return push.run(Source(self.model, self.folder), card)

    @property
    def remembers(self) -> bool:
        """Whether a name's other occurrences in a document can change what is found."""
        return self.model.architecture.document_memory > 0

    @property
    def reads_context(self) -> bool:
        """Whether an encoder reads a sentence together with its neighbours."""
        return self.model.contextual is not None and self.model.contextual.settings.context > 0

    @property
    def reads_neighbours(self) -> bool:
        """Whether other sentences of a document can change what is found in one."""
        return self.remembers or self.reads_context

    @property
    def entity_types(self) -> frozenset[str]:
        """The entity types that the model can find."""
        return frozenset(label[2:] for label in self.model.vocabulary.labels if label != "O")

    @overload
    def tag(self, given: str, **options: Unpack[DecodingOptions]) -> Document: ...  # type: ignore[overload-overlap]
    @overload
    def tag(self, given: Iterable[str], **options: Unpack[DecodingOptions]) -> list[Document]: ...  # type: ignore[overload-overlap]
    @overload
    def tag(self, given: Iterable[Iterable[str]], **options: Unpack[DecodingOptions]) -> list[Sentence]: ...
    def tag(
        self, given: str | Iterable[str] | Iterable[Iterable[str]], **options: Unpack[DecodingOptions]
    ) -> Document | list[Document] | list[Sentence]:
        """Tag one text, or each of several texts or sentences of words.

        A text of any length gives a Document with its sentences, which are found as in Norwegian text. A
        list of texts gives a list of documents, a list of lists of words a list of sentences, `[]` gives
        `[]`. A list of strings is always a list of texts: use `tag_tokens` for the words of one sentence.

        The options are the fields of `Decoding`, such as nbest=3, min_score=0.5 or recall=0.1. Spans have
        scores unless scores=False, which is faster.

        Raises TypeError for anything else, such as None, bytes or NaN, and ValueError for empty words and
        half a surrogate pair; both name the position, as in `item 3, token 2`. Raises UsageError for
        options out of bounds.
        """
        if isinstance(given, str):
            return self._documents([check_text(given)], self._decoding(options, texts=True))[0]
        batch = check_batch(given)
        if batch and isinstance(batch[0], str):
            return self._documents(batch, self._decoding(options, texts=True))
        decoding = self._decoding(options, texts=False)
        return self.annotate([Sentence(words) for words in batch], decoding)  # type: ignore[arg-type]

    def tag_texts(self, texts: Iterable[str], **options: Unpack[DecodingOptions]) -> Iterator[Document]:
        """Tag a stream of texts; yield a Document for each, in order. Options as for `tag`.

        Reads a few hundred kilobytes ahead and keeps nothing that was yielded, so the stream may be
        endless; `tag` answers at once. Raises TypeError and ValueError as `tag`, when it reads the item.
        """
        decoding = self._decoding(options, texts=True)
        return tagged_documents(lambda each: self.tag_stream(each, decoding=decoding), check_texts(texts))

    def tag_tokens(self, tokens: Iterable[str], **options: Unpack[DecodingOptions]) -> Sentence:
        """Tag the words of one sentence. Options, TypeError and ValueError as for `tag`.

        The offsets of `spans` are those in the words joined by spaces; `token_spans` counts words.
        """
        decoding = self._decoding(options, texts=False)
        return self.annotate([Sentence(check_tokens(tokens))], decoding)[0]

    def tag_sentences(
        self, sentences: Iterable[Iterable[str]], **options: Unpack[DecodingOptions]
    ) -> list[Sentence]:
        """Tag several sentences of words, in the order of their text. Otherwise as `tag_tokens`."""
        decoding = self._decoding(options, texts=False)
        return self.annotate([Sentence(words) for words in check_sentences(sentences)], decoding)

    def tag_tokenlists(self, sentences: Iterable[TokenList], misc_key: str = "name") -> list[TokenList]:
        """Return copies of sentences of the library `conllu`, with each label under a key in MISC.

        Multi-word tokens and empty nodes are kept and get no label. `# newdoc` begins a document.
        """
        from bilstm_crf.inference.tokenlists import labelled, sentences_of

        given = list(sentences)
        return labelled(given, self.predict(sentences_of(given)), misc_key)

    def _decoding(self, options: DecodingOptions, *, texts: bool) -> Decoding:
        """Return the options with their defaults: scores, and names of a text that agree.

        Models that read a name's other occurrences see to the latter by themselves.
        """
        options.setdefault("scores", True)
        options.setdefault("consistent", texts and not self.reads_neighbours)
        return Decoding(**options)

    def _documents(self, texts: list[str], decoding: Decoding) -> list[Document]:
        return list(tagged_documents(lambda each: self.annotate(each, decoding), texts))

    def annotate(self, sentences: Iterable[Sentence], decoding: Decoding = PLAIN) -> list[Sentence]:
        """Set `token_spans`, `scores` and `alternatives` of each sentence as `decoding` says."""
        sentences = list(sentences)
        for sentence, annotation in zip(sentences, self._annotations(sentences, decoding), strict=True):
            annotation.set_on(sentence)
        return sentences

    def annotate_chunk(self, sentences: Sequence[Sentence], decoding: Decoding = PLAIN) -> None:
        """Set the fields of sentences that are processed at once, however many there are."""
        for sentence, annotation in zip(sentences, self._annotate(sentences, decoding), strict=True):
            annotation.set_on(sentence)

    def tag_stream(
        self, sentences: Iterable[Sentence], *, flush: bool = False, decoding: Decoding = PLAIN
    ) -> Iterator[Sentence]:
        """Yield the sentences in their order, annotated as `decoding` says.

        With `flush`, each before the next one is read; the document memory then only knows the
        sentences before it. Raises UsageError if the model's encoder also reads the sentences after it.
        """
        if flush:
            if self.reads_context:
                raise UsageError(
                    "--flush answers sentence by sentence; this model's encoder reads neighbours"
                )
            yield from self._one_by_one(sentences, decoding)
            return
        whole = self.reads_neighbours or decoding.consistent
        chunks = chunks_of(sentences, CHUNK_TOKENS, whole_documents=whole)
        for chunk, decoded in self._tagged(chunks, self.threads, decoding):
            for sentence, annotation in zip(chunk, decoded, strict=True):
                annotation.set_on(sentence)
            yield from chunk

    def _one_by_one(self, sentences: Iterable[Sentence], decoding: Decoding) -> Iterator[Sentence]:
        history = StreamHistory()
        for sentence in sentences:
            earlier = history.add(sentence) if self.remembers else []
            self._annotations([*earlier, sentence], decoding)[-1].set_on(sentence)
            yield sentence

    def predict(
        self,
        sentences: Iterable[Sentence],
        contextual: PrecomputedFeatures | None = None,
        decoding: Decoding = PLAIN,
    ) -> list[list[TokenSpan]]:
        """Return the spans of each sentence; the sentences stay as they are, however long.

        `contextual`: the encoder's vectors of all tokens, if they are computed already.
        """
        sentences = list(sentences)
        if contextual is not None:
            decoded = self._annotate(sentences, decoding, contextual)
        else:
            decoded = self._annotations(sentences, decoding)
        return [annotation.token_spans for annotation in decoded]

    def _annotations(self, sentences: Sequence[Sentence], decoding: Decoding) -> list[Annotation]:
        """Return the annotation of each sentence, tagged in chunks, in parallel if there are many."""
        tokens = sum(max(1, len(sentence)) for sentence in sentences)  # as `chunks_of` counts
        at_once = 1 if tokens <= BATCH_TOKENS else self.threads
        # Where the sentences of a chunk read one another, the result must not depend on the threads
        whole = self.reads_neighbours or decoding.consistent
        size = CHUNK_TOKENS if whole else max(1, min(CHUNK_TOKENS, -(-tokens // at_once)))
        chunks = chunks_of(sentences, size, whole_documents=whole)
        return [found for _, chunk in self._tagged(chunks, at_once, decoding) for found in chunk]

    def _tagged(
        self, chunks: Iterator[list[Sentence]], at_once: int, decoding: Decoding
    ) -> Iterator[tuple[list[Sentence], list[Annotation]]]:
        """Yield each chunk in order with its annotations; `at_once` are tagged in parallel."""
        annotate = partial(self._annotate, decoding=decoding)
        if at_once == 1:
            yield from ((chunk, annotate(chunk)) for chunk in chunks)
            return
        with ThreadPoolExecutor(at_once, thread_name_prefix="tagger") as pool:
            yield from in_order(pool, annotate, chunks, ahead=at_once)

    def _annotate(
        self,
        sentences: Sequence[Sentence],
        decoding: Decoding,
        contextual: PrecomputedFeatures | None = None,
    ) -> list[Annotation]:
        """Return the annotation of each sentence of a chunk."""
        encoded, layouts = self._encode(sentences)
        label_ids = np.zeros(len(encoded.tokens), np.int64)  # 0 is `O`
        emissions = self._emissions(sentences, encoded, layouts, contextual)
        transitions = self.decoder.transitions(decoding)
        for layout in layouts:
            label_ids[layout.tokens] = best_paths(emissions[layout.tokens], transitions, layout.batch_sizes)
        annotations = self.decoder.annotate(sentences, emissions, label_ids, encoded.offsets, decoding)
        if not decoding.consistent:
            return annotations
        return agree(
            sentences,
            annotations,
            lambda spans: self.decoder.probabilities(emissions, encoded.offsets, decoding, spans),
        )

    def label_probabilities(self, sentences: Iterable[Sentence]) -> list[NDArray[np.float64]]:
        """Return the probability of each label for each token (T, K), of each sentence.

        Labels in the order of `model.vocabulary.labels`; sequences that are not legal have no share.
        """
        sentences = list(sentences)
        emissions, offsets = self.emissions(sentences)
        table = self.decoder.constrained_crf.marginals(emissions, offsets).labels
        found = [table[start:end] for start, end in pairwise(offsets)]
        outside = np.eye(1, emissions.shape[1])  # of a full stop that was not read: `O`
        return [
            np.concatenate((part, np.repeat(outside, len(sentence) - len(part), axis=0)))
            for sentence, part in zip(sentences, found, strict=True)
        ]

    def span_probabilities(
        self, sentences: Iterable[Sentence], spans: Iterable[Iterable[TokenSpan]]
    ) -> list[list[float]]:
        """Return the probability that exactly this span is there, for any spans of each sentence.

        Raises ValueError for a span that is not inside its sentence.
        """
        sentences, asked = list(sentences), [list(each) for each in spans]
        emissions, offsets = self.emissions(sentences)
        marginals = self.decoder.constrained_crf.marginals(emissions, offsets)
        found = []
        for number, (sentence, here) in enumerate(zip(sentences, asked, strict=True)):
            for span in here:
                if not 0 <= span.start < span.end <= len(sentence):
                    raise ValueError(f"{span} is not inside its sentence of {len(sentence)} tokens")
            found.append(marginals.of_spans(number, here))
        return found

    def emissions(self, sentences: Iterable[Sentence]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the score of each label for each token (N, K), and where each sentence begins (S + 1,).

        A model that reads robustly leaves out a full stop at the end of a sentence, which is `O`.
        """
        found = [np.zeros((0, len(self.model.vocabulary.labels)), np.float32)]
        lengths = [np.zeros(1, np.int64)]
        for chunk in chunks_of(sentences, CHUNK_TOKENS, whole_documents=self.reads_neighbours):
            encoded, layouts = self._encode(chunk)
            found.append(self._emissions(chunk, encoded, layouts))
            lengths.append(encoded.lengths)
        return np.concatenate(found), np.cumsum(np.concatenate(lengths))

    def _encode(self, sentences: Sequence[Sentence]) -> tuple[Encoded, list[Layout[NDArray[np.int64]]]]:
        encoded = self.model.vocabulary.encode([sentence.tokens for sentence in sentences])
        batches = tagging_batches(encoded.lengths, BATCH_TOKENS)
        return encoded, [layout_of(encoded, chosen) for chosen in batches]

    def _emissions(
        self,
        sentences: Sequence[Sentence],
        encoded: Encoded,
        layouts: Sequence[Layout[NDArray[np.int64]]],
        contextual: PrecomputedFeatures | None = None,
    ) -> NDArray[np.float32]:
        """Return the score of each label for each token (N, K), in the order of the tokens."""
        if not len(encoded.tokens):
            return np.zeros((0, len(self.model.vocabulary.labels)), np.float32)
        index = MemoryIndex(sentences, self.model.vocabulary.as_read) if self.remembers else None
        if isinstance(self._network, Network):
            return self._network.emissions(encoded, layouts, index)
        return self._network.emissions(sentences, encoded, layouts, index, contextual)


def chunks_of(
    sentences: Iterable[Sentence], tokens: int, *, whole_documents: bool = False
) -> Iterator[list[Sentence]]:
    """Group the sentences into chunks of at least so many tokens, of whole documents if asked for.

    An empty sentence counts as one token, since there may be millions.
    """
    measured = (
        (each, max(1, len(each)), None if each.document is None else (each.path, each.document))
        for each in sentences
    )
    return grouped(measured, tokens, whole_documents=whole_documents)


def in_order(
    pool: Executor, work: Callable[[A], R], given: Iterable[A], *, ahead: int
) -> Iterator[tuple[A, R]]:
    """Yield each item with its result, in order, while `ahead` others are in work."""
    pending: deque[tuple[A, Future[R]]] = deque()
    for item in given:
        pending.append((item, pool.submit(work, item)))
        if len(pending) > ahead:
            first, future = pending.popleft()
            yield first, future.result()
    for item, future in pending:
        yield item, future.result()


def _torch_network(model: Model, device: str) -> TorchNetwork:
    """Return the network in PyTorch. Raises UsageError where PyTorch or the device is missing."""
    with optional_import():
        from bilstm_crf.inference.torch_network import TorchNetwork, find_device
    return TorchNetwork(model, find_device(device))
