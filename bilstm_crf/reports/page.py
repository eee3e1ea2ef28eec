"""A report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bilstm_crf.experiments.markdown import Code
from bilstm_crf.experiments.render import percent
from bilstm_crf.render import html
from bilstm_crf.render.html import Html, element, figure, folded, gallery, join, paragraph, section
from bilstm_crf.reports import curves, intro, provenance, scores, tables
from bilstm_crf.reports.chart import STYLE as CHART
from bilstm_crf.reports.read import Material, Run
from bilstm_crf.reports.scores import Names, Table

# A long name in the first column must not push the figures out of a telephone's screen, nor
# names and hashes those out of the paper.
STYLE = f"""{CHART}
.names {{ display: block; width: max-content; max-width: 36rem; white-space: normal; text-align: left; }}
@media (max-width: 40rem) {{
  .row-name {{ display: inline-block; width: max-content; max-width: 8rem; white-space: normal; }}
  .names {{ max-width: 9rem; }}
}}
@media print {{
  .names, td code {{ overflow-wrap: anywhere; }} .names {{ width: auto; }}
}}
"""
Parts = list[tuple[str, list[Html]]]  # what stands under which heading


def page(material: Material) -> str:
    """The page: the tables one by one, the runs, more of those of no table, where everything comes from."""
    sections: Parts = [(table["title"], _table_of(table, material.runs)) for table in material.tables]
    overview = None if material.single else provenance.overview(material)
    second = provenance.second_phases(material)
    sections += [(each.title, [_table(each)]) for each in (overview, second) if each]
    for run in material.loose:
        about = paragraph(" ".join(intro.of_run(run)))
        sections += _run(run) if material.single else [(run.name, [about, *_with_headings(_run(run))])]
    if material.runs:
        sections.append((provenance.TITLE, _provenance(material)))
    anchors = [(f"part-{number}", title) for number, (title, _) in enumerate(sections, start=1)]
    body = [
        *map(paragraph, intro.lines(material)),
        *([html.contents(anchors)] if len(anchors) > 3 else []),
        *(
            section(title, *content, anchor=anchor)
            for (anchor, _), (title, content) in zip(anchors, sections, strict=True)
        ),
    ]
    return html.page(intro.title(material), join(body, "\n"), style=STYLE)


def _with_headings(parts: Parts) -> list[Html]:
    return [each for title, content in parts for each in (element("h3", title), *content)]


# ---------------------------------------------------------------- an experiment's table


def _table_of(table: Mapping[str, Any], runs: Mapping[str, Run]) -> list[Html]:
    about = [paragraph(line, note=True) for line in tables.about(table)]
    if table["kind"] == "statistics":
        return [*about, _table(tables.statistics(table))]
    missing, compared, some = tables.not_run(table), tables.comparisons(table), bool(tables.scored(table))
    parts: Parts = [
        (tables.MISSING, [html.items(missing)] * bool(missing)),
        *([(compared.title, [_table(compared)])] if compared else []),
        ("Learning curves", _curves(table, runs)),
        *([_by_type(table), ("Confusion", _matrices(table))] if some else []),
    ]
    if table["kind"] == "confusion":
        parts.reverse()  # the matrices are what it is about
    every = tables.every_seed(table)
    folds = [folded(every.title, _table(every))] if some else []
    shown = [(title, content) for title, content in parts if content]
    return [*about, _table(tables.scores(table)), *folds, *_with_headings(shown)]


def _curves(table: Mapping[str, Any], runs: Mapping[str, Run]) -> list[Html]:
    """The curves of every training of the table whose run is here."""
    found = {
        name: [runs[run] for run in names if run in runs and runs[run].history]
        for names, name in tables.trained(table).items()
    }
    alike = [run for of_name in found.values() for run in of_name]
    parts = [paragraph(curves.LEGEND, note=True)] if alike else []
    for name, of_name in found.items():
        if of_name:
            in_numbers = folded(f"{name} in numbers", _table(curves.numbers(of_name)))
            parts += [curves.charts(name, of_name, alike), in_numbers]
    return parts


def _by_type(table: Mapping[str, Any]) -> tuple[str, list[Html]]:
    by_type = tables.by_type(table)
    bars = (_bars(name, cell["types"]) for name, cell in tables.scored(table))
    legend = paragraph("Beside each bar F1, in brackets the gold spans.", note=True)
    return by_type.title, [legend, gallery(bars, least=19), _table(by_type)]


def _bars(name: str, types: Mapping[str, Mapping[str, Any]]) -> Html:
    """F1 by entity type; beside a bar F1, and in brackets how many gold spans it rests on."""
    return figure(
        name,
        html.bars(
            (type_, score["f1"], f"{percent(score['f1'])} ({score['gold']:,})")
            for type_, score in scores.by_size(types)
        ),
    )


def _matrices(table: Mapping[str, Any]) -> list[Html]:
    maps = [_heat_map(*each) for each in tables.confusions(table)]
    return [paragraph(scores.HEAT, note=True), gallery(maps)]


def _heat_map(title: str, confusion: Mapping[str, Any], kind: str) -> Html:
    return figure(title, html.heat_map(confusion["types"], confusion[kind]))


# ---------------------------------------------------------------- a run


def _run(run: Run) -> Parts:
    """What one run has to show: its scores, its curves, its confusions."""
    parts: Parts = []
    for split, report in run.reports.items():
        table = scores.strict(f"Scores on {split}", report)
        bars = _bars("F1 by entity type (gold spans)", report["strict"]["types"])
        parts.append((table.title, [gallery([_table(table), bars], least=24)]))
    if run.scores:
        others = scores.others(run.scores)
        parts.append((others.title, [_table(others)]))
    if run.history:
        in_numbers = folded("In numbers", _table(curves.numbers([run])))
        charts = curves.charts(run.name, [run], [run])
        parts.append(("Learning curves", [paragraph(curves.LEGEND, note=True), charts, in_numbers]))
    maps = [
        _heat_map(f"{split}: {kind}", report["confusion"], kind)
        for split, report in run.reports.items()
        for kind in ("spans", "words")
    ]
    if maps:
        parts.append(("Confusion", [paragraph(scores.HEAT, note=True), gallery(maps)]))
    return parts


# ---------------------------------------------------------------- provenance


def _provenance(material: Material) -> list[Html]:
    parts: Parts = [(each.title, [_table(each)]) for each in provenance.tables(material)]
    parts.append(("Commands", [html.preformatted(provenance.commands(material))]))
    return _with_headings(parts)


def _table(contents: Table) -> Html:
    head, *rows = contents.rows
    notes = (paragraph(_set(note), note=True) for note in contents.notes)
    cells = [[element("span", name, class_="row-name"), *map(_set, figures)] for name, *figures in rows]
    return element("div", join([html.table([*map(_set, head)], cells), *notes], "\n"))


def _set(text: str) -> str:
    if isinstance(text, Names):
        return element("span", text, class_="names")
    return element("code", text) if isinstance(text, Code) else text
