"""Exported pages in a real browser: Chromium without a window, by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium that is installed, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser, which `with` starts and ends."""

    def __enter__(self) -> Browser:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        arguments = ["--no-sandbox"]  # as root, in containers
        launch = self._playwright.chromium.launch
        self._browser = launch(executable_path=find_chromium(), args=arguments)
        self.version: str = self._browser.version
        return self

    def __exit__(self, *error: object) -> None:
        self._browser.close()
        self._playwright.stop()

    @contextmanager
    def opened(self, page: Path, *, complaints: bool = False, **context: Any) -> Iterator[Any]:
        """Yield Playwright's page with this file, once its model is loaded.

        `context`: options of a browser context, such as viewport and color_scheme. Raises AssertionError at
        the end if the page asked for anything outside, or (unless `complaints`) said that something failed.
        """
        tab = self._browser.new_context(accept_downloads=True, **context).new_page()
        tab.set_default_timeout(300_000)
        asked: list[str] = []
        problems: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(page.resolve().as_uri())
        tab.evaluate("bilstmCrf.ready")
        yield tab
        tab.context.close()
        elsewhere = [url for url in asked if not url.startswith(("file:", "blob:"))]
        assert not elsewhere, elsewhere
        assert complaints or not problems, problems


def tag_text(tab: Any, text: str) -> list[tuple[int, int, str, float]]:
    """Return start, end (in code points), type and score of each name that the page finds."""
    found = tab.evaluate("text => bilstmCrf.tag(text)", text)["names"]
    return [(each["start"], each["end"], each["type"], each["score"]) for each in found]


def tag_tokens(tab: Any, sentences: list[list[str]]) -> list[list[tuple[int, int, str, float]]]:
    """Return start, end (in tokens), type and score of each name of each sentence of a document."""
    found = tab.evaluate("sentences => bilstmCrf.tagTokens(sentences)", sentences)
    return [[(e["start"], e["end"], e["type"], e["score"]) for e in each] for each in found]


def ask(tab: Any, request: str, **given: Any) -> Any:
    """Return the worker's answer to a request."""
    return tab.evaluate("([request, given]) => bilstmCrf.ask(request, given)", [request, given])["answer"]
