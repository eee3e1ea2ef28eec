"""What a run left in its folder: history, metrics and scores, read and checked.

A table and a report are made of it; no model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputError
from bilstm_crf.experiments.check import check, read_json
from bilstm_crf.experiments.settings import Evaluation
from bilstm_crf.experiments.shapes import EPOCH, check_metrics, check_score
from bilstm_crf.training import run_folder
from bilstm_crf.util.files import sha256_of_all


def configuration(described: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a config.json; settings that an older version did not know have their defaults.

    Not those of its preset, which may have got another value for them since: the older run did without.
    """
    defaults, config = RunConfig().to_json(), described["config"]
    tables = [part for part in defaults if isinstance(config.get(part), dict)]
    return {**config, **{part: {**(defaults[part] or {}), **config[part]} for part in tables}}


def read_history(run: Path) -> list[dict[str, Any]]:
    """The rows of history.jsonl, one an epoch; none where there is no such file. Raises InputError."""
    path = run / "history.jsonl"
    if not path.exists():
        return []
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", path=path) from error
    rows = [
        (number, read_json(path, line, line=number)) for number, line in enumerate(lines, 1) if line.strip()
    ]
    for number, row in rows:
        check(row, EPOCH, path, line=number)
    return [row for _, row in rows]


def best_row(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """As `training.records.best_row`, which replaces it."""
    kept = [row for row in history if row.get("best") is True]
    return kept[-1] if kept else max(history, key=lambda row: row["dev"]["f1"])


def read_metrics(run: Path) -> dict[str, Any] | None:
    """metrics.json; None: the run is not finished. Raises InputError for a damaged one."""
    if not run_folder.is_finished(run):
        return None
    path = run / "metrics.json"
    metrics: dict[str, Any] = read_json(path)
    check_metrics(metrics, path)
    return metrics


def model_of(run: Path, evaluation: Evaluation) -> Path:
    """The folder of the model that is scored: on test that of the run's second phase, if it had one."""
    final = run / run_folder.FINAL
    return final if evaluation.split == "test" and final.is_dir() else run


def score_path(run: Path, evaluation: Evaluation) -> Path:
    """Where the scores of an evaluation lie."""
    return run / "scores" / f"{evaluation.name}.json"


def read_score(run: Path, evaluation: Evaluation, files: Sequence[str]) -> dict[str, Any] | None:
    """The scores, where they are there and of this model and these files; else None.

    A finished run may have lost its model, to save room or because only results were kept: its scores stand.
    Raises InputError for a damaged file.
    """
    path = score_path(run, evaluation)
    if not path.exists():
        return None
    score: dict[str, Any] = read_json(path)
    check_score(score, path)
    model = model_of(run, evaluation) / "model.json"
    current = score["data_sha256"] == sha256_once(tuple(files))
    if current and model.exists():
        current = score["model_sha256"] == _sha256_of_weights(model)
    return score if current else None


def _sha256_of_weights(model: Path) -> str | None:
    """As model.json says; None: it says nothing."""
    try:
        return str(read_json(model)["sha256"])
    except (InputError, KeyError, TypeError):
        return None


@cache
def sha256_once(files: tuple[str, ...]) -> str:
    """`sha256_of_all`, read once: the data of a session stay as they are."""
    return sha256_of_all(files)
