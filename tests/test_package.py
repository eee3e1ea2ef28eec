"""What `import bilstm_crf` and `--help` show."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

import bilstm_crf
from bilstm_crf.commands.main import main


def test_the_tagger_is_listed_before_it_is_imported() -> None:
    assert {*bilstm_crf.__all__} <= {*dir(bilstm_crf)}


def commands_below(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command and group."""
    yield names
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, *names, name)
        else:
            yield (*names, name)


@pytest.mark.parametrize("names", list(commands_below(main)), ids=" ".join)
def test_a_help_fits_in_80_columns(names: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*names, "--help"], terminal_width=80)
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if len(line) > 80] == []
