"""An analysis as a document for a page, as text for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from bilstm_crf.analysis.analyse import Analysis
from bilstm_crf.analysis.breakdown import Group
from bilstm_crf.analysis.compare import Comparison
from bilstm_crf.analysis.errors import CATEGORIES, PAIRED
from bilstm_crf.analysis.examples import Example, TypeConfusion
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
from bilstm_crf.render.text import to_text
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
LEGEND = [Words("gold", ("gold",)), Words("predicted", ("predicted",)), Words("both", ("gold", "predicted"))]


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
        difference_table("A and B: strict F1", names, comparison.scores, [comparison_note(names, sentences)]),
        table(
            "A and B: gold entities",
            right,
            [spelt(cell).replace(" a", " A").replace(" b", " B") for cell in right],
        ),
        table("A and B: wrong predictions", wrong, ("of A alone", "of B alone", "the same in both")),
    ]


def spelt(category: str) -> str:
    """Return a category's name as people read it."""
    return category.replace("_", " ")


def _summary(confusion: TypeConfusion) -> str:
    """`PER → ORG  15 (12 wrong type, 3 wrong both)`."""
    kinds = ", ".join(f"{count:,} {spelt(category)}" for category, count in confusion.categories.items())
    return f"{confusion.gold} → {confusion.predicted}  {confusion.count:,} ({kinds})"


def _headline(analysis: Analysis) -> tuple[Cell, ...]:
    """Sizes and the score in one sentence."""
    score = analysis.total.score
    return (
        f"{analysis.sentences:,} sentences, {analysis.words:,} tokens: {score.gold:,} gold and "
        f"{score.predicted:,} predicted entities, {score.correct:,} right; strict F1 ",
        Percent(score.f1),
    )


def _sides(comparison: Comparison) -> list[tuple[str, list[Example]]]:
    sides = [
        ("Only A is right; what B predicts", comparison.only_a),
        ("Only B is right; what A predicts", comparison.only_b),
    ]
    return [(title, examples) for title, examples in sides if examples]


# ---------------------------------------------------------------- page


def to_document(analysis: Analysis) -> Document:
    """Return the document of a page: the comparison first, then tables, confusions and examples."""
    about, comparison = analysis.about, analysis.comparison
    paths = list(dict.fromkeys(error.path for error in analysis.errors))
    short = dict(zip(paths, shorten_paths(paths), strict=True))

    def examples(found: Iterable[Example]) -> Examples:
        return Examples([_page_example(each, short[each.path]) for each in found])

    systems = [("Gold", about["gold"]), ("A" if "b" in about else "Predicted", about["a"])]
    systems += [("B", about["b"])] if "b" in about else []
    intro: list[Block] = [
        Paragraph(_headline(analysis)),
        *(Paragraph(f"{name}: {value}", is_note=True) for name, value in systems),
        Paragraph(Code(about["signature"]), is_note=True),
    ]
    sections = []
    if comparison is not None:
        folded = [Folded(title, [examples(found)]) for title, found in _sides(comparison)]
        below = Paragraph("Everything below this section is about A.", is_note=True)
        scores, *counts = comparison_tables(comparison, analysis.sentences)
        sections.append(Section("A and B", [scores, Gallery(counts, min_width=24), *folded, below]))
    for table in tables(analysis):
        body: list[Block] = [table.titled("")]
        if len(table.rows) > MAX_OPEN_ROWS:
            body = [Folded(f"{len(table.rows):,} rows", body)]
        sections.append(Section(table.title, body))
    sections.insert(2 + bool(comparison), _type_bars(analysis))
    note = "Entities with the predictions that are paired with them, whether their boundaries agree or not."
    entities = matrix("", analysis.confusion.types, analysis.confusion.spans, [note])
    sections.append(Section("Confusion of entity types", [entities]))
    sections.append(Section("Most frequent confusions", _confusions(analysis, examples)))
    return Document("Error analysis", intro, sections, decimals=1)


def _type_bars(analysis: Analysis) -> Section:
    types = sorted(analysis.breakdowns["type"], key=lambda group: -group.score.f1)
    bars = [(group.name, group.score.f1, show(Percent(group.score.f1), 1)) for group in types]
    return Section("F1 by entity type", [Figure("", Bars(bars))])


def _confusions(analysis: Analysis, examples: Callable[[Iterable[Example]], Examples]) -> list[Block]:
    """The first with their examples, the others folded."""
    blocks = [Section(_summary(each), [examples(each.examples)]) for each in analysis.confusions]
    shown: list[Block] = [Examples([page.Example(LEGEND, [])]), *blocks[:MAX_CONFUSIONS]]
    rest = blocks[MAX_CONFUSIONS:]
    return [*shown, *([Folded(f"{len(rest):,} less frequent confusions", rest)] if rest else [])]


def _page_example(example: Example, path: str) -> page.Example:
    """The words with their marks; below them the types and where they stand."""
    sides = (("gold", example.gold), ("predicted", example.predicted))

    def marks(position: int) -> tuple[str, ...]:
        return tuple(name for name, span in sides if span is not None and span.start <= position < span.end)

    words = [
        Words(" ".join(example.words[position] for position in positions), marked)
        for marked, positions in groupby(range(len(example.words)), marks)
    ]
    types = [f"{side} {mention.type}" for side, mention in sides if mention is not None]
    facts = [spelt(example.category), *types, _where(example, path)]
    ends = [[Words("…")] * more for more in (example.more_left, example.more_right)]
    return page.Example(
        [*ends[0], *words, *ends[1]], [*facts, *([example.document] if example.document else [])]
    )


def _where(example: Example, path: str) -> str:
    """`dev.conllu:120 (015698)`: the file, the line and the sentence, as far as they are known."""
    line = f":{example.line}" if example.line else ""
    return f"{path}{line}" + (f" ({example.sentence_id})" if example.sentence_id else "")


# ---------------------------------------------------------------- terminal


def to_terminal(analysis: Analysis) -> str:
    """Return text: the comparison first, then tables, and the most frequent confusions with examples."""
    about, comparison = analysis.about, analysis.comparison
    systems = [f"A = {about['a']}", f"B = {about['b']}"] if "b" in about else []
    blocks = [[*systems, show(_headline(analysis), 1), about["signature"]]]
    if comparison is not None:
        blocks += map(_text_table, comparison_tables(comparison, analysis.sentences))
        for title, examples in _sides(comparison):
            blocks.append([title, *(f"{_text_example(each)}   {_types(each)}" for each in examples)])
        blocks.append(["Everything below is about A."])
    blocks += map(_text_table, tables(analysis))
    shown = analysis.confusions[:MAX_CONFUSIONS]
    if shown:
        hidden = len(analysis.confusions) - len(shown)
        of_all = f", the first {len(shown)} of {len(analysis.confusions)}" if hidden else ""
        blocks.append([f"Most frequent confusions{of_all}; in the examples [gold] and {{predicted}}"])
    blocks += ([_summary(each), *map(_text_example, each.examples)] for each in shown)
    return "\n\n".join("\n".join(map(visible, lines)) for lines in blocks) + "\n"


def _text_table(table: Table) -> list[str]:
    text = to_text(table, decimals=1, max_rows=MAX_ROWS, more=": --html and --json hold all")
    return [table.title, *text.split("\n")]


def _text_example(example: Example) -> str:
    """`  dev.conllu:120  … heter [{Kari} Nordmann] og …`."""
    opened = ["" for _ in example.words]
    closed = ["" for _ in example.words]
    for mention, (left, right) in ((example.gold, "[]"), (example.predicted, "{}")):
        if mention is not None:
            opened[mention.start] += left
            closed[mention.end - 1] = right + closed[mention.end - 1]
    words = [f"{a}{word}{b}" for a, word, b in zip(opened, example.words, closed, strict=True)]
    shown = ["…"] * example.more_left + words + ["…"] * example.more_right
    return f"  {_where(example, example.path)}  {' '.join(shown)}"


def _types(example: Example) -> str:
    """`ORG → PER`, or `ORG missed`."""
    gold = example.gold.type if example.gold else "O"
    return f"{gold} → {example.predicted.type}" if example.predicted else f"{gold} missed"
