"""Fixtures of the export tests: a browser, and models of every kind with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import Browser, find_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that opens exported pages; the test is skipped where there is none."""
    pytest.importorskip("playwright", reason="needs the package playwright, of the extra test")
    if find_chromium() is None:
        pytest.skip("needs Chromium: no chromium or google-chrome is on the path")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def written_page(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`written_page(folder)`: the page of a model's folder; without a folder, that of the box."""
    from bilstm_crf.export.page import write_page
    from bilstm_crf.inference import box

    kept: dict[Path, Path] = {}

    def write(folder: Path = box.FOLDER) -> Path:
        if not (folder / "model.json").is_file():
            pytest.skip("needs the model in the box: this checkout has none")
        if folder not in kept:
            kept[folder] = tmp_path_factory.mktemp("page") / "tagger.html"
            kept[folder].write_bytes(write_page(folder))
        return kept[folder]

    return write


@pytest.fixture(scope="module")
def box_tab(browser: Browser, written_page: Callable[..., Path]) -> Iterator[Any]:
    """The page of the model in the box, opened once; tests must not depend on what another has left in it."""
    with browser.opened(written_page()) as tab:
        yield tab
