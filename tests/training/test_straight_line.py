"""Setting up a run is one straight line: the configuration enters each module once."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path
from types import FrameType

from bilstm_crf import config
from runs import SAMPLE, small_config, start

CONFIGS = tuple(
    value
    for name, value in vars(config).items()
    if name.endswith("Config") and dataclasses.is_dataclass(value)
)
READERS = ("bilstm_crf.config", "bilstm_crf.util.fields")


def test_from_the_start_of_a_run_the_configuration_enters_each_module_once(tmp_path: Path) -> None:
    calls: list[str] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        name, code = frame.f_globals.get("__name__", ""), frame.f_code
        if event == "call" and name.startswith("bilstm_crf.") and name not in READERS:
            given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            if any(isinstance(frame.f_locals.get(each), CONFIGS) for each in given):
                calls.append(name)

    run = small_config(tmp_path, epochs=1, embeddings=str(SAMPLE / "vectors.bin"), document_memory=5)
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        start(run, tmp_path / "run")
    finally:
        sys.setprofile(before)
    visits = [name for name, _ in itertools.groupby(calls) if name != "bilstm_crf.training.run"]
    assert len(visits) > 5
    assert sorted(set(visits)) == sorted(visits)
