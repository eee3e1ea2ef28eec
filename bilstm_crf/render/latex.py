"""Tables as LaTeX: a `table` with a booktabs `tabular`, to be pasted into a paper."""

from __future__ import annotations

from collections.abc import Iterable

from bilstm_crf.render.table import MINUS, Cell, Code, Table, show

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    MINUS: "$-$",
    "–": "--",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def to_latex(table: Table, *, decimals: int = 2) -> str:
    """Return a table with its title as the caption, for a document that uses the package booktabs.

    Notes follow the table as small text.
    """
    places = "".join("l" if column.left else "r" for column in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        *([rf"\caption{{{escape(table.title)}}}"] if table.title else []),
        rf"\begin{{tabular}}{{{places}}}",
        r"\toprule",
        _line(table.heads, decimals),
        r"\midrule",
        *(_line(row, decimals) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\small {_cell(note, decimals)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[Cell], decimals: int) -> str:
    return " & ".join(_cell(cell, decimals) for cell in cells) + r" \\"


def _cell(cell: Cell, decimals: int) -> str:
    text = escape(show(cell, decimals))
    return rf"\texttt{{{text}}}" if isinstance(cell, Code) else text


def escape(text: str) -> str:
    r"""Return text in one line in which LaTeX finds no command.

    >>> escape("GPE_LOC 50 % ± 1")
    'GPE\\_LOC 50 \\% $\\pm$ 1'
    """
    return "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
