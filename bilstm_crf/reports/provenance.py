"""Build tables of the state and provenance of runs: settings, data, vectors, versions and machines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

from bilstm_crf.config import RunConfig
from bilstm_crf.experiments.records import RunResults, RunState
from bilstm_crf.experiments.render import shorten
from bilstm_crf.render.table import Cell, Code, NameCell, Number, Percent, Table, columns
from bilstm_crf.reports.read import ReportData
from bilstm_crf.training.records import best_row
from bilstm_crf.util import fields

MAX_NAMED = 3  # runs that are named; more of them are counted
SPLITS = ("train", "dev", "test")
# Settings that stand elsewhere: files below "Data", the seed in the table of runs.
ELSEWHERE = {"data.folder", "data.train", "data.dev", "data.test", "run.seed", "run.output"}
FINAL_PHASE = (
    "First phase: the model that dev chose. Second phase: the model in final/, retrained on train + dev for "
    "the number of batches that was best on dev."
)
Runs = Mapping[str, RunResults]


def commands(data: ReportData) -> list[str]:
    """Return the command of each run, each once."""
    return list(dict.fromkeys(run.description.command for run in data.runs.values()))


# ---------------------------------------------------------------- how runs stand


def count_runs(data: ReportData) -> str:
    """Say in a sentence how many runs are done, unfinished and not run."""
    states = _asked(data)
    done = [run.metrics is not None for run in data.runs.values()]
    absent = [state.done for name, state in states.items() if name not in data.runs]
    parts = {
        "done": sum(done) + sum(absent),
        "unfinished": len(done) - sum(done),
        "not run": len(absent) - sum(absent),
    }
    counted = [f"{count} {state}" for state, count in parts.items() if count]
    return f"{len({*states, *data.runs})} runs: {', '.join(counted)}."


def _asked(data: ReportData) -> dict[str, RunState]:
    """Return the runs that tables ask for; of two states, that of the table where the run is done."""
    found: dict[str, RunState] = {}
    for table in data.score_tables:
        for name, state in table.runs.items():
            if name not in found or not found[name].done:
                found[name] = state
    return found


def overview(data: ReportData) -> Table | None:
    """Return how every run stands and what it scored; None if nothing was trained."""
    states = _asked(data)
    rows: list[Sequence[Cell]] = []
    for name in dict.fromkeys([*states, *data.runs]):
        run = data.runs.get(name)
        if run is None:
            state = "done, its results are not here" if states[name].done else shorten(states[name].why)
            rows.append([NameCell(name), *[None] * 6, NameCell(state)])
        else:
            rows.append([NameCell(name), *_outcome(run), NameCell(state_of(run))])
    notes = ["Dev F1 is that of the saved model; of an unfinished run, the best so far."]
    if final_phases(data):
        notes.append("Test F1 is that of the model that dev chose, of the first phase if there are two.")
    heads = ("seed", "best epoch", "dev F1", "test F1", "minutes", "bilstm_crf", "state")
    return Table("Runs", columns("", *heads, left=["state"]), rows, notes) if rows else None


def _outcome(run: RunResults) -> list[Cell]:
    metrics, best = run.metrics, best_row(run.history) if run.history else None
    description = run.description
    commit = f" ({description.commit})" if description.commit else ""
    cells: list[Cell] = [None, Percent(None)]
    if metrics is not None:
        cells = [str(metrics.best_epoch), Percent(metrics.dev.strict.f1)]
    elif best is not None:
        cells = [str(best.epoch), Percent(best.dev.f1 if best.dev else None)]
    test = metrics.test.strict.f1 if metrics and metrics.test else None
    seed, program = str(description.config.run.seed), f"{description.bilstm_crf}{commit}"
    return [seed, *cells, Percent(test), Number(minutes(run)), program]


def state_of(run: RunResults) -> str:
    """Say how far a run has come."""
    if run.metrics is not None:
        return "done"
    epochs = run.description.config.schedule.epochs
    return f"unfinished: {len(run.history)} of {epochs} epochs" if run.history else "no epoch finished"


def minutes(run: RunResults) -> float | None:
    """Return the minutes of training and scoring dev; None if they are not known."""
    seconds = run.metrics.seconds if run.metrics else None
    return sum(asdict(seconds).values()) / 60 if seconds else None


def final_phases(data: ReportData) -> Table | None:
    """Return what second phases were and the test F1 of their models; None if there was none."""
    rows: list[Sequence[Cell]] = []
    for name, run in data.runs.items():
        final = run.metrics.final if run.metrics else None
        if final is not None:
            f1 = Percent(final.test.strict.f1 if final.test else None)
            counts = (final.sentences, final.batches, final.epochs)
            rows.append([NameCell(name), *counts, Number(final.seconds), f1])
    heads = columns("", "sentences", "batches", "epochs", "seconds", "test F1")
    return Table("Second phase, on train + dev", heads, rows, [FINAL_PHASE]) if rows else None


# ---------------------------------------------------------------- where they come from


def tables(data: ReportData) -> list[Table]:
    """Return settings, data, vectors, encoders and machines, as far as there are runs."""
    runs = data.runs
    found = [
        _settings(runs),
        _sources("Data", ("split", "sentences"), runs, _files),
        _sources("Vectors", ("format", "words", "dim"), runs, _vectors),
        _sources("Encoders", (), runs, _encoders),
        _machines(runs),
    ]
    return [table for table in found if table.rows]


K = TypeVar("K", bound=Hashable)


def _users(runs: Runs, keys_of: Callable[[RunResults], Iterable[K]]) -> dict[K, list[str]]:
    """Return the names of the runs that have each key."""
    users: dict[K, list[str]] = {}
    for name, run in runs.items():
        for key in keys_of(run):
            users.setdefault(key, []).append(name)
    return users


def _settings(runs: Runs) -> Table:
    """Return the settings that differ from the preset, each value with its runs."""
    order = ["preset", *fields.settings_of(RunConfig), *fields.parts_of(RunConfig)]
    users = sorted(_users(runs, _changes).items(), key=lambda item: order.index(item[0][0]))
    rows = [[path, *map(NameCell, values), NameCell(_name(names, runs))] for (path, *values), names in users]
    heads = columns("", "value", "preset's value", "runs", left=["value", "preset's value", "runs"])
    return Table("Settings that differ from the preset", heads, rows)


def _changes(run: RunResults) -> Iterator[tuple[str, str, str]]:
    """Return the path of each changed setting, its value and the preset's value."""
    config = run.description.config
    preset = RunConfig.of_preset(config.preset)
    yield "preset", config.preset, ""
    for path, value in fields.changes(config, preset).items():
        if path not in ELSEWHERE:
            of_preset = "" if value is None else fields.as_text(fields.get(preset, path))
            yield path, fields.as_text(value), of_preset


def _name(names: Sequence[str], runs: Runs) -> str:
    if len(names) == len(runs):
        return "all" if len(runs) > 1 else names[0]
    return ", ".join(names) if len(names) <= MAX_NAMED else f"{len(names)} of {len(runs)}"


Source = tuple[str, tuple[str | int | None, ...], str | None]  # its name, further cells, its SHA-256


def _sources(
    title: str, heads: Sequence[str], runs: Runs, sources_of: Callable[[RunResults], list[Source]]
) -> Table:
    """Return each source once, by its hash, with the number of runs that use it."""
    rows = [
        [NameCell(name), *cells, len(names), Code(sha256) if sha256 else None]
        for (name, cells, sha256), names in _users(runs, sources_of).items()
    ]
    return Table(title, columns("", *heads, "runs", "SHA-256"), rows)


def _files(run: RunResults) -> list[Source]:
    data = sorted(run.description.data.items(), key=lambda item: (*SPLITS, item[0]).index(item[0]))
    return [(file.path, (split, file.sentences), file.sha256) for split, files in data for file in files]


def _vectors(run: RunResults) -> list[Source]:
    found = run.description.vectors
    if found is None:
        return [("none: random", (None, None, None), None)]
    return [(found.file, (found.format or None, found.words or None, found.dim or None), found.sha256)]


def _encoders(run: RunResults) -> list[Source]:
    found = run.description.encoder
    return [] if found is None else [(found.name, (), found.sha256)]


def _machines(runs: Runs) -> Table:
    """Return one column for each set of versions and machine."""
    users = _users(runs, lambda run: [tuple(_machine(run).items())])
    several = len(users) > 1
    counts = [
        f"{number}: {len(names)} run{'s' * (len(names) > 1)}"
        for number, names in enumerate(users.values(), 1)
    ]
    machines = [dict(machine) for machine in users]
    keys = dict.fromkeys(key for machine in machines for key in machine)
    rows = [[key, *(machine.get(key) for machine in machines)] for key in keys]
    notes = [f"{number}: {', '.join(names)}" for number, names in enumerate(users.values(), 1) if several]
    return Table("Versions and machine", columns("", *(counts if several else ["value"])), rows, notes)


def _machine(run: RunResults) -> dict[str, str]:
    machine = asdict(run.description.environment)
    described = {"bilstm_crf": run.description.bilstm_crf, **machine.pop("packages"), **machine}
    return {name: str(value) for name, value in described.items() if value}
