"""spaCy: the pipeline component `bilstm_crf` (extra `spacy`). docs/spacy.md shows how to use it.

Doc ─► sentences of its own tokens ─► Tagger ─► doc.ents, span._.score, doc.spans[name] (the n best)

The component is registered by an entry point, so `nlp.add_pipe("bilstm_crf")` needs no import.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import ModelFolderError
from bilstm_crf.formats.text import sentences_of
from bilstm_crf.hub.fetch import find
from bilstm_crf.inference.box import box_folder
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.model.description import read_description
from bilstm_crf.model.folder_files import read_files, write_files
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.extras import optional_import

with optional_import():
    import srsly
    from spacy.language import Language
    from spacy.pipeline import Pipe
    from spacy.scorer import get_ner_prf
    from spacy.tokens import Doc, Span, SpanGroup
    from spacy.training import Example
    from spacy.util import minibatch

FACTORY = "bilstm_crf"
MODEL = "model"  # the model's folder inside a saved pipeline

# For displaCy, which knows few of NorNE's types (entry point `spacy_displacy_colors`)
COLOURS = {
    "PER": "#a9c4f7",
    "ORG": "#f4c4a0",
    "GPE_LOC": "#a4d8b9",
    "GPE_ORG": "#9fd9d4",
    "LOC": "#c9dc9b",
    "PROD": "#d9bdf8",
    "EVT": "#f3b0cf",
    "DRV": "#e6cf95",
}


@Language.factory(
    FACTORY,
    default_config={"model": None, "min_score": 0.0, "recall": None, "nbest": 1, "overwrite_ents": False},
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.score"],
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def create_component(
    nlp: Language,
    name: str,
    model: str | None,
    min_score: float,
    recall: float | None,
    nbest: int,
    overwrite_ents: bool,
) -> NamedEntities:
    """Return the component `bilstm_crf`.

    `model` is a folder or OWNER/NAME (a model of the hub, fetched before), or None for the one in the box.
    Raises UsageError for options out of bounds. The model is loaded when it is first used, since a pipeline
    that is read from disk brings its own.
    """
    options = Decoding(scores=True, min_score=min_score, recall=recall, nbest=nbest)
    return NamedEntities(name, options, model=model, overwrite_ents=overwrite_ents)


class NamedEntities(Pipe):
    """A pipeline component that finds named entities; `create_component` describes its options."""

    def __init__(
        self, name: str, options: Decoding, *, model: str | None = None, overwrite_ents: bool = False
    ) -> None:
        self.name = name
        self.options = options
        self.overwrite_ents = overwrite_ents
        self._model: str | Path | None = model
        self._files: dict[str, bytes] | None = None  # of a model that came as bytes
        self._tagger: Tagger | None = None

    @property
    def tagger(self) -> Tagger:
        """The tagger; loads the model if that has not happened.

        Raises what `hub.fetch.find` and `Tagger.load` raise.
        """
        if self._tagger is None:
            self._tagger = Tagger.load(self._source())
        return self._tagger

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types that the model can find; none for a model that is not there.

        spaCy asks while it reads a pipeline from disk, before the pipeline's own copy of the model is read.
        """
        if self._tagger is not None:
            return tuple(sorted(self._tagger.entity_types))
        try:
            labels = read_description(self._source()).labels
        except ModelFolderError:
            return ()
        return tuple(sorted({label[2:] for label in labels if label != "O"}))

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document."""
        self._try([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Yield the documents of a stream with their entities; `batch_size` of them are tagged at once."""
        for batch in minibatch(stream, size=batch_size):
            docs = list(batch)
            if self._try(docs):
                yield from docs

    def _try(self, docs: list[Doc]) -> bool:
        """Annotate documents; return whether that went well, else ask the pipeline's error handler."""
        try:
            self._annotate(docs)
        except Exception as error:
            self.get_error_handler()(self.name, self, docs, error)
            return False
        return True

    def _annotate(self, docs: list[Doc]) -> None:
        """Tag the sentences of several documents together, and set what was found."""
        parts = [_sentences(doc, str(number)) for number, doc in enumerate(docs)]
        sentences = [part.sentence for here in parts for part in here]
        names_agree = not self.tagger.reads_neighbours  # as `Tagger.tag` does
        self.tagger.annotate(sentences, dataclasses.replace(self.options, consistent=names_agree))
        for doc, here in zip(docs, parts, strict=True):
            self._set_entities(doc, here)
        if self.options.nbest > 1:
            self._set_alternatives(docs, parts)

    def _set_entities(self, doc: Doc, parts: list[_Part]) -> None:
        """Set `doc.ents` and scores; entities that are there already stay unless they are to be replaced."""
        present: list[Span] = []
        blocked: list[Span] = []
        taken: set[int] = set()
        if not self.overwrite_ents and doc.has_annotation("ENT_IOB"):
            present = list(doc.ents)
            kept = doc.to_array(["ENT_IOB", "ENT_TYPE"]).tolist()
            taken = {place for place, (iob, _) in enumerate(kept) if iob in (_INSIDE, _BEGIN)}
            free = [place for place, each in enumerate(kept) if each == [_BEGIN, 0]]
            blocked = [doc[place : place + 1] for place in free]  # where nothing may be found
        found = []
        for part in parts:
            scores = part.sentence.scores or []
            for token_span, score in zip(part.sentence.token_spans or [], scores, strict=True):
                span = part.span(doc, token_span)
                if taken.isdisjoint(range(span.start, span.end)):
                    span._.score = score
                    found.append(span)
        doc.set_ents([*present, *found], blocked=blocked)

    def _set_alternatives(self, docs: list[Doc], parts: list[list[_Part]]) -> None:
        """Set `doc.spans[name]`: each span of the n best labellings once, and which labelling has which."""
        everywhere = [part for here in parts for part in here]
        wanted = [sorted(_shares(part.sentence)) for part in everywhere]
        exact = self.tagger.span_probabilities([part.sentence for part in everywhere], wanted)
        probabilities = iter(zip(wanted, exact, strict=True))
        for doc, here in zip(docs, parts, strict=True):
            group = _Group(doc)
            for part in here:
                spans, scores = next(probabilities)
                group.add(part, dict(zip(spans, scores, strict=True)))
            doc.spans[self.name] = group.build(self.name)

    def score(self, examples: Iterable[Example], **_: Any) -> dict[str, Any]:
        """Return precision, recall and F1 of the entities, as `nlp.evaluate` shows them."""
        scores: dict[str, Any] = get_ner_prf(examples)
        return scores

    # ------------------------------------------------------------ saving

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write a copy of the model into a folder, so that the pipeline needs no other file."""
        if MODEL not in exclude:
            write_files(self._model_files(), Path(path) / MODEL)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> NamedEntities:
        """Load the model that `to_disk` wrote. Raises what `Tagger.load` raises."""
        if MODEL not in exclude:
            folder = Path(path) / MODEL
            self._tagger, self._model, self._files = Tagger.load(folder), folder, None
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the model as bytes."""
        content: bytes = srsly.msgpack_dumps({} if MODEL in exclude else {MODEL: self._model_files()})
        return content

    def from_bytes(self, content: bytes, *, exclude: Iterable[str] = ()) -> NamedEntities:
        """Load the model that `to_bytes` wrote. Raises ModelFolderError for a model that is damaged."""
        files = srsly.msgpack_loads(content).get(MODEL)
        if files is not None and MODEL not in exclude:
            with tempfile.TemporaryDirectory(prefix="bilstm-crf-") as folder:
                write_files(files, Path(folder))
                self._tagger = Tagger.load(folder)
            self._files, self._model = files, None
        return self

    def _model_files(self) -> dict[str, bytes]:
        if self._files is not None:
            return self._files
        return read_files(self._source())

    def _source(self) -> Path:
        """Return the folder of the model."""
        return box_folder() if self._model is None else find(self._model)


_INSIDE, _BEGIN = 1, 3  # of token.ent_iob


# ---------------------------------------------------------------- tokens


class _Part(NamedTuple):
    """A sentence of a document; `places` are its tokens' numbers in the document."""

    sentence: Sentence
    places: list[int]

    def span(self, doc: Doc, found: TokenSpan) -> Span:
        return Span(doc, self.places[found.start], self.places[found.end - 1] + 1, label=found.type)


def _sentences(doc: Doc, document: str) -> list[_Part]:
    """Return the sentences of a document, without tokens of white space."""
    text, words = doc.text, [token.text for token in doc]
    starts = [token.idx for token in doc]
    places = np.flatnonzero([bool(word.strip()) for word in words])
    bounds = _sentence_starts(doc, text, starts)
    parts = []
    for group in np.split(places, np.searchsorted(places, bounds)):
        here = group.tolist()
        if not here:
            continue
        first = starts[here[0]]
        offsets = [(starts[i] - first, starts[i] - first + len(words[i])) for i in here]
        sentence = Sentence(
            [words[i] for i in here],
            text=text[first : first + offsets[-1][1]],
            offsets=offsets,
            document=document,
        )
        parts.append(_Part(sentence, here))
    return parts


def _sentence_starts(doc: Doc, text: str, starts: list[int]) -> NDArray[np.int64]:
    """Return the tokens that begin a sentence: as the pipeline has set them, else by our own rules."""
    if doc.has_annotation("SENT_START"):
        return np.flatnonzero(doc.to_array("SENT_START") == 1)
    ours = [each.origin.start for each in sentences_of(text) if each.origin is not None]
    return np.unique(np.searchsorted(starts, ours))


# ---------------------------------------------------------------- the n best


def _shares(sentence: Sentence) -> dict[TokenSpan, float]:
    """Return each span of the n best labellings with the probability of those that have it."""
    shares: dict[TokenSpan, float] = {}
    for alternative in sentence.alternatives or []:
        for span in alternative.token_spans:
            shares[span] = shares.get(span, 0.0) + alternative.probability
    return shares


class _Group:
    """Collects the spans of a document's n best labellings."""

    def __init__(self, doc: Doc) -> None:
        self._doc = doc
        self._data: dict[Any, Any] = doc.user_data
        self._spans: list[Span] = []
        self._scores: list[float] = []
        self._labellings: list[dict[str, Any]] = []

    def add(self, part: _Part, exact: dict[TokenSpan, float]) -> None:
        """Add the labellings of a sentence, best first. `exact`: the probability of each of their spans."""
        sentence, numbers = part.sentence, {}
        best = dict(zip(sentence.token_spans or [], sentence.scores or [], strict=True))
        for span, share in _shares(sentence).items():
            numbers[span] = len(self._spans)
            # A span that was cut at a line end is no span of the CRF: its labellings' probability stands
            score = best.get(span, max(share, exact[span]))
            placed = part.span(self._doc, span)
            self._data[_key(placed)] = score
            self._spans.append(placed)
            self._scores.append(score)
        for alternative in sentence.alternatives or []:
            labelling = {
                "start": part.places[0],
                "end": part.places[-1] + 1,
                "probability": alternative.probability,
                "spans": [numbers[span] for span in alternative.token_spans],
            }
            self._labellings.append(labelling)

    def build(self, name: str) -> SpanGroup:
        attributes = {"scores": np.array(self._scores), "labellings": self._labellings}
        return SpanGroup(self._doc, name=name, spans=self._spans, attrs=attributes)


# ---------------------------------------------------------------- span._.score

# spaCy keeps an extension's values by the characters of a span. Two readings of one name, as ORG and as
# PER, would share a score: those of the n best have the type in their key. The keys have spaCy's form, so
# that it moves them when documents are joined or cut.


def _key(span: Span) -> tuple[str, str, int, int]:
    return ("._.", f"score_{span.label_}", span.start_char, span.end_char)


def _score(span: Span) -> float | None:
    data: dict[Any, Any] = span.doc.user_data
    plain = data.get(("._.", "score", span.start_char, span.end_char))
    score: float | None = data.get(_key(span), plain)
    return score


def _set_score(span: Span, score: float) -> None:
    data: dict[Any, Any] = span.doc.user_data
    data["._.", "score", span.start_char, span.end_char] = score


if not Span.has_extension("score"):
    Span.set_extension("score", getter=_score, setter=_set_score)
