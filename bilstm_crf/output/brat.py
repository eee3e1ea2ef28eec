r"""brat's standoff: annotations in one file (`.ann`), the text that they point into in another (`.txt`).

https://brat.nlplab.org/standoff.html. Offsets count code points of the text file, which has the text as it
was read, with lines that end in \n. For a text file with such lines, and no byte order mark, it is a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.base import rounded, scored_spans
from bilstm_crf.output.layout import passage_of
from bilstm_crf.output.name_rows import BREAKS
from bilstm_crf.sentence import Sentence

CARRIAGE_RETURN = re.compile("\r\n?")
PART_OF_LINE = re.compile(rf"\S(?:[^{BREAKS}]*\S)?")  # without white space at its ends


def compose_text(sentence: Sentence) -> bytes:
    """Return what a sentence adds to the text file."""
    passage = passage_of(sentence)
    return _plain(passage.before + passage.text + passage.after).encode()


def write(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    r"""Yield the annotations: `T1\tPER 0 13\tKari Nordmann`, with its score as a note below.

    brat knows no annotation across a line end: such a name has several pairs of offsets. So has one with
    a tab, which separates the cells.
    """
    number = place = 0  # of the last name; of the text so far
    for sentence in sentences:
        passage = passage_of(sentence)
        place += len(_plain(passage.before))
        reached = 0
        lines = []
        for span, score in scored_spans(sentence):
            start, end = passage.offsets[span.start][0], passage.offsets[span.end - 1][1]
            place += len(_plain(passage.text[reached:start]))
            number += 1
            lines.append(_annotation(number, span.type, place, _plain(passage.text[start:end])))
            if score is not None:
                lines.append(f"#{number}\tAnnotatorNotes T{number}\tscore {rounded(score)}")
            place += len(_plain(passage.text[start:end]))
            reached = end
        place += len(_plain(passage.text[reached:] + passage.after))
        yield "".join(line + "\n" for line in lines).encode()


def config(types: Iterable[str]) -> str:
    """Return the configuration (`annotation.conf`) of a collection with names of these types."""
    return "\n".join(["[entities]", *types, "[relations]", "[events]", "[attributes]"]) + "\n"


def _annotation(number: int, type_: str, place: int, name: str) -> str:
    """Return the line of a name that begins at `place`."""
    parts = [part.span() for part in PART_OF_LINE.finditer(name)] or [(0, len(name))]  # a no-break space
    offsets = ";".join(f"{place + start} {place + end}" for start, end in parts)
    shown = " ".join(name[start:end] for start, end in parts)
    return f"T{number}\t{type_} {offsets}\t{shown}"


def _plain(text: str) -> str:
    return CARRIAGE_RETURN.sub("\n", text) if "\r" in text else text
