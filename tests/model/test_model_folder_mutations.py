"""Whatever a model's folder holds, it loads and tags, or one line says what is wrong with it."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from bilstm_crf import Tagger
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.model.model_folder import settings_of_model, weights_of

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 3, 21, 1 << 31, 1 << 62, 10**400, 1.5, -0.5, 1e308, math.nan, math.inf,
    "", "x", "0", "\n", "\ud800", "\0", "../..", "/etc/passwd", "O", "B-PER", "iobes", "a" * 9_999,
    [], [1], ["O"], ["O", "B-A\nB", "I-A\nB"], {}, {"a": 1}, [[[[[]]]]],
]  # fmt: skip
TYPES = [torch.float16, torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
NUMBERS = [math.nan, math.inf, -6e4, 0.0, 10.0]
Tensors = dict[str, Tensor]


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, down to its leaves."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(each for key, one in inner for each in places(one, (*place, key)))]


def mutate_description(description: dict[str, Any], chance: random.Random) -> None:
    *path, last = chance.choice(
        [place for place in places(description) if place and place[0] != "provenance"]
    )
    inner: Any = description
    for key in path:
        inner = inner[key]
    if chance.random() < 0.8:
        inner[last] = copy.deepcopy(chance.choice(VALUES))
    elif isinstance(inner, dict):
        inner[chance.choice(["x", last])] = inner.pop(last)
    else:
        inner.append(copy.deepcopy(chance.choice(VALUES)))


def mutate_tensors(tensors: Tensors, chance: random.Random) -> None:
    name = chance.choice(list(tensors))
    tensor = tensors[name].clone()
    other = chance.choice(
        ["x", "é\n", "mix.weights", "members.1.to_labels.bias", "members.0.memory.inner.bias"]
    )
    changes = [
        {name: tensor.to(chance.choice(TYPES))},
        {name: tensor.flatten()},
        {name: tensor.unsqueeze(0)},
        {name: tensor[:-1].clone()},
        {name: torch.cat([tensor, tensor])},
        {name: torch.zeros(0, dtype=tensor.dtype)},
        {name: torch.zeros((), dtype=tensor.dtype)},
        {name: tensors[chance.choice(list(tensors))].clone()},
        {other: tensor},
    ]
    if chance.random() < 0.2:
        del tensors[name]
    elif chance.random() < 0.3:
        with contextlib.suppress(RuntimeError):  # no NaN among whole numbers
            tensor.view(-1)[chance.randrange(tensor.numel())] = chance.choice(NUMBERS)
        tensors[name] = tensor
    else:
        tensors.update(chance.choice(changes))


def mutated(content: bytes, chance: random.Random) -> bytes:
    """With some bytes changed, cut off, or as they are."""
    if chance.random() < 0.1:
        changed = bytearray(content)
        for place in (chance.randrange(8), chance.randrange(len(changed)), chance.randrange(2_000)):
            if chance.random() < 0.5:
                changed[place % len(changed)] = chance.randrange(256)
        content = bytes(changed)
    return content[: chance.randrange(len(content))] if chance.random() < 0.03 else content


def check(folder: Path) -> bool:
    """Whether the folder is a model after all."""
    for look in (settings_of_model, weights_of):
        with contextlib.suppress(ModelFolderError):
            look(folder)
    try:
        tagger = Tagger.load(folder)
    except ModelFolderError as error:
        said = str(error)
        assert said.startswith(str(folder))
        assert said.isprintable()
        assert len(said) < len(str(folder)) + 300
        return False
    tagger.tag_tokens(["Kari", "Nordmann", "bur", "i", "Oslo", "TV2"])
    return True


@pytest.mark.parametrize(
    ("first", "count"), [(0, 60), pytest.param(1_000, 3_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_a_changed_folder_loads_or_is_refused_in_one_line(
    tiny_model: Path, tmp_path: Path, first: int, count: int
) -> None:
    described = json.loads((tiny_model / "model.json").read_text("utf-8"))
    weights = tiny_model / described["weights"]
    tensors, content = load_file(weights), weights.read_bytes()
    loaded = 0
    for seed in range(first, first + count):
        chance = random.Random(seed)
        description = copy.deepcopy(described)
        bytes_ = content
        if chance.random() < 0.6:
            changed = dict(tensors)
            mutate_tensors(changed, chance)
            bytes_ = save(changed)
        if chance.random() < 0.6:
            mutate_description(description, chance)
        bytes_ = mutated(bytes_, chance)
        if description.get("sha256") == described["sha256"]:  # signed again, as someone with a purpose could
            description["sha256"] = hashlib.sha256(bytes_).hexdigest()
        (tmp_path / weights.name).write_bytes(bytes_)
        (tmp_path / "model.json").write_bytes(mutated(json.dumps(description).encode(), chance))
        loaded += check(tmp_path)
    assert 0 < loaded < count
