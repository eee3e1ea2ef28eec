"""docs/python.md: its examples say what really comes out, with the model in the box."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

from bilstm_crf.inference import box

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "python.md").read_text("utf-8")
NEEDS = {"## pandas and NumPy": "pandas"}  # sections with examples that need a library


def examples() -> str:
    """The examples of all sections whose libraries are installed."""
    sections = re.split(r"^(?=## )", PAGE, flags=re.MULTILINE)
    wanted = [each for each in sections if _has(NEEDS.get(each.partition("\n")[0]))]
    return "\n".join(re.findall(r"```python\n(.*?)```", "".join(wanted), flags=re.DOTALL))


def _has(library: str | None) -> bool:
    return library is None or importlib.util.find_spec(library) is not None


def test_the_examples_give_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    test = doctest.DocTestParser().get_doctest(examples(), {}, "python.md", "docs/python.md", 0)
    assert len(test.examples) > 20
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert result.failed == 0, capsys.readouterr().out
