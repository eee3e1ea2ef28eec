"""What `import bilstm_crf` and `--help` show."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

import bilstm_crf
from bilstm_crf.commands.main import main


def test_the_tagger_is_listed_before_it_is_imported() -> None:
    assert {*bilstm_crf.__all__} <= {*dir(bilstm_crf)}


@pytest.mark.parametrize("command", sorted(main.list_commands(click.Context(main))))
def test_no_line_of_a_help_is_longer_than_100_columns(command: str) -> None:
    done = CliRunner(env={"COLUMNS": "100"}).invoke(main, [command, "--help"], terminal_width=100)
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if len(line) > 100] == []
