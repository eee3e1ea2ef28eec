"""Restoring gives back the bytes of the original; of a text that was edited, what can be told."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lexicon import TYPES, Result, run

from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.documents import source_of
from bilstm_crf.pseudonyms.mapping import STYLES, Style
from bilstm_crf.pseudonyms.restore import Restored, restore

NAMES = {
    "Kari Nordmann": "PER",
    "Nordmann": "PER",
    "Kari": "PER",
    "Nordmanns": "PER",
    "KARI NORDMANN": "PER",
    "Ola Hansen": "PER",
    "Hansen": "PER",
    "Bergens Tidende": "ORG",
    "Bergen": "GPE_LOC",
}
PIECES = [
    *NAMES,
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    ". ",
    ", ",
    "bil",
    "[PER-1]",
    "[PER]",
    "PER-1",
    "]",
    "'s ",
    "-saken",
]
PIECES += ["kari@example.no", "22 12 34 56", "\u00ad", "\ufeff", "\u00a0", "å", "a\u030a", "😀"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def back(result: Result, content: str, at: int = 0) -> Restored:
    return restore(content.encode(), f"{at}.txt", result.mapping, "new.txt")


@given(TEXTS, st.sampled_from(STYLES))
def test_every_text_comes_back(text: str, style: Style) -> None:
    result = run(text, NAMES, style=style)
    restored = back(result, result.text)
    assert restored.content == text.encode()
    assert restored.is_exact


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("language", ["nob/no_bokmaal", "nno/no_nynorsk"])
def test_real_files_come_back(shared: Path, language: str, style: Style) -> None:
    content = (shared / "norne" / f"{language}-ud-dev.conllu").read_text("utf-8")
    sentences = random.Random(1).sample(content.split("\n\n")[:-1], 60)
    words = {line.split("\t")[1] for each in sentences for line in each.split("\n") if line[:1].isdigit()}
    names: dict[str, Any] = {word: "PER" for word in words if word[:1].isupper()}
    text = "\n\n".join(sentences) + "\n\n"
    result = run(text, names, style=style, format_name="conllu")
    assert back(result, result.text).content == text.encode()
    running = " ".join(sentences)
    result = run(running, names, style=style)
    assert back(result, result.text).content == running.encode()


def test_a_pseudonym_that_the_text_has_already_does_no_harm() -> None:
    text = "Kari Nordmann sa [PER-1] og [PER]."
    for style in STYLES:
        result = run(text, NAMES, style=style)
        assert back(result, result.text).content == text.encode()


def test_each_output_is_known_by_its_content_under_any_name() -> None:
    result = run(["Kari Nordmann kom.", "Ola Hansen gikk."], NAMES, style="label")
    restored = restore(result.texts[1].encode(), "renamed.txt", result.mapping, "renamed.txt")
    assert restored.content == b"Ola Hansen gikk."


def test_what_was_written_between_pseudonyms_stays() -> None:
    result = run("Kari Nordmann kom. Nordmanns bil. Ola Hansen sov.", NAMES, style="number")
    edited = result.text.replace("kom", "kom ikke").replace("sov", "sov lenge")
    restored = back(result, edited)
    assert restored.content.decode() == "Kari Nordmann kom ikke. Nordmanns bil. Ola Hansen sov lenge."
    assert not restored.is_exact
    assert not restored.left


@pytest.mark.parametrize("style", ["name", "number"])
def test_pseudonyms_that_were_moved_or_removed_do_not_change_the_others(style: Style) -> None:
    result = run("Kari Nordmann kom. Ola Hansen sov. Bergen er fin.", NAMES, style=style)
    first, second, third = result.text.split(". ")
    restored = back(result, f"{second}. {third}")
    assert restored.content.decode() == "Ola Hansen sov. Bergen er fin."
    assert "Kari Nordmann" in back(result, f"{third} {second}. Og {first}").content.decode()


def test_labels_are_restored_only_if_all_of_them_are_left() -> None:
    result = run("Kari Nordmann kom. Ola Hansen sov.", NAMES, style="label")
    assert (
        back(result, result.text.replace("sov", "gikk")).content.decode()
        == "Kari Nordmann kom. Ola Hansen gikk."
    )
    with pytest.raises(InputError, match="edited") as refused:
        back(result, "Så sov [PER].")
    assert refused.value.hint


def test_a_file_of_something_else_is_refused() -> None:
    result = run("Kari Nordmann kom.", NAMES)
    with pytest.raises(InputError, match="no pseudonym"):
        back(result, "Noe helt annet.")
    with pytest.raises(InputError, match="UTF-8"):
        restore(b"\xe5", "x", result.mapping, "x")


@given(st.lists(st.sampled_from(["Kari Nordmann", "Ola Hansen", "bil", "Bergen"]), min_size=1), st.data())
def test_words_put_between_numbers_never_restore_a_wrong_name(words: list[str], data: st.DataObject) -> None:
    text = " ; ".join(words)
    result = run(text, NAMES, style="number")
    if not result.edited[0].record.occurrences:
        return
    pieces = result.text.split(" ; ")
    at = data.draw(st.integers(0, len(pieces)))
    restored = back(result, " ; ".join([*pieces[:at], "ny", *pieces[at:]]))
    assert restored.content.decode() == " ; ".join([*words[:at], "ny", *words[at:]])


def test_the_shared_cases_come_back_without_their_words(shared: Path) -> None:
    options = FormatOptions(misc_key="none", known_types=TYPES, sentences="detect")
    restored = 0
    for path in sorted((shared / "cases").rglob("*")):
        if not path.is_file() or path.suffix in (".py", ".md") or path.stat().st_size > 100_000:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                format_ = source_of(str(path))
                with path.open("rb") as stream:
                    sentences = list(format_.read(stream, str(path), options))
            except BilstmCrfError:
                continue
            if format_.name not in ("text", "conllu", "conll2003"):
                continue
            names = {token: "PER" for each in sentences for token in each.tokens if token[:1].isupper()}
            content = path.read_bytes()
            result = run(content.decode(), names, style="number", format_name=format_.name)
        assert back(result, result.text).content == content, path
        restored += 1
    assert restored > 50
