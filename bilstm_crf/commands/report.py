"""`bilstm-crf report`: what an experiment or a run left in its folder, as a page and as Markdown."""

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
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=FILE, help="The page.  [DIR/report.html]")
@click.option("--markdown", metavar="FILE", type=FILE, help="The Markdown file.  [beside the page]")
def command(folder: Path, output: Path | None, markdown: Path | None) -> None:
    """Write what lies in an experiment's or a run's folder as one HTML page and one Markdown file.

    Tables with the paper's numbers beside ours, learning curves, confusions, where everything comes from; and
    what was not run. The page needs no network. Models are not needed (docs/report.md).

    \b
    Examples
      bilstm-crf report runs/experiments                     all tables and runs
      bilstm-crf report runs/nob-sg600 -o nob-sg600.html     one run
    """  # noqa: D301
    from bilstm_crf.reports import markdown as as_markdown
    from bilstm_crf.reports import page
    from bilstm_crf.reports.read import read_material

    output = output or folder / "report.html"
    markdown = markdown or _beside(output, folder)
    if output == markdown:
        raise UsageError(f"the page and the Markdown file are both {output}, expected two files")
    require_suffix(str(output), "an HTML page", (".html", ".htm"), {".md": "--markdown FILE"})
    require_suffix(str(markdown), "Markdown", (".md",), {".html": "-o FILE"})
    # Pages are of an earlier call, and may be replaced.
    inputs = [path for path in folder.rglob("*") if path.suffix not in (".html", ".htm", ".md")]
    require_apart([str(output), str(markdown)], inputs)
    material = read_material(folder)
    contents = {output: page.page(material), markdown: as_markdown.markdown(material)}
    for path, content in contents.items():
        # Names may hold what is no UTF-8: Python's escape for it can be read.
        write_result(content.encode("utf-8", "backslashreplace"), str(path))
        if str(path) != "-":
            say(f"{path}  {path.stat().st_size / 1000:,.0f} kB")


def _beside(page: Path, folder: Path) -> Path:
    """The Markdown file of a page has its name; beside standard output or a device nothing can lie."""
    there = str(page) != "-" and (page.is_file() or not page.exists())
    return page.with_suffix(".md") if there else folder / "report.md"
