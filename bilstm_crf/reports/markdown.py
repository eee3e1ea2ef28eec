"""A report as Markdown: the tables and where they come from, the figures of the page without its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bilstm_crf.experiments.markdown import as_table, escape, fenced, inline
from bilstm_crf.reports import intro, provenance, scores, tables
from bilstm_crf.reports.read import Material, Run
from bilstm_crf.reports.scores import Table


def markdown(material: Material) -> str:
    """The whole file: headings, tables and lists as GitHub's Markdown has them."""
    blocks = [f"# {escape(intro.title(material))}", *map(escape, intro.lines(material))]
    for table in material.tables:
        blocks += [f"## {escape(table['title'])}", *_table_of(table)]
    overview = None if material.single else provenance.overview(material)
    for each in (overview, provenance.second_phases(material)):
        blocks += _block(each, "##") if each else []
    for run in material.loose:
        about = escape(" ".join(intro.of_run(run)))
        blocks += [] if material.single else [f"## {escape(run.name)}", about]
        blocks += [block for table in _run(run) for block in _block(table)]
    if material.runs:
        blocks.append(f"## {provenance.TITLE}")
        blocks += [block for table in provenance.tables(material) for block in _block(table)]
        blocks += ["### Commands", fenced(provenance.commands(material))]
    return "\n\n".join(blocks) + "\n"


def _table_of(table: Mapping[str, Any]) -> Iterator[str]:
    yield from map(escape, tables.about(table))
    if table["kind"] == "statistics":
        yield from _block(tables.statistics(table))
        return
    yield from _block(tables.scores(table))
    missing = tables.not_run(table)
    if missing:
        yield f"### {tables.MISSING}"
        yield "\n".join(f"- {escape(line)}" for line in missing)
    compared = tables.comparisons(table)
    if compared:
        yield from _block(compared)
    if tables.scored(table):
        yield from _block(tables.by_type(table))
        for title, confusion, kind in tables.confusions(table):
            yield from _block(scores.matrix(f"Confusion, {title}", confusion, kind))
        yield from _block(tables.every_seed(table))


def _run(run: Run) -> Iterator[Table]:
    for split, report in run.reports.items():
        yield scores.strict(f"Scores on {split}", report)
    if run.scores:
        yield scores.others(run.scores)
    for split, report in run.reports.items():
        for kind in ("spans", "words"):
            yield scores.matrix(f"Confusion, {split}: {kind}", report["confusion"], kind)


def _block(contents: Table, heading: str = "###") -> Iterator[str]:
    """The heading, the rows, the notes."""
    yield f"{heading} {escape(contents.title)}"
    yield as_table(contents.rows)
    yield from map(inline, contents.notes)
