"""Tasks for annotation tools, with the names as pre-annotations that annotators correct.

Label Studio: one JSON array of tasks. Prodigy and doccano: JSONL. Each task is a sentence, with its tokens,
so that what comes back has the same; `meta` says where the sentence stands. What the tools export is read as
JSONL (`formats/json_layouts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.base import rounded, scored_spans
from bilstm_crf.formats.entities import Entity
from bilstm_crf.formats.json_layouts import OFFSETS, UTF16, to_utf16
from bilstm_crf.formats.json_text import dump
from bilstm_crf.formats.jsonl import place_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.offsets import Offsets
from bilstm_crf.version import __version__

# The names that a Label Studio project's labelling configuration gives to the labels and to the text
LABELS_NAME, TEXT_NAME = "label", "text"
COLOURS = ("#2563eb", "#d95a14", "#168c46", "#0d9488", "#9346e6", "#db2777", "#a16207", "#5a687d")


class Task(NamedTuple):
    """A sentence as annotation tools take it."""

    text: str
    offsets: Offsets  # of the tokens in `text`, in code points
    entities: list[Entity]
    scores: list[float | None]
    meta: dict[str, Any]

    @property
    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.offsets]

    @property
    def score(self) -> float | None:
        """The score of the least certain name, by which tools sort; None without scores or names."""
        return min((score for score in self.scores if score is not None), default=None)


def task_of(sentence: Sentence) -> Task:
    """Return the task of a sentence. A multi-word token is one token, as it stands in the text."""
    text, offsets = sentence.located()
    found = list(scored_spans(sentence))
    entities = [Entity(offsets[start][0], offsets[end - 1][1], type_) for (start, end, type_), _ in found]
    scores = [rounded(score) for _, score in found]
    return Task(text, list(dict.fromkeys(offsets)), entities, scores, place_of(sentence, text))


def write_label_studio(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield an array of tasks, whose names are predictions. Offsets count code points."""
    before = "[\n"
    for sentence in sentences:
        if sentence.tokens:
            yield (before + dump(_studio_task(task_of(sentence), sentence.token_spans is not None))).encode()
            before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _studio_task(task: Task, labelled: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"data": {"text": task.text, "tokens": task.words, "meta": task.meta}}
    if not labelled:
        return content
    result = []
    for number, ((start, end, label), score) in enumerate(zip(task.entities, task.scores, strict=True), 1):
        value = {"start": start, "end": end, "text": task.text[start:end], "labels": [label]}
        region = {"id": f"name-{number}", "from_name": LABELS_NAME, "to_name": TEXT_NAME, "type": "labels"}
        result.append(_with_score({**region, "value": value}, score))
    prediction = _with_score({"model_version": f"bilstm_crf {__version__}"}, task.score)
    return {**content, "predictions": [{**prediction, "result": result}]}


def label_studio_config(types: Iterable[str]) -> str:
    """Return the labelling configuration (XML) of a project that takes the tasks."""
    labels = [
        f"    <Label value={quoteattr(type_)} background={quoteattr(COLOURS[number % len(COLOURS)])}/>"
        for number, type_ in enumerate(types)
    ]
    head = f'  <Labels name="{LABELS_NAME}" toName="{TEXT_NAME}">'
    # Whole words, so that no annotated name begins or ends inside a token
    text = f'  <Text name="{TEXT_NAME}" value="$text" granularity="word"/>'
    return "\n".join(["<View>", head, *labels, "  </Labels>", text, "</View>"]) + "\n"


def write_prodigy(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield tasks for `ner.manual`, one a line. Offsets count code points."""
    for sentence in sentences:
        if sentence.tokens:
            yield _line(_prodigy_task(task_of(sentence)))


def _prodigy_task(task: Task) -> dict[str, Any]:
    tokens = _prodigy_tokens(task)
    firsts = {token["start"]: token["id"] for token in tokens}
    lasts = {token["end"]: token["id"] for token in tokens}
    spans = []
    for (start, end, label), score in zip(task.entities, task.scores, strict=True):
        place = {"start": start, "end": end, "token_start": firsts[start], "token_end": lasts[end]}
        spans.append(_with_score({**place, "label": label}, score))
    return {"text": task.text, "tokens": tokens, "spans": spans, "meta": _with_score(task.meta, task.score)}


def _prodigy_tokens(task: Task) -> list[dict[str, Any]]:
    """Return tokens that together give the text, as spaCy has them.

    A space belongs to the token before it (`ws`); other white space is a token.
    """
    places: Offsets = []
    reached = 0
    for start, end in [*task.offsets, (len(task.text), len(task.text))]:
        gap = reached + (bool(places) and task.text[reached : reached + 1] == " ")
        if gap < start:
            places.append((gap, start))
        if start < end:
            places.append((start, end))
        reached = end
    return [
        {
            "text": task.text[start:end],
            "start": start,
            "end": end,
            "id": number,
            "ws": task.text[end : end + 1] == " "
            and (number + 1 == len(places) or places[number + 1][0] > end),
        }
        for number, (start, end) in enumerate(places)
    ]


def write_doccano(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield records for a sequence labelling project, one a line. Offsets count UTF-16 code units.

    All have the same keys: doccano reads them as a table, and fills in what is missing with NaN.
    """
    for sentence in sentences:
        if sentence.tokens:
            task = task_of(sentence)
            content = {"text": task.text, "label": to_utf16(task.entities, task.text), "tokens": task.words}
            yield _line({**content, "meta": {**task.meta, OFFSETS: UTF16}})


def _with_score(content: dict[str, Any], score: float | None) -> dict[str, Any]:
    return content if score is None else {**content, "score": score}


def _line(content: dict[str, Any]) -> bytes:
    return (dump(content) + "\n").encode()
