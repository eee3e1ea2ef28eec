"""An analysis as aligned text for a terminal, and as JSON for programs."""

from __future__ import annotations

import json

from bilstm_crf.analysis.analyse import Analysis
from bilstm_crf.analysis.examples import Example
from bilstm_crf.analysis.tables import Table, comparison_tables, headline, kinds, tables
from bilstm_crf.evaluation.render import aligned
from bilstm_crf.util.progress import visible

ROWS = 20  # of a table: a corpus may have thousands of documents
CONFUSIONS = 10


def as_json(analysis: Analysis) -> str:
    """Everything, fractions from 0 to 1 in full precision."""
    return json.dumps(analysis.as_dict(), indent=2, ensure_ascii=False) + "\n"


def text(analysis: Analysis) -> str:
    """For a terminal: the tables, the most frequent confusions with examples, the comparison."""
    about = analysis.about
    systems = [f"A = {about['a']}", f"B = {about['b']} (compared at the end)"] if "b" in about else []
    blocks = [[*systems, headline(analysis), about["signature"]], *map(_table, tables(analysis))]
    shown = analysis.confusions[:CONFUSIONS]
    if shown:
        of_all = (
            f", the first {len(shown)} of {len(analysis.confusions)}"
            if analysis.confusions[CONFUSIONS:]
            else ""
        )
        blocks.append([f"Most frequent confusions{of_all}; in the examples [gold] and {{predicted}}"])
    for confusion in shown:
        head = f"{confusion.gold} → {confusion.predicted}  {confusion.count:,}"
        blocks.append([f"{head} ({kinds(confusion)})", *map(_example, confusion.examples)])
    if analysis.comparison is not None:
        blocks += map(_table, comparison_tables(analysis.comparison))
        for title, examples in (
            ("Only A is right; what B says", analysis.comparison.only_a),
            ("Only B is right; what A says", analysis.comparison.only_b),
        ):
            if examples:
                blocks.append([title, *(f"{_example(each)}   {_types(each)}" for each in examples)])
    return "\n\n".join("\n".join(map(visible, lines)) for lines in blocks) + "\n"


def _table(table: Table) -> list[str]:
    head, *body = table.rows
    lines = [table.title, *aligned([head, *body[:ROWS]])]
    if table.note:
        lines.append(table.note)
    if body[ROWS:]:
        lines.append(f"… and {len(body) - ROWS:,} more: --html and --json hold all")
    return lines


def _example(example: Example) -> str:
    """`  dev.conllu:120  … heter [{Kari} Nordmann] og …`."""
    opened = ["" for _ in example.words]
    closed = ["" for _ in example.words]
    for mention, (left, right) in ((example.gold, "[]"), (example.predicted, "{}")):
        if mention is not None:
            opened[mention.start] += left
            closed[mention.end - 1] = right + closed[mention.end - 1]
    words = [f"{a}{word}{b}" for a, word, b in zip(opened, example.words, closed, strict=True)]
    shown = ["…"] * example.more_left + words + ["…"] * example.more_right
    return f"  {where(example)}  {' '.join(shown)}"


def _types(example: Example) -> str:
    """`ORG → PER`, or `ORG missed`."""
    gold = example.gold.type if example.gold else "O"
    return f"{gold} → {example.predicted.type}" if example.predicted else f"{gold} missed"


def where(example: Example) -> str:
    """`dev.conllu:120 (015698)`: the file, the line and the sentence, as far as they are known."""
    line = f":{example.line}" if example.line else ""
    return f"{example.path}{line}" + (f" ({example.sentence_id})" if example.sentence_id else "")
