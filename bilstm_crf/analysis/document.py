"""An analysis as a document for a page, as text for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from bilstm_crf.analysis.analyse import Analysis
from bilstm_crf.analysis.breakdown import Group
from bilstm_crf.analysis.compare import Comparison
from bilstm_crf.analysis.examples import Example, TypeConfusion
from bilstm_crf.evaluation.matching import CATEGORIES, PAIRED
from bilstm_crf.evaluation.tables import SCORES, comparison_note, difference_table, score_row
from bilstm_crf.render import document as page
from bilstm_crf.render.charts import Bars
from bilstm_crf.render.document import (
    Block,
    Document,
    Examples,
    Figure,
    Folded,
    Gallery,
    Paragraph,
    Section,
    Words,
)
from bilstm_crf.render.table import Cell, Code, Percent, Table, columns, matrix, shorten_paths, show
from bilstm_crf.render.text import document_to_text
from bilstm_crf.util.progress import visible

MAX_ROWS = 20  # of a table in a terminal: a corpus may have thousands of documents
MAX_OPEN_ROWS = 12  # of a table on a page; longer ones are folded
MAX_CONFUSIONS = 10
GROUP = (*SCORES, "type", "boundary", "both", "missed", "spurious")
TITLES = {
    "type": "By entity type",
    "name": "By the name in the training data",
    "vocabulary": "By what is known of its words",
    "length": "By length in tokens",
    "genre": "By genre",
    "document": "By document",
}
BY_TYPE = "type, boundary, both: what is wrong with the prediction that is paired with the gold entity"
LEGEND = page.Example(
    [Words("gold", ("gold",)), Words("predicted", ("predicted",)), Words("both", ("gold", "predicted"))]
)


def to_json(analysis: Analysis) -> str:
    """Return everything, fractions from 0 to 1 in full precision."""
    return json.dumps(analysis.as_dict(), indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- tables


def tables(analysis: Analysis) -> list[Table]:
    """Return every table except those of the comparison."""
    return [
        _categories(analysis.total),
        *(
            Table(TITLES[name], columns("", *GROUP), list(map(_group, groups)), [BY_TYPE] * (name == "type"))
            for name, groups in analysis.breakdowns.items()
        ),
        Table(
            "By label of each token",
            columns("", *SCORES),
            [score_row(label, score) for label, score in analysis.labels.items()],
        ),
    ]


def _categories(total: Group) -> Table:
    rows: list[list[Cell]] = [
        [spelt(category), total.gold.get(category), total.predicted.get(category)] for category in CATEGORIES
    ]
    rows.append(["all", total.score.gold, total.score.predicted])
    return Table("What became of the entities", columns("", "gold", "predicted"), rows)


def _group(group: Group) -> list[Cell]:
    wrong = [group.gold[category] for category in (*PAIRED[1:], "missed")]
    return [*score_row(group.name, group.score), *wrong, group.predicted["spurious"]]


def comparison_tables(comparison: Comparison, sentences: int) -> list[Table]:
    """Return the scores of A and B, what became of the gold entities in both, and their wrong predictions."""
    contrasts, names = [*comparison.types, comparison.total], ("A", "B")

    def table(title: str, cells: Sequence[str], heads: Sequence[str]) -> Table:
        rows = [[each.name, *(getattr(each, cell) for cell in cells)] for each in contrasts]
        return Table(title, columns("", *heads), rows)

    right = ("gold", "both_right", "only_a", "only_b", "both_wrong")
    wrong = ("wrong_predictions_a", "wrong_predictions_b", "wrong_predictions_both")
    return [
        difference_table("Strict F1", names, comparison.scores, [comparison_note(names, sentences)]),
        table(
            "Gold entities",
            right,
            [spelt(cell).replace(" a", " A").replace(" b", " B") for cell in right],
        ),
        table("Wrong predictions", wrong, ("of A alone", "of B alone", "the same in both")),
    ]


def spelt(category: str) -> str:
    """Return a category's name as people read it."""
    return category.replace("_", " ")


def _summary(confusion: TypeConfusion) -> str:
    """Return a line such as `PER → ORG  15 (12 wrong type, 3 wrong both)`."""
    kinds = ", ".join(f"{count:,} {spelt(category)}" for category, count in confusion.categories.items())
    return f"{confusion.gold} → {confusion.predicted}  {confusion.count:,} ({kinds})"


def _headline(analysis: Analysis) -> tuple[Cell, ...]:
    """Return sizes and the score in one sentence."""
    score = analysis.total.score
    return (
        f"{analysis.sentences:,} sentences, {analysis.words:,} tokens: {score.gold:,} gold and "
        f"{score.predicted:,} predicted entities, {score.correct:,} right; strict F1 ",
        Percent(score.f1),
    )


# ---------------------------------------------------------------- document


def to_document(analysis: Analysis, *, short_paths: bool = True) -> Document:
    """Return the comparison first if there is one, then tables, confusions and examples.

    Terminals make links of whole paths; on a page, paths are as short as tells them apart.
    """
    about, comparison = analysis.about, analysis.comparison
    paths = list(dict.fromkeys(error.path for error in analysis.errors))
    shown_as = dict(zip(paths, shorten_paths(paths) if short_paths else paths, strict=True))

    def examples(found: Iterable[Example]) -> Examples:
        return Examples([_example(each, shown_as[each.path]) for each in found])

    systems = {"Gold": about["gold"], "A" if comparison else "Predicted": about["a"]}
    systems |= {"B": about["b"]} if comparison else {}
    intro: list[Block] = [
        Paragraph(_headline(analysis)),
        *(Paragraph(f"{name}: {value}", is_note=True) for name, value in systems.items()),
        Paragraph(Code(about["signature"]), is_note=True),
    ]
    sections = [Section("A and B", _compare(comparison, analysis.sentences, examples))] if comparison else []
    for table in tables(analysis):
        is_long = len(table.rows) > MAX_OPEN_ROWS
        body = Folded(f"{len(table.rows):,} rows", [table.titled("")]) if is_long else table.titled("")
        bars = [_bars(analysis)] if table.title == TITLES["type"] else []
        sections.append(Section(table.title, [body, *bars]))
    note = "Entities with the predictions that are paired with them, whether their boundaries agree or not."
    entities = matrix("", analysis.confusion.types, analysis.confusion.spans, [note])
    sections.append(Section("Confusion of entity types", [entities]))
    confusions = [Section(_summary(each), [examples(each.examples)]) for each in analysis.confusions]
    rest = confusions[MAX_CONFUSIONS:]
    folded = [Folded(f"{len(rest):,} less frequent confusions", rest, everywhere=False)] if rest else []
    frequent: list[Block] = [Examples([LEGEND]), *confusions[:MAX_CONFUSIONS], *folded]
    return Document(
        "Error analysis", intro, [*sections, Section("Most frequent confusions", frequent)], decimals=1
    )


def _compare(
    comparison: Comparison, sentences: int, examples: Callable[[Iterable[Example]], Examples]
) -> list[Block]:
    """Scores, counts and examples of two systems."""
    scores, *counts = comparison_tables(comparison, sentences)
    sides = {
        "Only A is right; what B predicts": comparison.only_a,
        "Only B is right; what A predicts": comparison.only_b,
    }
    folded = [Folded(title, [examples(found)]) for title, found in sides.items() if found]
    below = Paragraph("Everything below is about A.", is_note=True)
    return [scores, Gallery(counts, min_width=24), *folded, below]


def _bars(analysis: Analysis) -> Figure:
    types = sorted(analysis.breakdowns["type"], key=lambda group: -group.score.f1)
    return Figure("F1", Bars([(each.name, each.score.f1, show(Percent(each.score.f1), 1)) for each in types]))


def _example(example: Example, path: str) -> page.Example:
    """Return the words with their marks, their place (`dev.conllu:120 (015698)`) and the types."""
    sides = (("gold", example.gold), ("predicted", example.predicted))

    def marks(position: int) -> tuple[str, ...]:
        return tuple(name for name, span in sides if span is not None and span.start <= position < span.end)

    words = [
        Words(" ".join(example.words[position] for position in positions), marked)
        for marked, positions in groupby(range(len(example.words)), marks)
    ]
    before, after = ([Words("…")] * more for more in (example.more_left, example.more_right))
    types = [f"{side} {quoted.type}" for side, quoted in sides if quoted is not None]
    line = f":{example.line}" if example.line else ""
    place = f"{path}{line}" + (f" ({example.sentence_id})" if example.sentence_id else "")
    facts = [spelt(example.category), *types, *([example.document] if example.document else [])]
    return page.Example([*before, *words, *after], place, facts)


def to_terminal(analysis: Analysis) -> str:
    """Return text in which nothing steers the terminal."""
    text = document_to_text(
        to_document(analysis, short_paths=False), max_rows=MAX_ROWS, more=": --html and --json hold all"
    )
    return "\n".join(map(visible, text.split("\n")))
