"""The exported page in a real browser: Chromium without a window, by Playwright."""

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


@contextmanager
def opened(page: Path, **context: Any) -> Iterator[Any]:
    """Yield Playwright's page with this file, once its model is loaded. Every request to elsewhere fails the block.

    `context`: options of a browser context, such as viewport and color_scheme.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        tab = browser.new_context(offline=True, accept_downloads=True, **context).new_page()
        asked: list[str] = []
        problems: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(page.as_uri())
        tab.evaluate("bilstmCrf.ready")
        yield tab
        browser.close()
    elsewhere = [url for url in asked if not url.startswith(("file:", "blob:"))]
    assert not elsewhere, elsewhere
    assert not problems, problems
