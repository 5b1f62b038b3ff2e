"""A mistake in what was typed to deploy or to roll back is one line, and nothing is done."""

from __future__ import annotations

import pytest

from lifecycle import __main__ as commands


@pytest.mark.parametrize(("typed", "line"), [
    (["rollback", "--vers", "3"], "rollback: there is no option '--vers': did you mean --version? "
                                  "(python -m lifecycle rollback --help)"),
    (["deploy", "now"], "deploy: there is no argument 'now' (python -m lifecycle deploy --help)"),
    (["deploy", ""], "deploy: there is no argument '' (python -m lifecycle deploy --help)"),
    (["rollback", "--version", "x"], "rollback: argument --version: invalid int value: 'x' "
                                     "(python -m lifecycle rollback --help)"),
], ids=" ".join)  # fmt: skip
def test_a_mistake_is_one_line_with_the_nearest_name(
    typed: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(typed)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{line}\n")
