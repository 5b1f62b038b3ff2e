"""What an issue says of text that clients had a hand in, and where there is nothing to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.core.params import Params
from lifecycle.delivery import issue

HOSTILE = [
    "unknown field @everybody",
    "unknown field <img src=x>",
    "unknown field [here](https://example.org)",
    "unknown field ![](https://example.org/pixel.png)",
    "unknown field #1 and owner/repository#2",
    "unknown field `` ` ``` code",
    "`",
    "unknown field one\n\n## A heading\n- [ ] a task",
]


def shown(markdown: str) -> str:
    """Return the text of one code span: CommonMark 0.31, section 6.1."""
    fence = markdown[: len(markdown) - len(markdown.lstrip("`"))]
    assert markdown.endswith(fence)
    inside = markdown[len(fence) : -len(fence)]
    runs = {len(run) for run in inside.replace("`", " `").split() if set(run) == {"`"}}
    assert fence not in inside.strip("`") or len(fence) not in runs
    is_padded = inside[0] == inside[-1] == " " and inside.strip()
    return inside[1:-1] if is_padded else inside


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_clients_is_shown_as_it_is(text: str) -> None:
    markdown = issue.verbatim(text)
    assert "\n" not in markdown
    assert shown(markdown) == " ".join(text.split())
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()),
                  default=0)  # fmt: skip
    assert markdown.startswith("`" * (longest + 1))


def test_a_firing_monitor_is_told_without_markup(project: Path, params: Params) -> None:
    made = {
        "verdict": "firing", "reason": "invariant: <b>@you</b>", "environment": "staging",
        "version": 3, "judged_at": "2013-06-08", "sentences": ["see https://example.org"],
        "alerts": [{"kind": "invariant", "message": "unknown field [x](https://example.org)",
                    "see": "docs/operations.md#invariant"}],
    }  # fmt: skip
    (project / params.paths.monitor_report).write_text(json.dumps(made))
    _, text = issue.about_monitor(project)
    for said in ("invariant: <b>@you</b>", "unknown field [x](https://example.org)",
                 "see https://example.org"):  # fmt: skip
        assert f"`{said}`" in text


def test_a_trial_without_a_report_is_an_issue_too(tmp_path: Path) -> None:
    title, text = issue.about_upstream(tmp_path)
    assert title == "Newest versions break the project"
    assert "ended before it wrote its report" in text


def test_the_paragraph_about_an_alert_is_a_link_in_the_repository_that_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    see = "docs/operations.md#drift"
    monkeypatch.delenv("RUN_URL", raising=False)
    assert issue.paragraph(see) == f"`{see}`"
    monkeypatch.setenv("RUN_URL", "https://github.com/acme/flights/actions/runs/7")
    assert issue.paragraph(see) == f"[{see}](https://github.com/acme/flights/blob/HEAD/{see})"
