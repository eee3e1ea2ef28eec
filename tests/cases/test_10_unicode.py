"""Texts that look alike: the same names over the same words, and the bytes as they were."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats.text import sentence_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import is_invisible, plain_form
from done import Done

BASE = "Kari Nordmann og Åse Bjørnå bur i Tromsø."
BOLD = str.maketrans({chr(ord("A") + i): chr(0x1D400 + i) for i in range(26)})
BOLD |= str.maketrans({chr(ord("a") + i): chr(0x1D41A + i) for i in range(26)})
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(ord("A"), ord("z") + 1)})
VARIANTS = {
    "NFD": unicodedata.normalize("NFD", BASE),
    "soft hyphens": BASE.replace("mann", "\u00admann").replace("sø", "\u00adsø"),
    "zero-width space inside": BASE.replace("mann", "\u200bmann"),
    "zero-width space before": BASE.replace("Kari", "\u200bKari").replace("Tromsø", "\u200bTromsø"),
    "non-joiner": BASE.replace("sø", "\u200csø"),
    "word joiner": BASE.replace("Tromsø", "\u2060Tromsø"),
    "byte-order mark": BASE.replace("Tromsø", "\ufeffTromsø"),
    "left-to-right marks": BASE.replace("Kari", "\u200eKari").replace("Nordmann", "Nordmann\u200e"),
    "embedding": f"\u202b{BASE}\u202c",
    "no-break spaces": BASE.replace(" ", "\u00a0"),
    "narrow no-break spaces": BASE.replace(" ", "\u202f"),
    "thin spaces": BASE.replace(" ", "\u2009"),
    "ideographic spaces": BASE.replace(" ", "\u3000"),
    "line separator": BASE.replace(" bur", "\u2028bur"),
    "vertical tab": BASE.replace(" bur", "\vbur"),
    "form feed": f"\f{BASE}",
    "tabs": BASE.replace(" ", "\t"),
    "full-width": BASE.replace("Kari", "Kari".translate(WIDE)),
    "bold": BASE.replace("Kari", "Kari".translate(BOLD)),
    # Of our own
    "NFD at the end": unicodedata.normalize("NFD", BASE.replace("Tromsø", "Bodå")),
    "bold before the full stop": BASE.replace("Tromsø.", "Tromsø og Kari.".translate(BOLD)),
    "joiner in a cluster": BASE.replace("Åse", "A\u034f\u030ase"),
    "variation selector": BASE.replace("Nordmann", "Nordmann\ufe0f"),
    "isolates": BASE.replace("Kari Nordmann", "\u2068Kari Nordmann\u2069"),
    "soft hyphen before the full stop": BASE.replace("ø.", "ø\u00ad."),
    "control characters": BASE.replace("Kari", "\x01Kari").replace("Nordmann", "Nordmann\x00"),
}


def plain(text: str) -> str:
    """What the variant is a variant of."""
    return unicodedata.normalize("NFKC", plain_form(text).replace("\x00", "").replace("\x01", ""))


@pytest.fixture(scope="module")
def tagger(tiny_model: Path) -> Tagger:
    return Tagger.load(tiny_model)


def forms(sentence: Sentence) -> list[str]:
    return [unicodedata.normalize("NFKC", plain_form(token)) for token in sentence.tokens]


@pytest.mark.parametrize("text", VARIANTS.values(), ids=VARIANTS)
def test_texts_that_look_alike_have_the_same_names(tagger: Tagger, text: str) -> None:
    (sentence,), (expected,) = tagger.tag(text).sentences, tagger.tag(plain(text)).sentences
    assert forms(sentence) == expected.tokens
    assert sentence.token_spans == expected.token_spans
    assert sentence.token_spans
    assert (sentence.text or "") in text
    for start, end, _ in sentence.token_spans:
        for token in (sentence.tokens[start], sentence.tokens[end - 1]):
            assert not is_invisible(token[0])
            assert not is_invisible(token[-1])


def test_emoji_and_ligatures_hide_no_name(tagger: Tagger) -> None:
    family = tagger.tag(f"😀 {BASE} 👩\u200d👩\u200d👧\u200d👦")
    assert [span.text for span in family.spans] == [span.text for span in tagger.tag(BASE).spans] != []
    ligature, plain = tagger.tag("Kari er i O\ufb03ce."), tagger.tag("Kari er i Office.")
    assert ligature.sentences[0].token_spans == plain.sentences[0].token_spans


def test_the_bytes_of_the_file_come_back(cli: Callable[..., Done], tiny_model: Path) -> None:
    rows = "".join(
        f"{i}\t{word}" + "\t_" * 8 + "\n" for i, word in enumerate(["\u200bKari", "\u200b", "A\u030a"], 1)
    )
    done = cli("tag", "--model", tiny_model, "--format", "conllu", "-", stdin=f"{rows}\n".encode())
    assert done.status == 0
    names = [line.split("\t")[1] for line in done.out.decode().splitlines() if line]
    assert names == ["\u200bKari", "\u200b", "A\u030a"]


def test_what_was_tagged_as_jsonl_can_be_tagged_again(cli: Callable[..., Done], tiny_model: Path) -> None:
    """The tokens leave out hidden characters, which stand between them in the text."""
    text = "".join(f"{each}\n" for each in VARIANTS.values() if not set("\f\v\u2028\x00") & set(each))
    how = ("--format", "text", "--sentences", "line", "--to", "jsonl")
    first = cli("tag", "--model", tiny_model, *how, "-", stdin=text.encode())
    assert first.status == 0, first.err
    again = cli("tag", "--model", tiny_model, "--format", "jsonl", "-", stdin=first.out)
    assert again.status == 0, again.err
    assert again.out == first.out
    assert [json.loads(line)["text"] for line in first.out.splitlines()] == text.splitlines()


@pytest.mark.parametrize("text", ["Kari\u200b, ja", "\u200bKari\u00ad."])
def test_words_touch_where_only_hidden_characters_are_between(text: str) -> None:
    from bilstm_crf.formats import FORMATS

    lines = FORMATS["conllu"].compose(sentence_of(text)).decode().splitlines()
    assert "SpaceAfter=No" in next(line for line in lines if line.startswith("1\t"))
