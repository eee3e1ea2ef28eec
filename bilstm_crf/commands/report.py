"""`bilstm-crf report`: what an experiment or a run left in its folder, as a page and as Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from bilstm_crf.errors import UsageError
from bilstm_crf.files import write_whole
from bilstm_crf.progress import say

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="report")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=FILE, help="The page.  [DIR/report.html]")
@click.option("--markdown", metavar="FILE", type=FILE, help="The Markdown file.  [DIR/report.md]")
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

    material = read_material(folder)
    contents = {
        output or folder / "report.html": page.page(material),
        markdown or folder / "report.md": as_markdown.markdown(material),
    }
    if len(contents) < 2:
        raise UsageError(f"-o and --markdown are both {output or markdown}, expected two files")
    for path, content in contents.items():
        with write_whole(path) as stream:
            # Names may hold what is no UTF-8: Python's escape for it can be read.
            stream.write(content.encode("utf-8", "backslashreplace"))
        say(f"{path}  {path.stat().st_size / 1000:,.0f} kB")
