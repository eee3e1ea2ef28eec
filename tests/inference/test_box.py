"""Without `--model`, and by `Tagger.load()`, the model in the box is used; an installation may lack it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.hub.files import CARD
from bilstm_crf.inference import box
from done import Done
from runs import DEV

TEXT = "Kari Nordmann bor i Oslo."


@pytest.fixture
def boxed(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny model as the one in the box."""
    folder = tmp_path / "box"
    shutil.copytree(tiny_model, folder)
    monkeypatch.setattr(box, "FOLDER", folder)
    return folder


@pytest.fixture
def unboxed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation without a model in the box."""
    monkeypatch.setattr(box, "FOLDER", tmp_path / "no box")
    return tmp_path / "no box"


def test_the_tagger_loads_the_model_in_the_box(boxed: Path, tiny_model: Path) -> None:
    words = TEXT.split()
    assert Tagger.load().tag_tokens(words) == Tagger.load(tiny_model).tag_tokens(words)


@pytest.mark.parametrize("command", [("tag", "--text", TEXT), ("evaluate", DEV), ("errors", DEV)])
def test_commands_use_the_model_in_the_box(
    command: tuple[str, ...], boxed: Path, tiny_model: Path, cli: Callable[..., Done]
) -> None:
    name, *given = command
    without, named = cli(name, *given), cli(name, "--model", tiny_model, *given)
    assert without.status == 0, without.err
    assert without.out.replace(b"the model in the box", b"") == named.out.replace(
        f"model {tiny_model}".encode(), b""
    )


@pytest.mark.parametrize(
    "command", [("tag", "--text", TEXT), ("evaluate", DEV), ("errors", DEV), ("model", "card")]
)
def test_without_a_box_one_error_says_so(
    command: tuple[str, ...], unboxed: Path, cli: Callable[..., Done]
) -> None:
    done = cli(*command)
    assert (done.status, done.out) == (2, b"")
    assert str(unboxed) in done.err
    assert "--model DIR" in done.err
    with pytest.raises(ModelFolderError):
        Tagger.load()


def test_the_card_of_a_model_names_its_data_and_scores(
    tiny_model: Path, boxed: Path, cli: Callable[..., Done]
) -> None:
    done = cli("model", "card", "--model", tiny_model)
    card = done.out.decode()
    assert done.status == 0
    for part in ("# model", "GPE_LOC", Path(DEV).name, "SHA-256", "preset paper", "## Limits"):
        assert part in card
    assert cli("model", "card").out.replace(b"# box", b"# model") == done.out
    (boxed / CARD).write_text("# Written by hand\n", "utf-8")
    assert cli("model", "card").out == b"# Written by hand\n"
