"""An analysis as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bilstm_crf.analysis.analyse import Analysis
from bilstm_crf.analysis.compare import Comparison
from bilstm_crf.analysis.examples import Example, TypeConfusion
from bilstm_crf.analysis.render import where
from bilstm_crf.analysis.tables import Table, comparison_tables, headline, kinds, percent, spelt, tables
from bilstm_crf.render.html import Html, bars, element, heat_map, join, page, paragraph, section, table

# Gold and prediction differ in form as well as in colour: a line below, a tint behind.
_STYLE = """
.examples { list-style: none; padding: 0; margin: .25rem 0; font-size: .9375rem; }
.examples li { padding: .3rem 0; border-bottom: 1px solid var(--line); }
.examples small { color: var(--faint); display: block; }
mark { background: none; color: inherit; padding: .05rem .1rem; }
mark.gold { border-bottom: 2px solid rgb(var(--right)); }
mark.predicted { background: rgb(var(--wrong) / .25); }
"""


def html(analysis: Analysis) -> str:
    """The page: tables, F1 by type, the confusion matrix, every confusion with examples, the comparison."""
    about = analysis.about
    first, *others = tables(analysis)
    types = sorted(analysis.breakdowns["type"], key=lambda group: -group.score.f1)
    systems = [("Gold", about["gold"]), ("A" if "b" in about else "Predicted", about["a"])]
    systems += [("B", about["b"])] if "b" in about else []
    body = [
        paragraph(headline(analysis)),
        *(paragraph(f"{name}: {value}", note=True) for name, value in systems),
        paragraph(element("code", about["signature"]), note=True),
        *([paragraph("Everything before the comparison is about A.", note=True)] if "b" in about else []),
        _section(first),
        section(
            "F1 by entity type",
            bars((group.name, group.score.f1, percent(group.score.f1)) for group in types),
        ),
        *map(_section, others),
        section(
            "Confusion of entity types",
            heat_map(analysis.confusion.types, analysis.confusion.spans),
            paragraph(
                "Entities and the predictions that answer them, whether their boundaries agree or not.",
                note=True,
            ),
        ),
        section(
            "Confusions, the most frequent first",
            paragraph(_legend(), note=True),
            *map(_confusion, analysis.confusions),
        ),
    ]
    if analysis.comparison is not None:
        body.append(_comparison(analysis.comparison))
    return page("Error analysis", join(body, "\n"), style=_STYLE)


def _section(contents: Table) -> Html:
    head, *rows = contents.rows
    note = [paragraph(contents.note, note=True)] if contents.note else []
    return section(contents.title, table(head, rows), *note)


def _confusion(confusion: TypeConfusion) -> Html:
    types = join([element("bdi", confusion.gold), element("bdi", confusion.predicted)], " → ")
    title = element("h3", join([types, f"  {confusion.count:,} ", element("small", f"({kinds(confusion)})")]))
    return join([title, _examples(confusion.examples)], "\n")


def _comparison(comparison: Comparison) -> Html:
    parts: list[Html] = [_section(each) for each in comparison_tables(comparison)]
    for title, examples in (
        ("Only A is right; what B says", comparison.only_a),
        ("Only B is right; what A says", comparison.only_b),
    ):
        if examples:
            parts += [element("h3", title), _examples(examples)]
    return join(parts, "\n")


def _examples(examples: Sequence[Example]) -> Html:
    return element("ul", join(map(_example, examples), "\n"), class_="examples")


def _example(example: Example) -> Html:
    """The words with both marks, and below them what they are and where they stand."""
    parts: list[object] = ["…"] if example.more_left else []
    for marks, positions in groupby(range(len(example.words)), lambda position: _marks(example, position)):
        words = element("bdi", " ".join(example.words[position] for position in positions))
        parts.append(element("mark", words, class_=marks) if marks else words)
    parts += ["…"] if example.more_right else []
    types = [
        f"{side} {mention.type}"
        for side, mention in (("gold", example.gold), ("predicted", example.predicted))
        if mention is not None
    ]
    document = [example.document] if example.document else []
    facts = [spelt(example.category), *types, where(example), *document]
    return element("li", join([join(parts, " "), element("small", join(map(_isolated, facts), " · "))]))


def _isolated(text: str) -> Html:
    return element("bdi", text)


def _marks(example: Example, position: int) -> str:
    """The classes of a word: gold, predicted, both or none."""
    sides = (("gold", example.gold), ("predicted", example.predicted))
    return " ".join(name for name, span in sides if span is not None and span.start <= position < span.end)


def _legend() -> Html:
    gold, predicted = element("mark", "gold", class_="gold"), element("mark", "predicted", class_="predicted")
    return join([gold, predicted, element("mark", "both", class_="gold predicted")], "   ")
