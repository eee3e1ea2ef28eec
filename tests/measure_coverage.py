"""Measure line coverage in the first of two xdist workers: `pytest -n 2 -p tests.measure_coverage`.

Tracing costs half as much time again before Python 3.12, so measuring each worker would take the suite beyond
five minutes. The figure is that of half the tests, without what commands do in processes of their own:
a lower bound, good for comparing two commits.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import coverage

WORKER = "gw0"

if sys.version_info >= (3, 12):
    os.environ.setdefault("COVERAGE_CORE", "sysmon")
measured = coverage.Coverage(source_pkgs=["bilstm_crf"], data_file=".coverage", config_file=False)
if os.environ.get("PYTEST_XDIST_WORKER") == WORKER:
    measured.start()


def pytest_sessionfinish() -> None:
    """Write what the worker measured."""
    if os.environ.get("PYTEST_XDIST_WORKER") == WORKER:
        measured.stop()
        measured.save()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figure, in the process that the workers belong to."""
    if terminalreporter.config.getoption("numprocesses", None) and os.path.exists(".coverage"):
        measured.load()
        total = measured.report(file=io.StringIO(), ignore_errors=True)
        terminalreporter.write_line(f"Line coverage of the tests in worker {WORKER}: {total:.0f} %")
