"""The lifecycle runs with the network cut off, contacting nothing and waiting for nothing."""

import json
import os
import shutil
import subprocess

import pytest
from running import Project

# Every Python process of the project writes down whom it asks for.
RECORDER = """
import os, sys

def record(event, arguments):
    if event == "socket.getaddrinfo":
        whom = arguments[0]
    elif event == "socket.connect":
        whom = arguments[1][0] if isinstance(arguments[1], tuple) else "a file"
    else:
        return
    with open(os.environ["ASKED"], "a") as book:
        book.write(f"{event} {whom!r} {sys.argv[:2]}\\n")

if "ASKED" in os.environ:
    sys.addaudithook(record)
"""
LOCAL = ("'127.0.0.1'", "'localhost'", "'::1'", "'0.0.0.0'", "None", "'a file'", "''")


def cut_off(command: list[str]) -> list[str]:
    """Return the command as it runs in a network of its own, where only loopback is up."""
    return ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def can_cut_off() -> bool:
    """Say whether this machine lets us make a network namespace."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run(cut_off(["true"]), capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_from_nothing_to_a_prediction_without_a_network(fresh: Project) -> None:
    if not can_cut_off():
        assert os.environ.get("CI") != "true", "CI has to be able to cut the network off"
        pytest.skip("needs root, unshare and ip to cut the network off")
    book = fresh.root.parent / "asked.txt"
    hook = fresh.root.parent / "recorder"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    # The Makefile sets PYTHONPATH for its commands; on make's own command line ours wins.
    command = cut_off([*fresh.command("lifecycle"), f"PYTHONPATH={hook}:src"])
    done = subprocess.run(
        command, cwd=fresh.root, env=fresh.variables({"ASKED": str(book)}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((fresh.root / "reports" / "lifecycle.json").read_text(encoding="utf-8"))
    assert report["prediction"]["answer"]["predictions"]
    asked = book.read_text(encoding="utf-8").splitlines()
    assert any("'127.0.0.1'" in line for line in asked), "the recorder saw nothing at all"
    elsewhere = [line for line in asked if not any(name in line for name in LOCAL)]
    assert elsewhere == []


@pytest.mark.slow
def test_the_recorder_would_see_a_call_home(fresh: Project) -> None:
    book, hook = fresh.root.parent / "asked.txt", fresh.root.parent / "recorder"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    fresh.python(
        "-c", "import socket\ntry: socket.getaddrinfo('telemetry.invalid', 443)\nexcept OSError: 0",
        PYTHONPATH=str(hook), ASKED=str(book),
    )  # fmt: skip
    assert "'telemetry.invalid'" in book.read_text(encoding="utf-8")
