"""`bilstm-crf report`: write the results of experiments or of a run as a page and as Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from bilstm_crf.commands.options import Command
from bilstm_crf.commands.output import require_suffix, write_result
from bilstm_crf.errors import UsageError
from bilstm_crf.util.files import require_apart
from bilstm_crf.util.progress import say

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command(name="report", cls=Command)
@click.argument("results", metavar="DIR|FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=FILE, help="HTML page.  [DIR/report.html]")
@click.option("--markdown", metavar="FILE", type=FILE, help="Markdown file.  [beside the page]")
def command(results: Path, output: Path | None, markdown: Path | None) -> None:
    """Write the results of experiments, or of a run, as one HTML page and one Markdown file.

    Tables beside the paper's numbers, learning curves, confusions, where everything comes from, and what was
    not run. The page needs no network; models are not needed.

    \b
    Examples
      bilstm-crf report runs/experiments                     all tables and runs
      bilstm-crf report docs/results/experiments/best.json   one experiment
      bilstm-crf report runs/nob-sg600 -o nob-sg600.html     one run
    """  # noqa: D301
    from bilstm_crf.render.markdown import to_markdown
    from bilstm_crf.render.page import to_html
    from bilstm_crf.reports.document import build_report
    from bilstm_crf.reports.read import read_report_data

    folder = results.parent if results.is_file() else results
    name = f"{results.stem}.html" if results.is_file() else "report.html"
    output = output or folder / name
    markdown = markdown or _beside(output, folder / name)
    if output == markdown:
        raise UsageError(f"the page and the Markdown file are both {output}, expected two files")
    require_suffix(str(output), "an HTML page", (".html", ".htm"), {".md": "--markdown FILE"})
    require_suffix(str(markdown), "Markdown", (".md",), {".html": "-o FILE"})
    # Earlier pages may be replaced.
    inputs = [path for path in folder.rglob("*") if path.suffix not in (".html", ".htm", ".md")]
    require_apart([str(output), str(markdown)], inputs)
    document = build_report(read_report_data(results))
    for path, content in {output: to_html(document), markdown: to_markdown(document)}.items():
        # Names may hold bytes that are not UTF-8: Python's escape for them can be read.
        write_result(content.encode("utf-8", "backslashreplace"), str(path))
        if str(path) != "-":
            say(f"{path}  {path.stat().st_size / 1000:,.0f} kB")


def _beside(page: Path, usual: Path) -> Path:
    """Return the page's name with .md; for standard output or a device, the usual place."""
    there = str(page) != "-" and (page.is_file() or not page.exists())
    return (page if there else usual).with_suffix(".md")
