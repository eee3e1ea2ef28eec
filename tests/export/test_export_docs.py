"""docs/export.md: its commands run, and its example says what really comes out."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.inference import box
from done import Done
from runs import ROOT

PAGE = (ROOT / "docs" / "export.md").read_text("utf-8")


def test_the_pages_examples_run(
    cli: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    pytest.importorskip("onnx", reason="needs the extra onnx")
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    monkeypatch.chdir(tmp_path)
    typed = re.findall(r"^\$ bilstm-crf (.*)", PAGE, flags=re.MULTILINE)
    assert len(typed) == 2
    for line in typed:
        assert cli(*shlex.split(line)).status == 0, line
    assert {each.name for each in tmp_path.iterdir()} == {"tagger.html", "tagger.onnx", "tagger.json"}
    examples = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "export.md", "docs/export.md", 0)
    assert len(test.examples) > 8
    said: list[str] = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
