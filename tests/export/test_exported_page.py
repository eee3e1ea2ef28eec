"""The HTML file that tags: it finds what Python finds, in a real browser, and asks nobody."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf import Tagger
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.export import page
from bilstm_crf.export.patterns import javascript
from bilstm_crf.formats import read
from bilstm_crf.formats.text import sentences_of
from bilstm_crf.inference import box
from bilstm_crf.model.model_folder import save_model
from bilstm_crf.sentence import Sentence
from browser import Browser, ask, tag_text, tag_tokens
from done import Done
from exported import (
    KINDS,
    box_tagger,
    documents_of,
    names_of,
    random_model,
    running_text,
    tagged,
    token_names,
)
from runs import DEV

SCORES = 1e-5  # how far apart probabilities may be

HOSTILE = [
    "",
    " \n\t ",
    ".",
    "Kari",
    "KARI NORDMANN MØTTE JENS STOLTENBERG I OSLO",
    "kari nordmann bor i oslo.",
    "Tromsø og Tromso\u0308 og Trom\u00adsø og \u200bBodø\u200b.",
    "😀 Kari Moe 👩‍👩‍👧 bor i 𝐎𝐬𝐥𝐨. Ola\u0301 også.",
    "Ｋａｒｉ　Ｍｏｅ og O\ufb03ce i Bergen",
    "𐐀𐐨 møtte Kari Moe. 𝟏𝟐. mai var 𠀀𠀁 i Oslo.",
    "\ufeffAv Kari Moe\n\nOla sov.\r\nKari sov.\r\rI Oslo.\n\ufeff\nBergen",
    "Skriv til kari.moe@nrk.no eller http://www.nrk.no/Oslo/Bergen i Oslo. Se NRK.no/sport.",
    "Han kom kl.12 den 17.mai. Det var 1-4 mot Brann.Han gikk. 19.plass til Rosenborg",
    "İstanbul og ISTANBUL, ΟΔΥΣΣΕΥΣ og Οδυσσεύς, straße og STRASSE",
    "A.I. Olsen og T.h. Nilsen («den gamle.») sa: Nei! «Ja,» sa han. vi gikk. så kom de",
    "Prof. Dr. Kari Moe\n- Hei, sa Ola.\n- Nei.\n1) Oslo\n2) Bergen\nAv Per Hansen\nIngress her",
    "x" * 3000 + " Oslo " + "." * 500 + " Kari" * 300,
    "\x00\x1f\x7f Kari\x85Oslo\u2028Bergen\u3000Voss\x1cBodø",
    "½ liter til Kari ² ① Ⅷ ٣٤ i Oslo",
]
ALPHABET = "aæøåÅKO. ,:;-–'’\"«»()[]/@#°%&+=\n\r\t0123\u00ad\u0301\u200b\ufeff😀𝐊²½…?!\u2028é\x85٣"


def assert_same_names(
    found: list[tuple[int, int, str, float]], expected: list[tuple[int, int, str, float]], what: object
) -> None:
    assert [each[:3] for each in found] == [each[:3] for each in expected], what
    for (*_, score), (*_, wanted) in zip(found, expected, strict=True):
        assert score == pytest.approx(wanted, abs=SCORES), what


# ---------------------------------------------------------------- the same names


def test_a_documents_names_are_pythons(box_tab: Any) -> None:
    tagger = box_tagger()
    sentences = [Sentence(each.tokens, document="1") for each in read(DEV)]
    expected = tagged(tagger, sentences)
    assert sum(len(each.token_spans or ()) for each in expected) > 20
    for found, sentence in zip(
        tag_tokens(box_tab, [each.tokens for each in sentences]), expected, strict=True
    ):
        assert_same_names(found, token_names(sentence), sentence)


def test_emissions_are_pythons(box_tab: Any) -> None:
    tagger = box_tagger()
    sentences = [Sentence(each.tokens, document="1") for each in read(DEV)]
    expected, _ = tagger.emissions(sentences)
    found = ask(box_tab, "emissions", sentences=[each.tokens for each in sentences])
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-4)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_texts_names_are_pythons(box_tab: Any, text: str) -> None:
    assert_same_names(tag_text(box_tab, text), names_of(box_tagger().tag(text)), text)


@pytest.mark.slow
def test_all_of_dev_has_pythons_names(box_tab: Any, shared: Path) -> None:
    tagger = box_tagger()
    for sentences in documents_of(shared):
        alone = [Sentence(each.tokens, document="1") for each in sentences]
        for found, sentence in zip(
            tag_tokens(box_tab, [each.tokens for each in alone]), tagged(tagger, alone), strict=True
        ):
            assert_same_names(found, token_names(sentence), sentence)
        text = running_text(sentences)
        assert_same_names(tag_text(box_tab, text), names_of(tagger.tag(text)), text[:80])


def test_any_text_is_split_as_in_python(box_tab: Any) -> None:
    random_ = random.Random(5)
    real = " ".join(each.text or "" for each in read(DEV)).split(" ")
    texts = ["".join(random_.choices(ALPHABET, k=random_.randrange(1, 60))) for _ in range(400)]
    for _ in range(400):  # real words between odd signs
        pieces = random_.choices(real, k=12) + random_.choices(ALPHABET, k=6)
        random_.shuffle(pieces)
        texts.append(random_.choice(["", " "]).join(pieces))
    split = "texts => Promise.all(texts.map(text => bilstmCrf.ask('split', {text})))"
    for text, found in zip(texts, box_tab.evaluate(split, texts), strict=True):
        expected = [
            [
                each.origin.start if each.origin else 0,
                each.text,
                each.tokens,
                [[*pair] for pair in each.offsets or ()],
            ]
            for each in sentences_of(text)
        ]
        ours = [[s["start"], s["text"], s["tokens"], s["offsets"]] for s in found["answer"]]
        assert ours == expected, text


# ---------------------------------------------------------------- models of every kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_finds_the_same(
    kind: str, browser: Browser, written_page: Callable[..., Path], tmp_path: Path
) -> None:
    save_model(random_model(*KINDS[kind], own_digits=kind == "one"), tmp_path / "model", None)
    tagger = Tagger.load(tmp_path / "model")
    sentences = list(read(DEV))[:30]
    text = running_text(sentences) + "\nKari Moe er 12 år. Moe og Karis hund, og 1905 KARI."
    with browser.opened(written_page(tmp_path / "model")) as tab:
        alone = [Sentence(each.tokens, document="1") for each in sentences]
        expected = tagged(tagger, alone)
        assert any(each.token_spans for each in expected)
        for found, sentence in zip(tag_tokens(tab, [each.tokens for each in alone]), expected, strict=True):
            assert_same_names(found, token_names(sentence), sentence)
        assert_same_names(tag_text(tab, text), names_of(tagger.tag(text)), kind)


def test_names_agree_without_a_document_memory(
    browser: Browser, written_page: Callable[..., Path], tiny_model: Path
) -> None:
    tagger = Tagger.load(tiny_model)
    texts = [running_text(list(read(DEV))), "Erna Solberg kom. Så gikk Solberg. Ernas venn, og solberg. " * 3]
    with browser.opened(written_page(tiny_model)) as tab:
        for text in texts:
            assert_same_names(tag_text(tab, text), names_of(tagger.tag(text)), text[:80])


def test_products_are_the_same_without_webassembly(box_tab: Any) -> None:
    program = """
    const sizes = [[64, 30, 40], [5, 7, 17], [1, 1, 1]];
    self.onmessage = () => self.postMessage(sizes.map(([rows, inner, width]) => {
      const number = (i) => Math.fround(Math.sin(i * 12.9898));
      const results = [true, false].map((webAssembly) => {
        const kernel = new Kernel({ webAssembly });
        const matrix = Float32Array.from({ length: inner * width }, (_, i) => number(i));
        const right = kernel.store(matrix, inner, width);
        const [left, out] = [inner, padded(width, PANEL)].map((size) => kernel.allocate((rows + 3) * size));
        for (let i = 0; i < rows * inner; i++) kernel.heap[left + i] = number(i + 0.5);
        kernel.heap[out] = 1;
        kernel.product(left, right, out, rows, inner, padded(width, PANEL) / PANEL);
        return [kernel.compiled !== null, ...kernel.heap.slice(out, out + rows * padded(width, PANEL))];
      });
      return results;
    }));"""
    run = """(program) => new Promise((resolve) => {
      const code = document.getElementById("engine").textContent + program;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage(0);
    })"""
    for compiled, plain in box_tab.evaluate(run, program):
        assert (compiled[0], plain[0]) == (True, False)
        np.testing.assert_allclose(compiled[1:], plain[1:], atol=1e-5)


# ---------------------------------------------------------------- the page


def test_a_person_pastes_text_and_saves_the_names(box_tab: Any) -> None:
    text = "😀 Kari Nordmann\nbor i Oslo.\n\n=Kari, sa Ola: «<b>Hei, Voss</b>»"
    box_tab.fill("#text", text)
    box_tab.press("#text", "Control+Enter")
    box_tab.wait_for_selector("mark")
    document = box_tagger().tag(text)
    marks = box_tab.locator("mark")
    assert marks.all_text_contents() == [each.text for each in document.spans]
    assert "".join(box_tab.locator("main p").all_text_contents()).replace("\n", "") == text.replace("\n", "")
    marks.first.focus()
    box_tab.keyboard.press("ArrowRight")
    second = document.spans[1]
    assert second.text in box_tab.text_content("#selected")
    assert f"{second.score:.1%}" in box_tab.text_content("#selected")
    with box_tab.expect_download() as download:
        box_tab.click("#json")
    saved = json.loads(Path(download.value.path()).read_text("utf-8"))
    expected = document.to_dict()
    for ours, theirs in zip(saved["entities"], expected["entities"], strict=True):
        assert ours.pop("score") == pytest.approx(theirs.pop("score"), abs=SCORES)
    assert saved == expected
    with box_tab.expect_download() as download:
        box_tab.click("#csv")
    rows = list(
        csv.DictReader(io.StringIO(Path(download.value.path()).read_bytes().decode("utf-8-sig"), newline=""))
    )
    assert [(row["type"], int(row["offset"])) for row in rows] == [(e.label, e.start) for e in document.spans]
    assert not any(re.match("[=+@-]", row["text"]) for row in rows)


def test_files_are_opened_and_a_type_can_be_hidden(box_tab: Any) -> None:
    files = [
        {"name": "a.txt", "mimeType": "text/plain", "buffer": "Kari bor i Tromsø.".encode()},
        {"name": "b.txt", "mimeType": "text/plain", "buffer": "Ola bor i Bodø.".encode("windows-1252")},
        {"name": "c.txt", "mimeType": "text/plain", "buffer": "Ola bor i Bergen.".encode("utf-16")},
    ]
    box_tab.set_input_files("#files", files)
    box_tab.wait_for_selector("main h2")
    assert box_tab.locator("main h2").all_text_contents() == ["a.txt", "b.txt", "c.txt"]
    assert {"Tromsø", "Bodø", "Bergen"} <= set(box_tab.locator("mark").all_text_contents())
    person = box_tab.locator("mark", has_text="Kari")
    number = person.get_attribute("class")
    colour = "mark => getComputedStyle(mark).backgroundColor"
    shown = person.evaluate(colour)
    box_tab.uncheck(f"#{number}")
    assert person.evaluate(colour) != shown
    box_tab.check(f"#{number}")


def test_a_file_that_is_no_text_is_refused_by_its_name(box_tab: Any) -> None:
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"}
    box_tab.set_input_files("#files", [picture])
    box_tab.locator("#status", has_text="a.png").wait_for()


def test_nothing_can_be_asked_of_a_network(
    browser: Browser, written_page: Callable[..., Path], tiny_model: Path
) -> None:
    ask_one = "fetch('https://example.org/').then(() => tell('answered'), () => 0)"
    in_page = f"""() => new Promise((tell) => {{
      addEventListener("securitypolicyviolation", (event) => tell(event.violatedDirective));
      {ask_one};
    }})"""
    in_worker = f"""() => new Promise((resolve) => {{
      const code = `const tell = postMessage;
        addEventListener("securitypolicyviolation", (event) => tell(event.violatedDirective));
        {ask_one};`;
      new Worker(URL.createObjectURL(new Blob([code]))).onmessage = ({{ data }}) => resolve(data);
    }})"""
    with browser.opened(written_page(tiny_model), complaints=True) as tab:
        assert [tab.evaluate(in_page), tab.evaluate(in_worker)] == ["connect-src", "connect-src"]


def test_a_paragraph_ends_at_empty_lines_and_no_name_is_cut(box_tab: Any) -> None:
    paragraphs = "([text, names]) => paragraphs(text, names).map((each) => each.textContent)"
    text = "Kari\n\nKari og\nOla\n \n\nNew\n\nYork\n"
    names = [
        {"from": start, "to": end, "type": "PER", "score": 1} for start, end in ((0, 4), (6, 10), (22, 31))
    ]
    assert box_tab.evaluate(paragraphs, [text, names]) == ["Kari", "Kari og\nOla", "New\n\nYork\n"]
    long = "Kari bor der. " * 1000 + "\n" + "x" * 50 + "\n"
    assert box_tab.evaluate(paragraphs, [long, []]) == [long.split("\n")[0], "x" * 50 + "\n"]


def test_types_may_have_the_names_of_the_templates_places(tmp_path: Path) -> None:
    model = random_model(*KINDS["one"])
    labels = ["O", "B-@model@", "I-@model@", "B-@policy@", "I-@policy@"]
    assert len(labels) == len(model.vocabulary.labels)
    model.vocabulary.labels[:] = labels
    save_model(model, tmp_path, None)
    content = page.write_page(tmp_path).decode()
    (given,) = re.findall('id="about">(.*?)</script>', content)
    assert json.loads(given)["labels"] == labels
    assert re.search('id="model">[A-Za-z0-9+/=]+</script>', content)


def test_the_policy_allows_the_files_own_scripts_alone(tiny_model: Path) -> None:
    content = page.write_page(tiny_model).decode()
    assert content == page.write_page(tiny_model).decode()
    policy = re.findall('Content-Security-Policy" content="([^"]*)"', content)[0]
    (script,) = re.findall("<script>(.*?)</script>", content, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert not re.search(r"""(src|href)=|url\(|@import|\bon[a-z]+=""", content.replace(policy, ""))


# ---------------------------------------------------------------- the command


def test_the_box_becomes_one_file(cli: Callable[..., Done], tmp_path: Path) -> None:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    done = cli("export", "--format", "html", "-o", tmp_path / "tagger.html")
    assert done.status == 0, done.err
    assert [each.name for each in tmp_path.iterdir()] == ["tagger.html"]
    assert 1e6 < (tmp_path / "tagger.html").stat().st_size <= page.MAX_BYTES


def test_what_cannot_be_exported_is_refused(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(model: Path | str, word: str) -> None:
        done = cli("export", "--format", "html", "--model", model, "-o", tmp_path / "x.html")
        assert (done.status, (tmp_path / "x.html").exists()) == (2, False)
        assert word in done.err

    description = json.loads((tiny_model / "model.json").read_text("utf-8"))
    settings = {"pooling": "mean", "layers": "last", "precision": "float32", "context": 0}
    encoder = {"name": "x", "sha256": "0" * 64, "folder": None, "tuned": False, "settings": settings}
    refused("several.toml", "ensemble")
    refused(tmp_path / "none", "no such folder")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text(json.dumps({**description, "encoder": encoder}), "utf-8")
    refused(tmp_path / "model", "encoder")
    monkeypatch.setattr(page, "MAX_BYTES", 10_000)
    refused(tiny_model, "model pack")


def test_a_pattern_that_cannot_be_translated_is_an_error() -> None:
    with pytest.raises(ValueError, match="translation"):
        javascript(re.compile(r"\D"))


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError):
        page.write_page(tmp_path)
