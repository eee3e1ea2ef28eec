"""docs/hub.md: its examples in their order, with the model in the box, on a hub on this machine."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.inference import box
from done import Done

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "hub.md").read_text("utf-8")
DEV = Path(__file__).resolve().parent.parent / "data" / "sample" / "nob" / "no_bokmaal-ud-dev.conllu"
CONSOLE = "".join(re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL))
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_page_says_what_really_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Done], request: pytest.FixtureRequest
) -> None:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    hub = request.getfixturevalue("hub")
    from hub_server import TOKEN

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    shutil.copytree(box.FOLDER, "runs/joint")
    shutil.copy(DEV, "dev.conllu")
    repo = hub.add("kari/navn", box.FOLDER)
    repo.branches["v1"] = repo.branches["main"]
    for part in CONSOLE.split("$ ")[1:]:
        line, *shown = part.splitlines()
        done = cli(*shlex.split(line)[1:])
        assert done.status == 0, f"{line}\n{done.err}"
        assert done.out, line
        assert {*shown} <= {*done.out.decode().splitlines()}, line
    test = doctest.DocTestParser().get_doctest("\n".join(PYTHON), {}, "hub.md", "docs/hub.md", 0)
    assert len(test.examples) > 6
    assert doctest.DocTestRunner().run(test).failed == 0
    assert Path("to-publish", "README.md").read_text("utf-8").startswith("---\n")
    assert len(repo.messages) == 1


def test_every_variable_of_the_page_is_one_of_the_hubs() -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    named = {*re.findall(r"\$(HF_\w+)", PAGE)} - {"HF_ENDPOINT"}
    assert len(named) > 3
    source = Path(constants.__file__).read_text("utf-8") + "HF_TOKEN"
    assert [name for name in named if name not in source] == []
