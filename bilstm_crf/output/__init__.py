"""Writers of whole outputs, by name and suffix: tables, pages, tasks, and the formats that are read as well.

    WRITERS["csv"].write(tagger.tag_stream(read("article.txt")), FormatOptions())  # yields bytes

A file that keeps its own format is not written here but rendered, sentence by sentence (`Format.render`), so
that everything but the labels is preserved.
"""

from __future__ import annotations

from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.formats import FORMATS
from bilstm_crf.output import annotation_tools, brat, delimited, page, workbook
from bilstm_crf.output.base import Companion, Writer
from bilstm_crf.output.formatted import document_starts, writer_of
from bilstm_crf.util.files import suffix_of

__all__ = ["WRITERS", "Companion", "Writer", "document_starts", "writer_for_suffix", "writer_named"]

# Of two writers with one suffix the first counts: `.tsv` is a table, unless columns are what was read, and
# `.json` is this program's JSONL.
WRITERS: dict[str, Writer] = {
    writer.name: writer
    for writer in (
        Writer("csv", "a CSV table", (".csv",), delimited.write_csv),
        Writer("tsv", "a TSV table", (".tsv", ".tab"), delimited.write_tsv),
        Writer("xlsx", "an Excel workbook", (".xlsx",), workbook.write, is_binary=True),
        Writer("html", "an HTML page", (".html", ".htm"), page.write),
        writer_of(FORMATS["jsonl"], "JSONL"),
        writer_of(FORMATS["conllu"], "CoNLL-U"),
        writer_of(FORMATS["conll2003"], "columns"),
        Writer(
            "brat",
            "brat's annotations",
            (".ann",),
            brat.write,
            merges=False,
            companion=Companion(".txt", brat.compose_text),
        ),
        Writer("label-studio", "Label Studio's tasks", (".json",), annotation_tools.write_label_studio),
        Writer("prodigy", "Prodigy's tasks", (".jsonl",), annotation_tools.write_prodigy),
        Writer("doccano", "doccano's records", (".jsonl",), annotation_tools.write_doccano),
        # Nothing in marked text would tell where a file ends
        writer_of(FORMATS["text"], "marked text", merges=False),
    )
}


def writer_named(name: str, option: str = "--to") -> Writer:
    """Return the writer called `name`. Raises UsageError, which names the option, if there is none."""
    if name not in WRITERS:
        known = f"known: {' '.join(WRITERS)}"
        raise UsageError(f"{option} {name} is not a known output.{did_you_mean(name, WRITERS)}", hint=known)
    return WRITERS[name]


def writer_for_suffix(path: str, source: str | None = None) -> Writer | None:
    """Return the writer that the path's suffix (before `.gz`) names, None if it names none.

    `source`: the format of the inputs, if they have one, which counts first: `.tsv` is read as columns.
    """
    suffix = suffix_of(path)
    first = [WRITERS[source]] if source in WRITERS else []
    return next((writer for writer in (*first, *WRITERS.values()) if suffix in writer.suffixes), None)
