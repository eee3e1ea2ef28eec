"""The configuration: what is taken, what is refused, and the way through JSON, TOML and the command line."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.config import MAX_SEED, PRESETS, RunConfig, Stage
from bilstm_crf.errors import UsageError
from bilstm_crf.util import fields
from runs import set_options

SETTINGS = fields.settings_of(RunConfig)
WHOLE = [path for path, each in SETTINGS.items() if each.kind is int]
REAL = [path for path, each in SETTINGS.items() if each.kind is float and not each.several]
ENCODER = {"encoder": {"name": "owner/name"}}


def test_the_default_configuration_is_the_papers() -> None:
    """design: the paper's recipe; NCRF++'s defaults with the settings that the paper names."""
    assert RunConfig.of_preset("paper") == RunConfig()
    content = RunConfig().to_json()
    del content["data"], content["run"], content["preset"]
    assert content == {
        "words": {
            "embeddings": "none",
            "embeddings_dir": None,
            "dim": 100,
            "word_dropout": 0.0,
            "subwords": 0,
            "subword_dropout": 0.0,
            "min_count": 1,
            "robust": False,
        },
        "characters": {"dim": 30, "filters": 50, "width": 3},
        "lstm": {"hidden": 200, "layers": 1, "recurrent_dropout": 0.0},
        "network": {
            "features": "auto",
            "head": "bilstm-crf",
            "dropout": 0.5,
            "input_dropout": "token",
            "ensemble_size": 1,
            "init_from": None,
        },
        "document_memory": {"size": 0, "memory_free_loss_weight": 0.0},
        "encoder": None,
        "optimizer": {
            "method": "sgd",
            "learning_rate": 0.015,
            "embedding_lr_scale": 1.0,
            "weight_decay": 1e-8,
            "momentum": 0.0,
            "gradient_clip": 0.0,
            "averaging": 0.0,
        },
        "schedule": {
            "shape": "inverse",
            "epochs": 50,
            "batch_size": 10,
            "batches_per_epoch": 0,
            "learning_rate_decay": 0.05,
            "warmup_fraction": 0.0,
            "restarts": 1,
            "patience": 0,
        },
    }


def test_every_setting_has_a_default_within_its_bounds_and_a_help() -> None:
    for path, each in SETTINGS.items():
        assert each.info.help, path
        assert path == "encoder.name" or each.read(each.default) == each.default


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lstm.hidden", "lstm.hidden"),
        ("hidden", "lstm.hidden"),
        ("batch-size", "schedule.batch_size"),
        ("learning_rate", "optimizer.learning_rate"),  # an encoder's settings have their whole names
        ("encoder.learning_rate", "encoder.learning_rate"),
        ("curriculum", "encoder.curriculum"),
        ("optimizer", "optimizer.method"),
        ("document_memory", "document_memory.size"),
    ],
)
def test_a_setting_is_named_by_its_path_its_part_or_where_it_is_the_only_one(name: str, path: str) -> None:
    assert fields.full_path(RunConfig, name) == path


def test_the_short_name_of_a_setting_names_it_again() -> None:
    for path in SETTINGS:
        assert fields.full_path(RunConfig, fields.short_name(RunConfig, path)) == path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("learning_rat", r"'learning_rat' is not a setting\. Did you mean learning_rate\?"),
        ("lstm.hiden", r"Did you mean lstm\.hidden\?"),
        ("dim", r"words\.dim or characters\.dim"),
        ("", "not a setting"),
        ("lstm", "not a setting"),
    ],
)
def test_a_name_that_is_no_setting_is_answered_with_a_guess(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RunConfig().replace({name: 1})


def test_a_setting_given_twice_under_two_names_is_refused() -> None:
    with pytest.raises(UsageError, match=r"lstm\.hidden is given twice"):
        fields.read(RunConfig, {"hidden": 300, "lstm": {"hidden": 200}})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("data.weights", ("0",), "data.weights is '0'"),
        ("encoding", "bilou", "expected iob, iobe, iobs or iobes"),
        ("preset", "bset", "expected paper or best"),
        ("keep_misc", "maybe", "expected true or false"),
    ],
)
def test_a_wrong_value_is_shown_as_typed_with_the_choices(name: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fields.read(RunConfig, {name: value}, text=True)


def test_a_preset_that_is_not_known_is_answered_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r"Did you mean paper\?"):
        RunConfig.of_preset("papr")


# ---------------------------------------------------------------- values


def test_strings_of_the_command_line_are_read_as_the_type_of_the_setting() -> None:
    values = {
        "epochs": "20",
        "weight_decay": "1e-7",
        "dropout": "0",
        "keep_misc": "on",
        "data.weights": "1,2",
    }
    config = fields.replace(RunConfig(), values, text=True)
    assert (config.schedule.epochs, config.optimizer.weight_decay, config.network.dropout) == (20, 1e-7, 0.0)
    assert isinstance(config.network.dropout, float)
    assert (config.data.keep_misc, config.data.weights) == (True, (1.0, 2.0))
    assert fields.replace(config.replace(encoder="x"), {"encoder": "none"}, text=True) == config


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize(
    "value", ["", "ten", "20", 2.5, None, [1], {}, True, float("inf"), float("nan"), -(10**400)]
)
def test_what_is_no_whole_number_is_refused_by_name(path: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{path} is .*, expected a.* number"):
        RunConfig().replace({path: value})


@pytest.mark.parametrize("value", ["", "Adam", 1, None, True, ["adam"]])
def test_what_is_none_of_a_settings_words_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^optimizer\.method is .*, expected sgd or adam"):
        RunConfig().replace({"optimizer": value})


@pytest.mark.parametrize("path", REAL)
@pytest.mark.parametrize("value", ["", "0.5", None, [0.1], True, 10**400, -1, float("nan"), float("inf")])
def test_what_is_no_number_within_its_bounds_is_refused_by_name(path: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{path} is .* expected a number"):
        RunConfig().replace({path: value})


@pytest.mark.parametrize("value", ["", "ten", "1.5", "1e400", "nan", "-1", "0", "9" * 5000])
def test_so_is_the_text_of_such_a_number(value: str) -> None:
    with pytest.raises(UsageError, match=r"^schedule\.epochs is "):
        fields.replace(RunConfig(), {"epochs": value}, text=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lstm.layers", 0),
        ("schedule.patience", -1),
        ("words.subwords", -1),
        ("characters.width", 4),
        ("lstm.hidden", 101),
        ("network.dropout", 1),
        ("run.seed", -1),
        ("run.seed", MAX_SEED + 1),
        ("run.threads", 0),
        ("data.train", 1.0),
        ("data.train", None),
        ("data.keep_misc", 1),
        ("data.encoding", "bio"),
        ("data.weights", [0.5, "2"]),
        ("data.weights", [0]),
        ("encoder.context", "3s"),
        ("encoder.context", -1),
        ("encoder.context", "documents"),
        ("encoder.curriculum", "0:10,document:10"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_anything_is_read(path: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{path} is "):
        RunConfig().replace({path: value})


@pytest.mark.parametrize("given", [6, "6"])
def test_one_layer_of_an_encoder_is_named_by_its_number(given: Any) -> None:
    """TOML and the command line write it each in its way."""
    config = RunConfig().replace(ENCODER).replace({"encoder.layers": given})
    assert config.encoder is not None
    assert config.encoder.layers == "6"


@pytest.mark.parametrize(
    "value", ["", "lost4", "-1", "06", "6.0", "٦", "9" * 10, -1, 6.0, True, None, ["last"]]
)
def test_what_names_no_layer_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^encoder\.layers is "):
        RunConfig().replace(ENCODER).replace({"encoder.layers": value})


# ---------------------------------------------------------------- what cannot be together


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder.layers": "mix"}, "encoder.layers=mix, but there is no encoder"),
        ({"features": "char,encoder"}, "needs an encoder"),
        ({**ENCODER, "features": "static"}, "is not among features=static"),
        ({**ENCODER, "encoder.context": 2, "curriculum": "0:2"}, "both given"),
        ({**ENCODER, "encoder.context": "document", "curriculum": "0:2"}, "both given"),
        ({**ENCODER, "encoder.context": "document", "encoder.finetune": True}, "use --context 2"),
        ({"embeddings": "sg50", "features": "char"}, "sg50"),
        ({"embeddings": "sg50", "init_from": "run"}, "both given"),
        ({"document_memory": 100, "head": "crf"}, "BiLSTM"),
        ({"documents": "table.tsv"}, "--documents"),
        ({"train": "a"}, "--train without --dev"),
        ({"dev": "a"}, "without --train"),
        ({"train": "a", "dev": "b", "language": "nno"}, "NorNE's: expected one of them"),
        ({"train": "a", "dev": "b", "data": "norne"}, "NorNE's: expected one of them"),
        ({"train": "a", "dev": "b", "weights": [1, 2]}, "2 weights for 1 training files"),
        ({"train": ["a", "b"], "dev": "b", "train_labels": "7"}, "1 train labels for 2 training files"),
    ],
)
def test_settings_that_exclude_one_another_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RunConfig().replace(values)


def test_without_an_encoder_there_are_no_settings_of_one() -> None:
    config = RunConfig().replace(ENCODER).replace({"encoder.finetune": True})
    assert config.tunes_encoder
    for none in (
        {"encoder": None},
        {"encoder": "none"},
        {"encoder": {"name": "none"}},
        {"encoder.name": "none"},
    ):
        assert config.replace(none) == RunConfig()


def test_later_tables_win_and_an_absent_encoder_has_no_settings() -> None:
    one, other = {"encoder.name": "x", "encoder.finetune": True, "schedule.epochs": 3}, {"encoder": None}
    assert fields.merge(one, other) == {"schedule.epochs": 3, "encoder": None}
    assert fields.merge(other, one, {"schedule.epochs": 4}) == {**one, "schedule.epochs": 4}


# ---------------------------------------------------------------- reading and writing


encoders = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=5).filter(lambda name: name != "none")},
    optional={"finetune": st.booleans(), "layers": st.sampled_from(["mix", "3"]), "context": st.just("8w")},
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(list(PRESETS)),
        "data": st.fixed_dictionaries(
            {"train": st.lists(st.text(max_size=5), min_size=1, max_size=3), "dev": st.just(["b"])},
            optional={"format": st.sampled_from([None, "conllu"]), "keep_misc": st.booleans()},
        ),
        "embeddings": st.text(max_size=5),
        "encoder": st.none() | encoders,
        "epochs": st.integers(1, 10**6),
        "hidden": st.integers(1, 500).map(lambda half: 2 * half),
        "dropout": st.floats(0, 1, exclude_max=True),
        "optimizer.learning_rate": st.floats(0, 1e6),
        "run": st.fixed_dictionaries({"seed": st.integers(0, MAX_SEED)}),
    },
)


@given(tables)
def test_a_configuration_comes_back_as_it_was_written(table: dict[str, Any]) -> None:
    config = RunConfig.from_json(table)
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert RunConfig().replace(fields.changes(config, RunConfig())) == config
    changes = {"preset": config.preset, **fields.changes(config, RunConfig.of_preset(config.preset))}
    assert RunConfig.from_json(tomllib.loads(fields.to_toml(changes))) == config


@given(tables)
def test_so_does_one_that_was_written_as_options(table: dict[str, Any]) -> None:
    config = RunConfig.from_json(table).replace(
        {"data.train": ["a", "b"], "data.dev": "c", "embeddings": "x"}
    )
    if config.encoder is not None:
        config = config.replace({"encoder.name": "owner/name"})
    values = {}
    for option in set_options(fields.changes(config, RunConfig())):
        name, _, value = option.removeprefix("--set=").partition("=")
        values[name] = value
    assert fields.replace(RunConfig(), values, text=True) == config


def test_what_a_table_leaves_out_is_as_its_preset_has_it() -> None:
    assert RunConfig.from_json({}) == RunConfig()
    best = RunConfig.from_json({"preset": "best", "lstm": {"layers": 2}})
    assert best == RunConfig.of_preset("best").replace(layers=2)
    assert best.lstm.hidden == 600


def test_what_does_not_decide_a_result_does_not_tell_configurations_apart() -> None:
    same = RunConfig().replace(threads=4, device="cuda", output="x", embeddings_dir="y", preset="paper")
    assert same == RunConfig()
    assert hash(same) == hash(RunConfig())
    assert RunConfig().replace(seed=1) != RunConfig()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"sed": 1}, r"'sed' is not a setting\. Did you mean seed\?"),
        ({"lstm": []}, "'lstm' is not a setting"),
        ({"encoder": []}, "encoder.name is"),
        ({"preset": ["paper"]}, "preset"),
        ({"preset": "other"}, "preset is 'other', expected paper or best"),
        ({"schedule": {"epochs": 1e400}}, "schedule.epochs is inf"),
        ({"run": {"seed": "42"}}, "run.seed is '42'"),
    ],
)
def test_a_configuration_that_someone_edited_is_refused_with_the_setting(content: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RunConfig.from_json(content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
names = st.sampled_from([each.name for each in dataclasses.fields(RunConfig)] + list(SETTINGS))


@given(st.dictionaries(names, json_values, max_size=3))
def test_hostile_json_is_a_configuration_or_a_usage_error(content: dict[str, Any]) -> None:
    try:
        config = RunConfig.from_json(content)
    except UsageError:
        return
    assert RunConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("curriculum", ["2", "2:0", "-1:5", "2:5,", "a:5", "2:5:6", "2w", "٢:5"])
def test_what_is_no_curriculum_is_refused_with_an_example(curriculum: str) -> None:
    with pytest.raises(UsageError, match=r"curriculum is .*0:2000,2:1000"):
        RunConfig().replace(ENCODER).replace(curriculum=curriculum)


def test_a_curriculum_is_its_stages() -> None:
    config = RunConfig().replace(ENCODER).replace(curriculum="0:2000,64w:1000")
    assert config.stages == [Stage(0, "sentences", 2000), Stage(64, "words", 1000)]


@pytest.mark.parametrize("other", [ENCODER, {"network.features": "char"}], ids=["encoder", "char"])
def test_robust_reading_needs_words_that_the_network_alone_reads(other: dict[str, Any]) -> None:
    """An encoder reads the words of the file, one more than the network where a full stop is left out."""
    with pytest.raises(UsageError, match="robust"):
        RunConfig().replace({"words.robust": True, **other})
