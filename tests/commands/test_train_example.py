"""The command at the end of a training tags a sentence of the dev set, whatever that holds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_crf.commands.example import example_arguments
from bilstm_crf.config import DataConfig
from bilstm_crf.formats import FORMATS, FormatOptions
from runs import DEV


def arguments(tmp_path: Path, *sentences: list[str]) -> list[str]:
    """Write sentences whose second token is an entity; return what a shell makes of the example."""
    path = tmp_path / "a dev file.conll"
    blocks = ["\n".join(f"{t}\t{'B-PER' if i == 1 else 'O'}" for i, t in enumerate(s)) for s in sentences]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")
    return of_shell(example_arguments(DataConfig(dev=[str(path)])))


def of_shell(command_line: str) -> list[str]:
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command_line}"], capture_output=True, check=True, encoding="utf-8"
    )
    return done.stdout.split("\n")[:-1]


def tokens_of(found: list[str]) -> list[str]:
    """Read the example as `tag` does."""
    spaces = found[:2] == ["--tokenise", "spaces"]
    options = FormatOptions(tokenise="spaces") if spaces else FormatOptions(sentences="detect")
    assert found[-2] == "--text"
    import io

    return [t for s in FORMATS["text"].read(io.BytesIO(found[-1].encode()), "", options) for t in s.tokens]


@pytest.mark.parametrize(
    "tokens",
    [
        ["Kari", "Moe", "bor", "i", "Oslo", "."],
        ['"', "$HOME", "`id`", "It's", "\\n", "!", "."],
        ["Москва", "—", "столица", "России", "."],
        ["東京", "都", "に", "住む", "。"],
        ["Dr", ".", "Moe", "kom", ".", "Så", "."],
        ["Hun", "heter", "C-3PO,", "sa", "han"],
    ],
)
def test_the_tokens_survive_the_shell_and_the_tokeniser(tokens: list[str], tmp_path: Path) -> None:
    assert tokens_of(arguments(tmp_path, tokens)) == tokens


word = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=6
)


@settings(max_examples=25)
@given(st.lists(word, min_size=3, max_size=8))
def test_any_words_survive(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        found = arguments(folder, [f"w{token}" for token in tokens])
    except UnicodeError:
        return
    if found[-2:-1] == ["--text"]:
        assert tokens_of(found) == [f"w{token}" for token in tokens]


def test_a_sentence_with_an_entity_goes_before_others(tmp_path: Path) -> None:
    path = tmp_path / "dev.conll"
    path.write_text("Det\tO\nsnør\tO\nnå\tO\n.\tO\n\nKari\tB-PER\nbor\tO\nher\tO\n.\tO\n", "utf-8")
    assert example_arguments(DataConfig(dev=[str(path)])) == '--text "Kari bor her."'


def test_without_a_suitable_sentence_it_tags_the_file(tmp_path: Path) -> None:
    assert arguments(tmp_path, ["for", "kort"])[0].endswith("a dev file.conll")
    assert arguments(tmp_path, ["lang"] * 99)[0].endswith("a dev file.conll")
    gone = str(tmp_path / "gone.conll")
    assert of_shell(example_arguments(DataConfig(dev=[gone]))) == [gone]


def test_the_sample_gives_running_text() -> None:
    assert of_shell(example_arguments(DataConfig(dev=[DEV])))[0] == "--text"
