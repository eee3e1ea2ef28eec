"""Turn tagged sentences into the JSON that clients get.

Offsets count code points, as Python's slices do. With `utf16` there are also those of UTF-16 code units, as
JavaScript, Java and C# count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bilstm_crf.formats.base import rounded, scored_spans
from bilstm_crf.formats.text import sentences_of
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.sentence import Sentence, Span, TokenSpan
from bilstm_crf.server.problems import to_json
from bilstm_crf.server.requests import TagRequest

Object = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer, with its numbers of tokens and names."""

    body: bytes
    tokens: int
    names: int


@dataclass(frozen=True)
class JsonWork:
    """Reads the sentences of a request, and writes its answer."""

    request: TagRequest
    model: str
    decoding: Decoding

    def read(self) -> list[Sentence]:
        """Split the texts into sentences; each text is a document of its own."""
        if self.request.sentences is not None:
            return [Sentence(words) for words in self.request.sentences]
        found = []
        for number, text in enumerate(self.request.texts or ()):
            for sentence in sentences_of(text):
                sentence.document = str(number)
                found.append(sentence)
        return found

    def write(self, sentences: list[Sentence]) -> Answer:
        """Return the answer: one result for each text, or for each sentence of words."""
        if self.request.sentences is not None:
            results = [self._of_tokens(sentence) for sentence in sentences]
        else:
            groups: list[list[Sentence]] = [[] for _ in self.request.texts or ()]
            for sentence in sentences:
                groups[int(sentence.document or 0)].append(sentence)
            texts = self.request.texts or ()
            results = [self._of_text(text, group) for text, group in zip(texts, groups, strict=True)]
        body = to_json({"model": self.model, "results": results})
        names = sum(len(each.token_spans or ()) for each in sentences)
        return Answer(body, sum(map(len, sentences)), names)

    def _of_text(self, text: str, sentences: Sequence[Sentence]) -> Object:
        places = utf16_of(text) if self.request.utf16 else None
        found: list[Object] = []
        for sentence in sentences:
            found += [_entity(span, places) for span in sentence.spans]
        result: Object = {"entities": found}
        if self.decoding.nbest > 1:
            result["sentences"] = [self._alternatives(sentence, places) for sentence in sentences]
        return result

    def _alternatives(self, sentence: Sentence, places: Places | None) -> Object:
        start = 0 if sentence.origin is None else sentence.origin.start
        end = start + len(sentence.text or "")
        alternatives = [
            {
                "probability": rounded(each.probability),
                "entities": [_entity(span, places) for span in sentence.locate(each.token_spans)],
            }
            for each in sentence.alternatives or ()
        ]
        return {"start": start, "end": end, **_in_utf16(start, end, places), "alternatives": alternatives}

    def _of_tokens(self, sentence: Sentence) -> Object:
        result: Object = {
            "entities": [_words(sentence, span, score) for span, score in scored_spans(sentence)]
        }
        if self.decoding.nbest > 1:
            result["alternatives"] = [
                {
                    "probability": rounded(each.probability),
                    "entities": [_words(sentence, span) for span in each.token_spans],
                }
                for each in sentence.alternatives or ()
            ]
        return result


def _entity(span: Span, places: Places | None) -> Object:
    found: Object = {"text": span.text, "label": span.label}
    if span.score is not None:
        found["score"] = rounded(span.score)
    return found | {"start": span.start, "end": span.end} | _in_utf16(span.start, span.end, places)


def _words(sentence: Sentence, span: TokenSpan, score: float | None = None) -> Object:
    found: Object = {"text": " ".join(sentence.tokens[span.start : span.end]), "label": span.type}
    if score is not None:
        found["score"] = rounded(score)
    return found | {"start_token": span.start, "end_token": span.end}


Places = Callable[[int], int]


def utf16_of(text: str) -> Places:
    """Return the function from a place in code points to that in UTF-16 code units.

    >>> utf16_of("😀 Kari")(2)
    3
    """
    wide = [] if text.isascii() else [place for place, each in enumerate(text) if each > "\uffff"]
    return lambda place: place + bisect_left(wide, place)


def _in_utf16(start: int, end: int, places: Places | None) -> Object:
    return {} if places is None else {"start_utf16": places(start), "end_utf16": places(end)}
