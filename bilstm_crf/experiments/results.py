"""Results on disk: the folder of each run while it is worked on, and one compact file per experiment.

OUT/runs/NAME/ is a run's folder: what `train` writes, and scores/EVALUATION.json. OUT/EXPERIMENT.json holds
the table of an experiment and the records of all its runs (`Results`), one run per line. It is all that has
to be kept: tables can be built from it again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from bilstm_crf.errors import InputError
from bilstm_crf.experiments.records import Evaluation, Results, RunResults, Score
from bilstm_crf.formats import contents_of
from bilstm_crf.training.records import EpochRow, read_description, read_history, read_metrics
from bilstm_crf.training.run_folder import FINAL, is_finished
from bilstm_crf.util.files import read_json, sha256_of_all, write_whole
from bilstm_crf.util.records import HINT, parse_record, read_record


def read_run(folder: Path) -> RunResults:
    """Return what there is of a run in its folder. Raises InputError for a damaged file."""
    return RunResults(
        read_description(folder / "config.json"),
        read_history(folder),
        read_metrics(folder) if is_finished(folder) else None,
        {path.stem: read_record(Score, path) for path in sorted(folder.glob("scores/*.json"))},
    )


class ResultsFolder:
    """The output folder of experiments: results of runs, from their own folders or from results files."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._finished: dict[str, RunResults] = {}

    def folder(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.output / "runs" / name

    def read(self, name: str) -> RunResults | None:
        """Return the results of a run; None where there are none.

        Where it has no folder (any more), a results file may have kept them. A damaged history and damaged
        scores that can be made again are left out; InputError for other damaged files.
        """
        folder = self.folder(name)
        if name in self._finished:
            return self._finished[name]
        if not (folder / "config.json").exists():
            return self.kept.get(name)
        metrics = read_metrics(folder) if is_finished(folder) else None
        scores = dict(_scores_that_stand(folder)) if metrics else {}
        results = RunResults(read_description(folder / "config.json"), read_progress(folder), metrics, scores)
        if metrics:
            self._finished[name] = results
        return results

    def forget(self, name: str) -> None:
        """Read a run again next time."""
        self._finished.pop(name, None)

    @cached_property
    def kept(self) -> dict[str, RunResults]:
        """The runs of all results files here; other JSON is left alone."""
        contents = {path: read_json(path, hint=HINT) for path in sorted(self.output.glob("*.json"))}
        return {
            name: run
            for path, content in contents.items()
            if isinstance(content, dict) and {"runs", "format"} <= set(content)
            for name, run in _parse_results(content, path).runs.items()
        }


def read_progress(folder: Path) -> list[EpochRow]:
    """Return the history of a run at work; a damaged one tells nothing."""
    try:
        return read_history(folder)
    except InputError:
        return []


def _scores_that_stand(folder: Path) -> Iterator[tuple[str, Score]]:
    """Return the scores of a run. Raises InputError for a damaged one without the model to make it again."""
    for path in sorted(folder.glob("scores/*.json")):
        try:
            yield path.stem, read_record(Score, path)
        except InputError as error:
            if not (folder / "model.json").exists():
                raise InputError(f"{error}, and the model to score again is missing") from error


def score_path(run: Path, evaluation: Evaluation) -> Path:
    """Return where the score of an evaluation lies in the run's folder."""
    return run / "scores" / f"{evaluation.name}.json"


def model_folder(run: Path, evaluation: Evaluation) -> Path:
    """Return the folder of the model to score: on test that of the run's final phase, if it had one."""
    final = run / FINAL
    return final if evaluation.split == "test" and final.is_dir() else run


def is_current(score: Score, run: Path, files: Sequence[str]) -> bool:
    """Return whether a score is of these files and of the run's model.

    A model may have been deleted to save room, or results kept without it: then its scores stand.
    """
    model = model_folder(run, score.evaluation) / "model.json"
    if score.data_sha256 != sha256_once(tuple(files)):
        return False
    return not model.exists() or score.model_sha256 == _sha256_of_weights(model)


def _sha256_of_weights(model: Path) -> str | None:
    """Return the checksum in model.json; None where the file does not say it."""
    try:
        return str(read_json(model)["sha256"])
    except (InputError, KeyError, TypeError):
        return None


@cache
def sha256_once(files: tuple[str, ...]) -> str:
    """Return `sha256_of_all` of files, which stay as they are while the program runs."""
    return sha256_of_all(contents_of(files))


# ---------------------------------------------------------------- one file per experiment


def write_results(path: Path, results: Results) -> None:
    """Write the file of an experiment, atomically."""
    content = dataclasses.asdict(results)
    runs = [f"{_dump(name)}: {_dump(_pack(run))}" for name, run in content.pop("runs").items()]
    head = "".join(f"{_dump(name)}: {_dump(value)},\n" for name, value in content.items())
    with write_whole(path) as stream:
        text = "{\n" + head + '"runs": {\n' + ",\n".join(runs) + "\n}\n}\n"
        stream.write(text.encode("utf-8", "backslashreplace"))


def read_results(path: Path) -> Results:
    """Return the results of an experiment. Raises InputError for a damaged file or another format."""
    return _parse_results(read_json(path, hint=HINT), path)


def _parse_results(content: Any, path: Path) -> Results:
    if isinstance(content, dict) and isinstance(content.get("runs"), dict):
        try:
            content["runs"] = {name: _unpack(run) for name, run in content["runs"].items()}
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InputError(f"has damaged runs: {error}", path=path, hint=HINT) from error
    return parse_record(Results, content, path)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _pack(run: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is said twice: the names in the history's rows, and a report that metrics.json has."""
    dev = run["metrics"] and run["metrics"]["dev"]
    scores = {
        name: {**score, "report": None if score["report"] == dev else score["report"]}
        for name, score in run["scores"].items()
    }
    return {**run, "history": _to_columns(run["history"]), "scores": scores}


def _unpack(run: Mapping[str, Any]) -> dict[str, Any]:
    scores = {
        name: {**score, "report": score["report"] or run["metrics"]["dev"]}
        for name, score in run["scores"].items()
    }
    return {**run, "history": _to_rows(run["history"]), "scores": scores}


def _to_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a list for each name in the rows; a column of objects is columns again."""
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    return {
        name: _to_columns(column) if all(isinstance(each, dict) for each in column) else column
        for name, column in columns.items()
    }


def _to_rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Invert `_to_columns`."""
    lists = [_to_rows(column) if isinstance(column, dict) else column for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
