"""How the runs stand, and where they come from: settings, data, vectors, versions and machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bilstm_crf.experiments.markdown import Code
from bilstm_crf.experiments.render import NOTHING, percent
from bilstm_crf.experiments.results import configuration
from bilstm_crf.reports.read import Material, Run
from bilstm_crf.reports.scores import PHASES, Names, Table

TITLE = "Where this comes from"
MAX_NAMED = 3  # runs that are named
MAX_REASON = 60  # characters of a reason in the table of runs; it stands in full where the scores are missing


def tables(material: Material) -> list[Table]:
    """Settings, data, vectors, encoders and machines, as far as there are runs."""
    runs = list(material.runs.values())
    return [*_settings(runs), *_data(runs), *_vectors(runs), *_encoders(runs), *_machines(runs)]


def commands(material: Material) -> list[str]:
    """What was typed for each run, as its config.json has it."""
    return list(dict.fromkeys(run.described["command"] for run in material.runs.values()))


def counts(material: Material) -> str:
    """How many runs are where, in one sentence."""
    of_tables = _asked(material)
    states = [run.metrics is not None for run in material.runs.values()]
    absent = [name for name in of_tables if name not in material.runs]
    kept = sum(of_tables[name]["done"] for name in absent)
    parts = {
        "done": sum(states) + kept,
        "unfinished": len(states) - sum(states),
        "not run": len(absent) - kept,
    }
    said = [f"{count} {state}" for state, count in parts.items() if count]
    return f"{len({*of_tables, *material.runs})} runs: {', '.join(said)}."


def _asked(material: Material) -> dict[str, dict[str, Any]]:
    """What the tables say of their runs; where two speak of one, the one that knows it as done."""
    found: dict[str, dict[str, Any]] = {}
    for table in material.tables:
        for name, run in table.get("runs", {}).items():
            if not found.get(name, {}).get("done"):
                found[name] = run
    return found


def overview(material: Material) -> Table | None:
    """Every run: how it stands and what it scored; None where nothing was trained."""
    of_tables = _asked(material)
    rows: list[Sequence[str]] = [
        ["", "seed", "best epoch", "dev F1", "test F1", "minutes", "bilstm_crf", "state"]
    ]
    for name in dict.fromkeys([*of_tables, *material.runs]):
        run = material.runs.get(name)
        if run is not None:
            rows.append([name, *_outcome(run), run.state])
        else:
            why = (
                "done, its folder is not here" if of_tables[name]["done"] else of_tables[name].get("why", "")
            )
            state = why if len(why) <= MAX_REASON else f"{why[: MAX_REASON - 1]}…"
            rows.append([name, *[NOTHING] * 6, state])
    notes = ["Dev F1 is that of the saved model; of an unfinished run, the best so far."]
    if second_phases(material):
        notes.append("Test F1 is that of the model that dev chose, of the first phase where there are two.")
    return Table("Runs", rows, notes) if len(rows) > 1 else None


def second_phases(material: Material) -> Table | None:
    """What second phases were, and the test F1 of their models; None: there was none."""
    rows: list[Sequence[str]] = [["", "sentences", "batches", "epochs", "seconds", "test F1"]]
    for name, run in material.runs.items():
        second = run.second_phase
        if second:
            sizes = [f"{second[key]:,}" for key in ("sentences", "batches", "epochs")]
            report = second.get("test")
            f1 = percent(report and report["strict"]["micro"]["f1"])
            rows.append([name, *sizes, f"{second['seconds']:,.1f}", f1])
    return Table("Second phase, on train and dev", rows, [PHASES]) if len(rows) > 1 else None


def _outcome(run: Run) -> list[str]:
    metrics = run.metrics or {}
    reports = {split: metrics.get(split) for split in ("dev", "test")}
    f1 = {split: report and report["strict"]["micro"]["f1"] for split, report in reports.items()}
    best = run.best
    if run.metrics is None and best is not None:
        f1["dev"] = best["dev"]["f1"]
    epoch = metrics.get("best_epoch", best["epoch"] if best else None)
    return [
        run.seed,
        NOTHING if epoch is None else str(epoch),
        percent(f1["dev"]),
        percent(f1["test"]),
        minutes(run) or NOTHING,
        _program(run.described),
    ]


def _program(described: Mapping[str, Any]) -> str:
    """The version, with the commit where one is known."""
    commit = described.get("commit")
    return described["bilstm_crf"] + (f" ({commit})" if commit else "")


def minutes(run: Run) -> str | None:
    """Of training and scoring dev; None where it is not known."""
    seconds = (run.metrics or {}).get("seconds")
    return f"{sum(seconds.values()) / 60:.1f}" if seconds else None


def _settings(runs: Sequence[Run]) -> list[Table]:
    """What all runs share in one table, what tells them apart in another."""
    # The recipe with the rest; the files, which are lists, stand under the data.
    filled = {run.name: configuration(run.described) for run in runs}
    flat = {
        name: _flat(
            {
                f"{part}.{key}": v
                for part, each in config.items()
                if isinstance(each, dict)
                for key, v in each.items()
            }
        )
        for name, config in filled.items()
    }
    users: dict[str, dict[str, list[str]]] = {}  # runs by setting and value
    for setting in dict.fromkeys(setting for values in flat.values() for setting in values):
        users[setting] = defaultdict(list)
        for run, values in flat.items():
            users[setting][values.get(setting, NOTHING)].append(run)
    shared = [[setting, *by_value] for setting, by_value in users.items() if len(by_value) == 1]
    differ = [
        row for setting, by_value in users.items() if len(by_value) > 1 for row in _rows(setting, by_value)
    ]
    title = "Settings that all runs share" if differ else "Settings"
    tables = [Table(title, [["", "value"], *shared])] if shared else []
    head = ["", Names("value"), Names("runs")]
    return [*tables, Table("Settings that differ", [head, *differ])] if differ else tables


def _rows(setting: str, by_value: Mapping[str, Sequence[str]]) -> Iterator[Sequence[str]]:
    """One a value, with its runs; of the value that most have, where these are many, their number alone."""
    most = max(by_value.values(), key=len)
    for value, runs in by_value.items():
        many = runs is most and len(runs) > MAX_NAMED
        named = f"the other {len(runs)}" if many else ", ".join(runs)
        yield [setting, Names(value), Names(named)]


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Those that are one value each."""
    return {name: _value(value) for name, value in values.items() if not isinstance(value, list | dict)}


def _value(value: Any) -> str:
    return NOTHING if value is None else "yes" if value is True else "no" if value is False else str(value)


def _data(runs: Sequence[Run]) -> list[Table]:
    """Each file once, by its hash."""
    users: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs:
        for split, files in run.described["data"].items():
            for file in files:
                sentences = f"{file['sentences']:,}" if "sentences" in file else NOTHING
                users[split, file["path"], sentences, Code(file["sha256"])].append(run)
    rows = [
        [path, split, sentences, str(len(by)), digest]
        for (split, path, sentences, digest), by in sorted(users.items(), key=_key)
    ]
    return [Table("Data", [["", "split", "sentences", "runs", "SHA-256"], *rows])] if rows else []


def _key(item: tuple[tuple[str, ...], Any]) -> tuple[int, tuple[str, ...]]:
    """Train, dev, test, then the rest."""
    splits = ("train", "dev", "test")
    split = item[0][0]
    return (splits.index(split) if split in splits else len(splits), item[0])


def _vectors(runs: Sequence[Run]) -> list[Table]:
    users: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs:
        found = run.described["vectors"]
        if found is None:
            users["none: random", NOTHING, NOTHING, NOTHING, NOTHING].append(run)
        else:
            size = [f"{found[key]:,}" if key in found else NOTHING for key in ("words", "dim")]
            kind = str(found.get("format", NOTHING))
            users[found["file"], kind, size[0], size[1], Code(found["sha256"])].append(run)
    rows = [[*row[:-1], str(len(by)), row[-1]] for row, by in users.items()]
    return [Table("Vectors", [["", "format", "words", "dim", "runs", "SHA-256"], *rows])] if rows else []


def _encoders(runs: Sequence[Run]) -> list[Table]:
    users: dict[tuple[str, Code], list[Run]] = defaultdict(list)
    for run in runs:
        found = run.described.get("encoder")
        if found is not None:
            users[found["name"], Code(found["sha256"])].append(run)
    rows = [[name, str(len(by)), digest] for (name, digest), by in users.items()]
    return [Table("Encoders", [["", "runs", "SHA-256"], *rows])] if rows else []


def _machines(runs: Sequence[Run]) -> list[Table]:
    """One column for each set of versions and machine that runs were made with."""
    users: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for run in runs:
        environment = run.described["environment"]
        packages = environment.get("packages", {})
        described = {"bilstm_crf": run.described["bilstm_crf"], **packages, **environment}
        described.pop("packages", None)
        users[tuple(_flat(described).items())].append(run.name)
    if not users:
        return []
    columns = [dict(each) for each in users]
    heads = (
        [""]
        if len(columns) == 1
        else [f"{number}: {_count(by)}" for number, by in enumerate(users.values(), 1)]
    )
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(column.get(name, NOTHING) for column in columns)] for name in names]
    notes = [f"{number}: {', '.join(by)}" for number, by in enumerate(users.values(), 1) if len(columns) > 1]
    return [Table("Versions and machine", [["", *heads], *rows], notes)]


def _count(runs: Iterable[str]) -> str:
    number = len(list(runs))
    return f"{number} run{'s' * (number > 1)}"
