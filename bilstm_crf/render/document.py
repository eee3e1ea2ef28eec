"""A document: what stands under which heading, before a writer makes text, Markdown or HTML of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bilstm_crf.render.charts import Bars, LineChart, PointChart
from bilstm_crf.render.table import Cell, Table


@dataclass(frozen=True)
class Paragraph:
    """Running text; a note is smaller and fainter on a page."""

    text: Cell
    is_note: bool = False


@dataclass(frozen=True)
class Listing:
    """One item a line."""

    items: Sequence[Cell]


@dataclass(frozen=True)
class CodeBlock:
    """Lines in a fixed-width face, such as commands."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Words:
    """Neighbouring words of an example that carry the same marks: `gold`, `predicted`, both or none."""

    text: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """Words with marked spans, where they stand, and what there is to know about these."""

    words: Sequence[Words]
    place: str = ""
    facts: Sequence[str] = ()


@dataclass(frozen=True)
class Examples:
    """A list of examples."""

    examples: Sequence[Example]


@dataclass(frozen=True)
class Figure:
    """A chart under its caption. Pages show it; text and Markdown leave it out."""

    caption: str
    chart: LineChart | PointChart | Bars


@dataclass(frozen=True)
class Gallery:
    """Blocks beside one another where there is room, each at least `min_width` rem wide."""

    parts: Sequence[Block]
    min_width: int = 26


@dataclass(frozen=True)
class Folded:
    """Blocks that a page shows when their summary is opened; other writers show them if `everywhere`."""

    summary: str
    parts: Sequence[Block]
    everywhere: bool = True


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; a section of a section has a heading one level lower.

    What only a page can show, such as charts, is not shown `everywhere`.
    """

    title: str
    parts: Sequence[Block]
    everywhere: bool = True


Block: TypeAlias = "Paragraph | Listing | CodeBlock | Examples | Table | Figure | Gallery | Folded | Section"


@dataclass(frozen=True)
class Document:
    """A title, blocks before the first heading, and sections."""

    title: str
    intro: Sequence[Block]
    sections: Sequence[Section]
    decimals: int = 2  # of percentages
