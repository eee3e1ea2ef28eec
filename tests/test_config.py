"""Recipes and run configurations: what is taken, what is refused, and the way through JSON."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.config import MAX_SEED, PRESETS, Recipe, RunConfig
from bilstm_crf.errors import UsageError

WHOLE = ["word_dim", "character_dim", "character_filters", "character_width", "hidden", "layers"]
WHOLE += ["batch_size", "epochs", "patience", "subwords"]
REAL = ["dropout", "learning_rate", "learning_rate_decay", "l2", "gradient_clip", "word_rate", "untuned"]
MINIMAL = {"train": ["a"], "dev": ["b"]}


def test_the_default_recipe_is_the_papers() -> None:
    """design: the paper's recipe; NCRF++'s defaults with the settings that the paper names."""
    assert Recipe.preset("paper") == Recipe()
    assert dataclasses.asdict(Recipe()) == {
        "features": "auto",
        "head": "bilstm-crf",
        "digits": "zero",
        "word_dim": 100,
        "character_dim": 30,
        "character_filters": 50,
        "character_width": 3,
        "hidden": 200,
        "layers": 1,
        "members": 1,
        "dropout": 0.5,
        "input_dropout": "token",
        "recurrent_dropout": 0.0,
        "document_memory": 0,
        "memory_alone": 0.0,
        "batch_size": 10,
        "epochs": 50,
        "epoch_batches": 0,
        "optimiser": "sgd",
        "momentum": 0.0,
        "learning_rate": 0.015,
        "schedule": "inverse",
        "learning_rate_decay": 0.05,
        "warm_up": 0.0,
        "restarts": 1,
        "accumulate": 1,
        "gradient_clip": 0.0,
        "l2": 1e-8,
        "word_rate": 1.0,
        "untuned": 0.0,
        "subwords": 0,
        "composed": 0.0,
        "bert_layers": "last4",
        "bert_pooling": "first",
        "bert_context": 0,
        "bert_context_unit": "sentences",
        "curriculum": "",
        "bert_weights": "frozen",
        "bert_learning_rate": 2e-5,
        "bert_weight_decay": 0.01,
        "bert_precision": "float32",
        "bert_checkpointing": "off",
        "patience": 0,
    }


def test_strings_are_read_as_the_fields_type() -> None:
    recipe = Recipe().replace({"epochs": "20", "l2": "1e-7", "dropout": "0", "hidden": 100})
    assert (recipe.epochs, recipe.l2, recipe.dropout, recipe.hidden) == (20, 1e-7, 0.0, 100)
    assert isinstance(recipe.dropout, float)
    assert recipe.replace({}) == recipe


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "value", ["", "ten", "1.5", 2.5, None, [1], {}, True, "1e400", float("inf"), float("nan")]
)
def test_what_is_no_whole_number_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{name} is .* expected a whole number$"):
        Recipe().replace({name: value})


@pytest.mark.parametrize("value", ["", "Adam", 1, None, True, ["adam"]])
def test_what_is_none_of_a_settings_words_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^optimiser is .*, expected sgd or adam$"):
        Recipe().replace({"optimiser": value})


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", ["", "ten", "0,5", None, [0.1], True, 10**400])
def test_what_is_no_number_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{name} is .* expected a number$"):
        Recipe().replace({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in WHOLE if name not in ("patience", "subwords") for value in (0, -1)),
        ("patience", -1),
        ("subwords", -1),
        ("character_width", 4),
        ("hidden", 101),
        ("dropout", 1),
        ("dropout", -0.1),
        *((name, value) for name in REAL for value in ("-1", "nan", "inf", "1e400")),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_read(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{name} is "):
        Recipe().replace({name: value})


def test_a_setting_that_is_not_known_is_answered_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r"learning_rat is not .* Did you mean learning_rate\?") as caught:
        Recipe().replace({"learning_rat": 1})
    assert "batch_size" in (caught.value.hint or "")


def test_a_preset_that_is_not_known_is_answered_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r"Did you mean paper\? There is: paper"):
        Recipe.preset("papr")


recipes = st.builds(
    lambda **settings: Recipe().replace(settings),
    epochs=st.integers(1, 10**6),
    hidden=st.integers(1, 500).map(lambda half: 2 * half),
    dropout=st.floats(0, 1, exclude_max=True),
    learning_rate=st.floats(0, 1e6),
    l2=st.floats(0, 1),
)
configurations = st.builds(
    RunConfig,
    train=st.lists(st.text(max_size=5), min_size=1, max_size=3),
    dev=st.lists(st.text(max_size=5), min_size=1, max_size=3),
    test=st.lists(st.text(max_size=5), max_size=3),
    format=st.sampled_from([None, "conllu"]),
    key=st.text(max_size=5),
    label_set=st.text(max_size=5),
    keep_misc=st.booleans(),
    encoding=st.sampled_from(["iob", "iobes"]),
    embeddings=st.text(max_size=5),
    embeddings_dir=st.none() | st.text(max_size=5),
    preset=st.sampled_from(list(PRESETS)),
    recipe=recipes,
    seed=st.integers(0, MAX_SEED),
    threads=st.integers(1, 64),
)


@given(configurations)
def test_a_configuration_comes_back_from_json_as_it_was(config: RunConfig) -> None:
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_what_a_configuration_leaves_out_has_its_default() -> None:
    assert RunConfig.from_json(MINIMAL) == RunConfig(train=["a"], dev=["b"])
    assert RunConfig.from_json({**MINIMAL, "preset": "best"}).recipe == Recipe.preset("best")
    older = RunConfig.from_json({**MINIMAL, "preset": "best", "recipe": {"hidden": 600}}).recipe
    assert older == Recipe(hidden=600), "what it did not know, it did not do"
    config = RunConfig.from_json({**MINIMAL, "recipe": {"epochs": 3}})
    assert config.recipe == Recipe(epochs=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "lacks the field train"),
        ({"train": ["a"]}, "lacks the field dev"),
        ({**MINIMAL, "sed": 1}, r"has no field sed\. Did you mean seed\?"),
        ({**MINIMAL, "train": "a"}, "train is 'a'"),
        ({**MINIMAL, "train": [1]}, r"train is \[1\]"),
        ({**MINIMAL, "dev": None}, "dev is None"),
        ({**MINIMAL, "train": []}, "train names no file"),
        ({**MINIMAL, "dev": []}, "dev names no file"),
        ({**MINIMAL, "seed": -1}, "seed is -1"),
        ({**MINIMAL, "seed": MAX_SEED + 1}, "seed is 9223372036854775808, expected 0 to"),
        ({**MINIMAL, "threads": 0}, "threads is 0"),
        ({**MINIMAL, "encoding": "bio"}, "encoding is 'bio', expected .*'iobes'"),
        ({**MINIMAL, "encoding": ["iob"]}, "encoding is "),
        ({**MINIMAL, "seed": "42"}, "seed is '42'"),
        ({**MINIMAL, "seed": True}, "seed is True"),
        ({**MINIMAL, "seed": 1.0}, "seed is 1.0"),
        ({**MINIMAL, "format": 1}, "format is 1"),
        ({**MINIMAL, "keep_misc": 1}, "keep_misc is 1"),
        ({**MINIMAL, "keep_misc": None}, "keep_misc is None"),
        ({**MINIMAL, "preset": ["paper"]}, "preset is"),
        ({**MINIMAL, "preset": "other"}, "--preset other is not known"),
        ({**MINIMAL, "recipe": []}, "recipe is"),
        ({**MINIMAL, "recipe": None}, "recipe is None"),
        ({**MINIMAL, "recipe": {"epoch": 1}}, "epoch is not a setting"),
        ({**MINIMAL, "recipe": {"epochs": None}}, "epochs is None"),
        ({**MINIMAL, "recipe": {"epochs": 0}}, "epochs is 0"),
        ({**MINIMAL, "recipe": {"hidden": 1e400}}, "hidden is inf"),
    ],
)
def test_a_configuration_that_someone_edited_is_refused_with_the_field(content: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RunConfig.from_json(content)


@pytest.mark.parametrize("given", [6, "6"])
def test_one_layer_of_an_encoder_is_named_by_its_number(given: Any) -> None:
    """TOML and the command line write it each in its way."""
    assert Recipe().replace({"bert_layers": given}) == Recipe(bert_layers="6")


@pytest.mark.parametrize(
    "value", ["", "lost4", "-1", "06", "6.0", "٦", "9" * 10, -1, 6.0, True, None, ["last"]]
)
def test_what_names_no_layer_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^bert_layers is "):
        Recipe().replace({"bert_layers": value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
fields = st.sampled_from([each.name for each in dataclasses.fields(RunConfig)])
settings = st.dictionaries(st.sampled_from([*WHOLE, *REAL]), json_values, max_size=3)


@given(st.dictionaries(fields, json_values, max_size=3), settings)
def test_hostile_json_is_a_configuration_or_a_usage_error(content: dict[str, Any], recipe: Any) -> None:
    for given_content in (content, {**MINIMAL, **content, "recipe": recipe}):
        try:
            config = RunConfig.from_json(given_content)
        except UsageError:
            continue
        assert RunConfig.from_json(config.to_json()) == config
