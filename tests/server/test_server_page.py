"""The page in a real browser: what a person sees, by mouse and by keyboard, and what is downloaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.formats import read
from bilstm_crf.inference.box import FOLDER
from bilstm_crf.output.page import HUES
from servers import MODEL, ROOT, Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("needs a browser: no chromium is installed", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

pytestmark = pytest.mark.slow  # a browser

TEXT = "😀 Kari Nordmann bur i Bergen.\n\nOla Moe møtte Jens Stoltenberg i Oslo. Ingen kom."
LONG = (ROOT / "data" / "sample" / "raw.txt").read_text("utf-8")[:4_000]
SAMPLE = ROOT / "data" / "sample" / "nob" / "no_bokmaal-ud-dev.conllu"
WAIT = 240_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def two(launch: Callable[..., Server]) -> Server:
    """A server with the box and a small model."""
    return launch("--model", f"box={FOLDER}", "--model", f"small={MODEL}", model=None)


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens the page of a server. Errors of its scripts, and requests to elsewhere, fail the test."""
    contexts, faults = [], []

    def open_(server: Server, **options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(WAIT)
        page = contexts[-1].new_page()
        home = f"http://127.0.0.1:{server.port}/"
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.extend([said.text] * is_fault(said)))
        page.on("request", lambda asked: asked.url.startswith((home, "blob:")) or faults.append(asked.url))
        page.goto(home)
        page.wait_for_function("document.getElementById('model').options.length > 0")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def is_fault(message: Any) -> bool:
    """Whether the browser complains, of more than a refusal, which the page explains."""
    return message.type == "error" and "Failed to load resource" not in message.text


def find(page: Any, text: str = TEXT) -> None:
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    page.wait_for_selector("#results:not([hidden])")


def names(page: Any, view: int = 0) -> list[tuple[str, str]]:
    """The names that are marked, and their types."""
    found = page.eval_on_selector_all(
        f'[data-view="{view}"] mark', "all => all.map(each => [each.textContent, each.dataset.label])"
    )
    return [(text, label.split()[0]) for text, label in found]


def expected(server: Server, text: str = TEXT, **options: Any) -> list[tuple[str, str]]:
    (result,) = server.tag(text=text, consistent=False, **options).json["results"]
    return [(each["text"], each["label"]) for each in result["entities"]]


def saved(page: Any, kind: str, path: Path) -> Path:
    with page.expect_download() as download:
        page.click(f'[data-save="{kind}"]')
    target = path / f"saved.{kind}"
    download.value.save_as(target)
    return target


def test_names_are_marked_as_the_server_finds_them(two: Server, visit: Callable[..., Any]) -> None:
    page = visit(two)
    find(page)
    assert names(page) == expected(two)
    assert len(names(page)) > 2
    assert page.evaluate("document.querySelector('.text').textContent") == TEXT
    assert f"{len(names(page))} names" in page.inner_text("#status")


def test_the_threshold_hides_unsure_names_and_adds_missed_ones(
    two: Server, visit: Callable[..., Any]
) -> None:
    page = visit(two)
    page.select_option("#model", "small")
    find(page, LONG)

    def at(value: int) -> list[tuple[str, str]]:
        page.evaluate(
            "value => { const slider = document.getElementById('threshold'); slider.value = value;"
            " slider.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )
        return names(page)

    assert at(50) == expected(two, LONG, model="small")
    assert at(80) == expected(two, LONG, model="small", min_score=0.8)
    assert at(5) == expected(two, LONG, model="small", recall=0.05)
    assert len(at(5)) > len(at(50)) > len(at(80))
    assert page.get_attribute("#threshold", "aria-valuetext")


def test_names_are_corrected_by_keyboard(two: Server, visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(two)
    find(page)
    types = two.ask("GET", "/v1/models").json["models"][0]["entity_types"]
    first, *others = names(page)
    page.focus("#threshold")
    page.locator("mark").first.focus()
    says = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert says.startswith(f"{first[0]}, {first[1]}, ")
    assert "%" in says  # the score, for those who hear it
    page.keyboard.press(str(types.index("PROD") + 1))
    assert names(page) == [(first[0], "PROD"), *others]
    assert page.evaluate("document.activeElement.textContent") == first[0]  # the focus stays
    page.keyboard.press("Delete")
    assert names(page) == others
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert names(page) == [first, *others]
    page.focus(".text")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert "Kari Nordmann" in page.inner_text("#chosen")
    page.keyboard.press(str(types.index("EVT") + 1))
    assert names(page) == [("Kari Nordmann", "EVT"), *others]
    made = saved(page, "conllu", tmp_path)
    sentences = list(read(made))
    assert sentences[0].tokens[:3] == ["😀", "Kari", "Nordmann"]
    assert sentences[0].labels is not None
    assert sentences[0].labels[:3] == ["O", "B-EVT", "I-EVT"]


def test_names_are_corrected_by_mouse(two: Server, visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(two)
    find(page)
    before = names(page)
    page.locator("mark", has_text="Bergen").click()
    page.get_by_role("button", name="Remove the name").click()
    assert names(page) == [each for each in before if each[0] != "Bergen"]
    page.evaluate(
        """() => {
            const walker = document.createTreeWalker(document.querySelector('.text'), NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const at = walker.currentNode.data.indexOf('ngen kom');
                const node = walker.currentNode;
                if (at >= 0) document.getSelection().setBaseAndExtent(node, at, node, at + 3);
            }
        }"""
    )
    page.wait_for_function("document.getElementById('chosen').textContent.includes('Ingen')")  # whole words
    page.locator("#type-buttons button", has_text="PER").click()
    assert ("Ingen", "PER") in names(page)
    records = [json.loads(line) for line in saved(page, "jsonl", tmp_path).read_text("utf-8").splitlines()]
    marked = [(each["text"], each["label"]) for record in records for each in record["entities"]]
    assert marked == names(page)
    for record in records:
        for each in record["entities"]:
            assert record["text"][each["start"] : each["end"]] == each["text"]  # code points


def test_a_second_choice_can_be_taken(two: Server, visit: Callable[..., Any]) -> None:
    page = visit(two)
    find(page)
    page.locator("mark").first.focus()
    choice = page.locator("#choice-list button").first
    said = choice.inner_text()
    choice.click()
    shown = [f"{text} {type_}" for text, type_ in names(page)]
    taken = said.partition(": ")[2].split(", ")
    assert taken == ["no names"] or shown[: len(taken)] == taken


def test_two_models_stand_side_by_side(two: Server, visit: Callable[..., Any]) -> None:
    page = visit(two)
    page.select_option("#other", "small")
    find(page)
    assert names(page, 0) == expected(two, model="box")
    assert names(page, 1) == expected(two, model="small")
    both = set(names(page, 0)) & set(names(page, 1))
    differs = page.eval_on_selector_all("mark.differs", "all => all.map(each => each.textContent)")
    assert differs
    assert not {text for text, _ in both} & set(differs)
    page.locator('[data-view="1"] mark.differs').first.focus()
    wanted = page.evaluate("document.activeElement.textContent")
    page.get_by_role("button", name="Take over").click()
    assert wanted in [text for text, _ in names(page, 0)]


def test_another_model_leaves_the_corrections_as_they_are(two: Server, visit: Callable[..., Any]) -> None:
    page = visit(two)
    find(page)
    page.locator("mark").first.focus()
    page.keyboard.press("Delete")
    corrected = names(page)
    page.select_option("#other", "small")
    page.wait_for_selector("#views.two")
    assert names(page) == corrected
    page.click("#undo")
    assert names(page) == expected(two, model="box")


def test_corrections_are_not_lost_by_new_text(two: Server, visit: Callable[..., Any]) -> None:
    page = visit(two)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    find(page)
    page.locator("mark").first.focus()
    page.keyboard.press("Delete")
    corrected = names(page)
    page.press("#text", "Control+Enter")
    assert asked
    assert names(page) == corrected


@pytest.mark.parametrize("mark", [b"", "\ufeff".encode()], ids=["plain", "byte order mark"])
def test_conllu_keeps_everything_but_its_labels(
    two: Server, visit: Callable[..., Any], tmp_path: Path, mark: bytes
) -> None:
    file = tmp_path / "in.conllu"
    file.write_bytes(mark + SAMPLE.read_bytes())
    page = visit(two)
    page.set_input_files("#files", str(file))
    page.wait_for_selector("#results:not([hidden])")
    made = saved(page, "conllu", tmp_path).read_bytes()
    assert made == two.tag_file(file.read_bytes(), "model=box").body


def test_files_that_are_saved_as_one_stay_apart(
    two: Server, visit: Callable[..., Any], tmp_path: Path
) -> None:
    """The first ends without the empty line that ends a sentence."""
    words = "".join(f"{n}\t{word}" + "\t_" * 8 + "\n" for n, word in enumerate(("Kari", "sov"), 1))
    (tmp_path / "a.conllu").write_text(f"# newdoc id = a\n{words}", "utf-8")
    (tmp_path / "b.conllu").write_text(f"\ufeff{words}\n", "utf-8")
    (tmp_path / "c.txt").write_text("Ola bur i Oslo.", "utf-8")
    page = visit(two)
    page.set_input_files("#files", [str(tmp_path / name) for name in ("a.conllu", "b.conllu", "c.txt")])
    page.wait_for_selector("#choose-file:not([hidden])")
    read_back = list(read(saved(page, "conllu", tmp_path)))
    assert [len(sentence.tokens) for sentence in read_back] == [2, 2, 5]
    assert read_back[-1].document == "c.txt"


def test_several_files_are_shown_and_saved_together(
    two: Server, visit: Callable[..., Any], tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt", "c.pdf"):
        (tmp_path / name).write_text(f"Kari Nordmann bur i {name[0].upper()}rendal.", "utf-8")
    page = visit(two)
    page.set_input_files("#files", [str(tmp_path / name) for name in ("a.txt", "b.txt", "c.pdf")])
    page.wait_for_selector("#choose-file:not([hidden])")
    page.wait_for_function("document.getElementById('problem').textContent.includes('c.pdf')")
    page.select_option("#file", "1")
    assert "Brendal" in page.inner_text(".text")
    assert "a.txt" in saved(page, "html", tmp_path).read_text("utf-8")
    assert saved(page, "xlsx", tmp_path).read_bytes().startswith(b"PK")


def test_an_ill_formed_file_is_explained(two: Server, visit: Callable[..., Any], tmp_path: Path) -> None:
    bad = tmp_path / "bad.conllu"
    bad.write_text("1\tKari\n\n", "utf-8")
    page = visit(two)
    with page.expect_response("**/v1/tag*"):
        page.set_input_files("#files", str(bad))
    page.wait_for_function("document.getElementById('problem').textContent.includes('Line 1')")


def test_markup_in_a_text_is_text(two: Server, visit: Callable[..., Any]) -> None:
    text = 'Kari <img src=x onerror="alert(1)"> & <b>Ola</b> Moe bur i </script>Oslo.'
    page = visit(two)
    find(page, text)
    assert page.evaluate("document.querySelector('.text').textContent") == text
    assert page.locator(".text img, .text b").count() == 0


def test_the_page_asks_for_the_token(launch: Callable[..., Server], browser: Any) -> None:
    server = launch(BILSTM_CRF_TOKEN="s3cret")
    context = browser.new_context()
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.wait_for_selector("#token-form:not([hidden])")
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem:not(:empty)")
    assert "token" in page.inner_text("#problem")
    page.fill("#token", "s3cret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token-form", state="hidden")
    find(page)
    assert page.locator(".text").count() == 1
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(
    two: Server, visit: Callable[..., Any], width: int, scheme: str
) -> None:
    page = visit(two, viewport={"width": width, "height": 800}, color_scheme=scheme)
    find(page)
    for mark in page.locator("mark").all():  # what it says reaches over no edge, and nothing lies over it
        mark.focus()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(
            """() => { const { left, top } = document.activeElement.getClientRects()[0];
            return document.elementFromPoint(left + 3, top + 3) === document.activeElement; }"""
        )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('input, select, textarea, button, [tabindex="0"]')].filter(
            each => !each.labels?.length && !each.getAttribute('aria-label') && !each.textContent.trim()
        ).length"""
    )
    assert unnamed == 0
    assert page.locator('[role="status"]').count() == page.locator("main").count() == 1


def test_the_colours_are_those_of_the_written_page() -> None:
    script = (ROOT / "bilstm_crf" / "server" / "page" / "view.js").read_text("utf-8")
    for type_, hue in HUES.items():
        assert f"{type_}: {hue}" in script
