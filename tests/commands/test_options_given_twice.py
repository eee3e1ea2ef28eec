"""An option that takes one value is refused when it is given twice, whatever the command."""

from collections.abc import Callable, Iterator

import click
import pytest

from bilstm_crf.commands.main import COMMANDS, main
from done import Done


def commands() -> Iterator[tuple[list[str], click.Command]]:
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from (([name, part], each) for part, each in command.commands.items())
        else:
            yield [name], command


OPTIONS = [
    (path, option)
    for path, command in commands()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag and not option.multiple
]


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=[" ".join([*path, option.opts[-1]]) for path, option in OPTIONS]
)
def test_an_option_given_twice_is_refused(
    path: list[str], option: click.Option, cli: Callable[..., Done]
) -> None:
    done = cli(*path, option.opts[0], "1", option.opts[-1], "1")
    assert (done.status, done.out) == (2, b"")
    assert f"{option.opts[0]} is given 2 times" in done.err


def test_a_repeatable_option_is_taken_as_often_as_it_is_given(cli: Callable[..., Done]) -> None:
    assert "takes one value" not in cli("errors", "--train", __file__, "--train", __file__).err


def test_a_flag_given_twice_says_nothing_new(cli: Callable[..., Done]) -> None:
    assert "takes one value" not in cli("evaluate", "--json", "--json").err


def test_what_stands_behind_two_hyphens_is_no_option(cli: Callable[..., Done]) -> None:
    assert "takes one value" not in cli("evaluate", "--model", "a", "--", "--model").err
