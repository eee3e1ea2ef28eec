"""Experiment files: the shipped ones say what the paper says, and a bad one is told where it is bad."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.statistics import paper
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.experiments.definition import Experiment, _check_can_score, read_experiment
from bilstm_crf.experiments.plan import RunnerOptions, build_results, corpora_of, find_tasks
from bilstm_crf.experiments.records import Evaluation
from bilstm_crf.experiments.results import ResultsFolder, read_results, write_results
from bilstm_crf.experiments.runs import Run
from bilstm_crf.labels import LABEL_SETS
from experiments.finished_runs import options_for
from runs import ROOT

SHIPPED = ROOT / "experiments"


def shipped(name: str) -> Experiment:
    return read_experiment(SHIPPED / f"{name}.toml")


def numbers(experiment: Experiment) -> dict[tuple[str, str], float | None]:
    return {(cell.row, cell.column): cell.paper for cell in experiment.cells}


# ---------------------------------------------------------------- the paper's tables


def test_table_5_is_the_papers() -> None:
    cells = shipped("table5").cells
    expected = [(row["embeddings"], row["dim"], row["f1"] / 100) for row in paper()["table5"]["rows"]]
    assert [(cell.config.words.embeddings, int(cell.row.split()[1]), cell.paper) for cell in cells] == [
        (name, dim, pytest.approx(f1)) for name, dim, f1 in expected
    ]
    assert {cell.evaluation.name for cell in cells} == {"nob-dev-full"}
    assert cells[0].config.words.dim == 100


def test_table_6_is_the_papers() -> None:
    printed = paper()["table6"]
    assert numbers(shipped("table6")) == {
        (row, column): pytest.approx(f1 / 100)
        for row, values in printed["rows"].items()
        for column, f1 in zip(printed["columns"], values, strict=True)
    }
    for cell in shipped("table6").cells:
        assert (cell.config.data.labels, cell.config.data.encoding) == (cell.row, cell.column.lower())
        assert cell.evaluation.name == f"nob-dev-{cell.row}"


def test_table_7_is_the_papers() -> None:
    printed = paper()["table7"]
    assert numbers(shipped("table7")) == {
        (row, column): pytest.approx(f1 / 100)
        for row, values in printed["rows"].items()
        for column, f1 in zip(printed["columns"], values, strict=True)
    }
    languages = {"BM": "nob", "NN": "nno", "BM+NN": "both"}
    for cell in shipped("table7").cells:
        split, standard = cell.column.split()
        assert cell.config == RunConfig().replace({"embeddings": "joint-sg600"})
        assert cell.corpus == languages[cell.row]
        assert cell.evaluation.split == {"dev": "dev", "heldout": "test"}[split]
        assert cell.evaluation.language == languages[standard]


def test_figure_2_is_the_iob_column_of_table_6() -> None:
    table = [cell.config for cell in shipped("table6").cells if cell.column == "IOB"]
    assert [cell.config for cell in shipped("figure2").cells] == table
    assert shipped("figure2").show == "confusion"


def test_what_several_tables_ask_for_is_one_run() -> None:
    tables = [shipped(name) for name in ("table5", "table6", "figure2")]
    found = find_tasks(tables, RunnerOptions(ResultsFolder(Path("nowhere")), corpora_of(tables)))
    names = [task.run.name for task in found if task.run.seed == 42]
    assert len(names) == len(set(names)) == 6 + 11  # sg600-full-iob stands in all three
    assert "nob-sg600-full-iob-seed42" in names
    seeds = [task.run.seed for task in found]
    assert seeds == sorted(seeds), "the first seed of every table comes before the second of any"


# ---------------------------------------------------------------- names


def name_of(values: dict[str, Any], seed: int = 42) -> str:
    config = RunConfig.of_preset(values.get("preset", "paper")).replace(values)
    return Run("nob", config, seed).name


def test_a_name_says_what_differs_from_the_preset_and_nothing_else() -> None:
    same: list[dict[str, Any]] = [{"epochs": 50}, {"optimizer.weight_decay": 1e-8}, {"threads": 2}, {}]
    assert {name_of(each) for each in same} == {"nob-none-full-iob-seed42"}
    assert name_of({"layers": 2, "epochs": 3}, 7) == "nob-none-full-iob-layers=2-epochs=3-seed7"
    assert name_of({"preset": "best", "retrain_on_dev": True}) == "nob-none-full-iob-best-retrain-seed42"
    assert name_of({"encoder": "o/big", "encoder.context": 2}) == "nob-none-full-iob-big-context=2-seed42"


def test_a_name_is_short_enough_for_a_file_system() -> None:
    values = {
        "words.dim": 123456789, "hidden": 123456788, "batch_size": 123456789, "epochs": 123456789,
        "learning_rate": 0.012345678901, "weight_decay": 1.2345678e-08, "dropout": 0.123456789,
        "recurrent_dropout": 0.123456789,
    }  # fmt: skip
    one, other = name_of(values), name_of(values | {"layers": 3})
    assert max(len(one), len(other)) < 200
    assert one != other


def test_a_label_set_of_ones_own_has_another_name_when_it_says_something_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    names = set()
    for types in ('PER = "PER"', 'PER = "O"', '# the same\nPER = "O"'):
        path.write_text(f"[types]\n{types}\n", "utf-8")
        names.add((name_of({"labels": str(path)}), Evaluation("nob", "dev", str(path)).name))
    assert len(names) == 2
    assert all(name.startswith("nob-none-mine-") for name, _ in names)


TABLE = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.sampled_from([*LABEL_SETS, "file"]),
        "encoding": st.sampled_from(["iob", "iobe", "iobs", "iobes"]),
        "embeddings": st.sampled_from(["none", "sg50", "sg600", "joint-sg600"]),
        "epochs": st.integers(1, 60),
        "layers": st.integers(1, 60),
        "batch_size": st.integers(1, 60),
    },
)


@given(TABLE, TABLE)
def test_runs_have_one_name_where_they_are_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = RunConfig().replace(one) == RunConfig().replace(other)
    assert same == (name_of(one) == name_of(other))


def test_one_folder_is_never_asked_for_two_configurations(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.bin").touch()
    rows = [f'[[row]]\nname = "{name}"\nembeddings = "{tmp_path}/{name}/v.bin"\n' for name in "ab"]
    experiment = read(tmp_path, 'title = "t"\n' + "\n".join(rows))
    with pytest.raises(UsageError, match=r"nob-v-full.*/a/v.bin"):
        find_tasks([experiment], options_for(tmp_path, experiment, {}))


# ---------------------------------------------------------------- what can be scored as what


@pytest.mark.parametrize("evaluation", LABEL_SETS)
@pytest.mark.parametrize("model", LABEL_SETS)
def test_a_model_is_scored_in_its_own_label_set_and_coarser_ones(model: str, evaluation: str) -> None:
    if model in (evaluation, "full") or (model, evaluation) == ("6", "4"):
        _check_can_score(model, evaluation)
    else:
        with pytest.raises(UsageError, match="cannot be scored"):
            _check_can_score(model, evaluation)


# ---------------------------------------------------------------- bad files

GOOD = """title = "mine"
seeds = [1]
[base]
embeddings = "sg50"
epochs = 3
[[column]]
name = "dev"
evaluate = { language = "nno", split = "dev", labels = "7" }
[[row]]
name = "one"
labels = "full"
paper = { dev = 90.5 }
[[row]]
name = "two"
encoding = "iobes"
"""


def read(folder: Path, text: str) -> Experiment:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return read_experiment(path)


def test_a_good_file_of_ones_own(tmp_path: Path) -> None:
    experiment = read(tmp_path, GOOD)
    assert experiment.name == "mine"
    assert [cell.paper for cell in experiment.cells] == [0.905, None]
    one, two = (cell.config for cell in experiment.cells)
    assert one == RunConfig().replace({"embeddings": "sg50", "epochs": 3})
    assert two.data.encoding == "iobes"
    assert experiment.cells[0].evaluation == Evaluation("nno", "dev", "7")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "mine"', "", "the file lacks title"),
        ('title = "mine"', 'titel = "mine"', "the file has no key titel. Did you mean title?"),
        ("seeds = [1]", "seeds = 1", "the file: seeds is 1"),
        ("seeds = [1]", "seeds = [1, 1]", "different whole numbers"),
        ("seeds = [1]", "seeds = [-1]", "different whole numbers"),
        ("seeds = [1]", f"seeds = [{2**63}]", "2**63 - 1"),
        ("seeds = [1]", 'show = "confusions"', "Did you mean confusion?"),
        ("seeds = [1]", 'statistics = "totals"', "the file has no key"),
        ("seeds = [1]", 'statistic = "totals"', "Did you mean statistics?"),
        ("[[column]]", "[column]", "the file has a table [column], expected [[column]]"),
        ('embeddings = "sg50"', 'embedings = "sg50"', "[base]: 'embedings' is not a setting. Did you mean"),
        ('embeddings = "sg50"', 'embeddings = "sg5O"', "[base]: embeddings is 'sg5O'"),
        ('embeddings = "sg50"', 'embeddings = "sg5O"', "Did you mean sg50?"),
        ('embeddings = "sg50"', 'embeddings = "/tmp"', "a folder"),
        ('embeddings = "sg50"', "embeddings = 2.5", "[base]: words.embeddings is 2.5, expected text"),
        ('embeddings = "sg50"', 'preset = "papier"', "Did you mean paper?"),
        ('embeddings = "sg50"', "seed = 3", "[base]: run.seed cannot be set here"),
        ('embeddings = "sg50"', 'train = "a.conllu"', "[base]: data.train cannot be set here"),
        ('embeddings = "sg50"', 'init_from = "model"', "network.init_from cannot be set here"),
        ('embeddings = "sg50"', "paper = { dev = 1 }", "[base] has no key paper"),
        ("epochs = 3", "epoch = 3", "[base]: 'epoch' is not a setting. Did you mean"),
        ("epochs = 3", "epochs = 2.5", "schedule.epochs is 2.5, expected a whole number"),
        ("epochs = 3", "hidden = 3", "lstm.hidden is 3, expected an even number"),
        ("epochs = 3", 'lstm = "hidden"', "lstm"),
        ('encoding = "iobes"', "encoder.layers = 3", '[[row]] "two", [[column]] "dev": encoder.layers=3'),
        ('split = "dev"', 'split = "heldout"', "evaluate in [[column]] \"dev\": split is 'heldout'"),
        ('split = "dev"', 'split = "train"', "split is 'train'"),
        ('language = "nno"', 'language = "non"', "language is 'non'"),
        ('labels = "7"', 'labels = "8"', "labels is '8'"),
        ('labels = "7"', "lables = 7", "Did you mean labels?"),
        (
            'labels = "full"',
            'labels = "6"',
            '[[row]] "one", [[column]] "dev": a model with the labels 6 cannot',
        ),
        ('labels = "full"', 'labels = "fulll"', "[[row]] \"one\": labels is 'fulll'"),
        ('labels = "full"', 'labels = "none.toml"', '[[row]] "one": none.toml: cannot be read'),
        ('labels = "7"', 'labels = "none.toml"', 'evaluate in [[column]] "dev": none.toml: cannot be read'),
        ('title = "mine"', 'title = "mi\\nne"', "the file has title = 'mi\\nne'"),
        ('name = "two"', 'name = "t\\u0007wo"', "[[row]] 2 has name = 't\\x07wo'"),
        ('name = "dev"', 'name = "d\\u2028ev"', "[[column]] 1 has name = 'd\\u2028ev'"),
        ('encoding = "iobes"', 'encoding = "iobed"', "[[row]] \"two\": data.encoding is 'iobed'"),
        ('name = "two"', 'name = "one"', '[[row]] 2 has name = "one"'),
        ('name = "two"', "", "[[row]] 2 lacks name"),
        ('name = "two"', "name = 2", "[[row]] 2 has name = 2, expected a text"),
        ("dev = 90.5", "test = 90.5", 'paper in [[row]] "one" has no key test.'),
        ("dev = 90.5", "dev = 0.905", 'paper in [[row]] "one" has dev = 0.905'),
        ("dev = 90.5", "dev = nan", "per cent"),
        ("dev = 90.5", 'dev = "90.5"', "per cent"),
        (
            'name = "dev"\n',
            'name = "dev"\nencoding = "iob"\n',
            '[[column]] "dev" and [[row]] "two" both have',
        ),
        ("[base]", "[bass]", "the file has no key bass. Did you mean base?"),
        ("[base]", "[base", "is not TOML: "),
        ("[base]", "[base", "mine.toml, line 3: is not TOML: "),
        ("[[row]]", "[[rows]]", "the file has no key rows. Did you mean row?"),
        (GOOD, 'title = "x"', "the file lacks [[row]]"),
        (GOOD, 'title = "x"\nrow = "one"', "the file lacks [[row]]"),
        (GOOD, 'title = "x"\nrow = ["one"]', "[[row]] 1 is 'one', expected a table"),
        (GOOD, 'title = "x"\nstatistics = "total"', "Did you mean totals?"),
        (GOOD, 'title = "x"\nstatistics = "totals"\nlanguage = "nn"', "Did you mean nno?"),
    ],
)
def test_a_bad_file_is_told_where_it_is_bad(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert re.search(r"mine\.toml(, line \d+)?: ", str(caught.value))


def test_the_largest_seed_is_one_that_results_take(tmp_path: Path) -> None:
    experiment = read(tmp_path, GOOD.replace("[1]", f"[{2**63 - 1}, 0]"))
    options = options_for(tmp_path, experiment, {})
    results = build_results(experiment, find_tasks([experiment], options), options)
    write_results(tmp_path / "mine.json", results)
    table = read_results(tmp_path / "mine.json").scores
    assert table is not None
    assert table.seeds == [2**63 - 1, 0]


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(InputError, match="is not TOML"):
        read_experiment(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_experiment(tmp_path)


def test_a_file_that_is_not_there_is_looked_for_by_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    for given_name in ("table5", "table5.toml", "runs/table5.toml"):
        with pytest.raises(UsageError, match=r"Did you mean experiments/table5\.toml\?"):
            read_experiment(given_name)
    with pytest.raises(UsageError, match=r"Did you mean table5\.toml\?"):
        read_experiment("experiments/tabel5.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no such file"):
        read_experiment("table5.toml")


def test_a_pattern_that_fits_nothing_is_told_what_there_is(tmp_path: Path) -> None:
    experiment = read(tmp_path, GOOD)
    options = options_for(tmp_path, experiment, {})
    with pytest.raises(UsageError, match=r"--only tow .* Did you mean two\?"):
        find_tasks([experiment], options, ["tow"])
    asked = [sum(task.asked for task in find_tasks([experiment], options, only)) for only in PATTERNS]
    assert asked == [1, 2, 2]


PATTERNS: list[list[str]] = [["T*"], ["*-iob-*", "two"], []]


# ---------------------------------------------------------------- any content at all

PARSED: dict[str, Any] = {
    "title": "mine",
    "seeds": [1],
    "show": "scores",
    "corpus": {"wiki": {"train": ["a", "norne:nob"], "dev": ["b"], "format": "jsonl", "weights": [1, 0.5]}},
    "base": {"embeddings": "none", "epochs": 3, "encoder": "none"},
    "column": [{"name": "dev", "evaluate": {"language": "nno", "split": "dev", "labels": "7"}}],
    "row": [{"name": "one", "labels": "full", "paper": {"dev": 90.5}}],
}
WORDS = (
    "wiki",
    "norne:nno",
    "title",
    "seeds",
    "base",
    "row",
    "name",
    "lstm",
    "evaluate",
    "epochs",
    "none",
    "full",
    "dev",
    "7",
)
VALUES = st.recursive(
    st.booleans() | st.integers(-2, 60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", *WORDS]) | st.text(alphabet="aå\n\\\"'=.", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@given(data=st.data())
def test_any_value_anywhere_is_understood_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = copy.deepcopy(PARSED)
    place: Any = content
    while True:
        key = data.draw(st.sampled_from([*place] if isinstance(place, dict) else [*range(len(place))]))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(VALUES)
    text = "\n".join(f"{name} = {toml(value)}" for name, value in content.items())
    folder = tmp_path_factory.getbasetemp()
    try:
        experiment = read(folder, text)
    except BilstmCrfError:
        return
    assert experiment.cells
    assert find_tasks([experiment], options_for(folder, experiment, {}))
