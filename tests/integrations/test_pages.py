"""docs/spacy.md and docs/presidio.md: their examples say what really comes out, with the model in the box."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from bilstm_crf.inference import box

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(("page", "library"), [("spacy.md", "spacy"), ("presidio.md", "presidio_analyzer")])
def test_the_examples_give_what_the_page_shows(
    page: str,
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip(library, reason=f"needs the extra of {page}")
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text("utf-8")
    for name, content in re.findall(r"```yaml\n# (\S+)\n(.*?)```", text, flags=re.DOTALL):
        (tmp_path / name).write_text(content, "utf-8")
    examples = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, page, page, 0)
    assert len(test.examples) > 8
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert result.failed == 0, capsys.readouterr().out
