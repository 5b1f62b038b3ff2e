"""A worker finds out by itself who is who, and which keys open: without a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from lifecycle.contract.errors import StageError
from lifecycle.contract.watched import Watched
from lifecycle.serving import keys, routing
from lifecycle.serving.routing import Router

SHADOW = {"name": "2-new", "socket": "/nowhere.sock", "share": 0.5}


def write(path: Path, content: str) -> None:
    """Put a file in the place of another, as `deploy` does."""
    new = path.with_name("new")
    new.write_text(content)
    new.replace(path)


@pytest.fixture(autouse=True, scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Look at the files each time."""
    with pytest.MonkeyPatch.context() as found:
        found.setattr(routing, "LOOK_SECONDS", 0)
        found.setattr(keys, "LOOK_SECONDS", 0)
        yield found


def test_a_file_is_looked_at_no_more_often_than_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")
    often, seldom = (Watched(path, seconds, int, 0) for seconds in (0, 60))
    assert often.value == seldom.value == 1
    write(path, "2")
    assert often.value == 2 and seldom.value == 1


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    reads: list[bytes] = []
    path.write_bytes(b"1")
    watched = Watched(path, 0, reads.append, None)
    for _ in range(3):
        assert watched.value is None
    assert len(reads) == 1
    # Of the same size and time, but another file.
    found = path.stat()
    write(path, "2")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert watched.value is None and reads == [b"1", b"2"]


def test_a_broken_file_leaves_what_was_and_a_missing_one_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    watched = Watched(path, 0, int, -1)
    assert watched.value == -1
    for content, value in [("1", 1), ("no number", 1), ("2", 2)]:
        write(path, content)
        assert watched.value == value
    path.unlink()
    assert watched.value == -1


@pytest.mark.parametrize(("name", "asked", "variant"), [
    ("1-old", "", "live"), ("2-new", "", "canary"), ("3-other", "", "live"), ("", "", "live"),
    ("1-old", "probe", "probe"), ("2-new", "shadow", "shadow"), ("2-new", "probe", "probe"),
    ("1-old", "canary", "live"), ("2-new", "live", "canary"), ("1-old", "<script>", "live"),
])  # fmt: skip
def test_the_variant(tmp_path: Path, name: str, asked: str, variant: str) -> None:
    path = tmp_path / "routing.json"
    path.write_text(json.dumps({"live": "1-old", "canary": "2-new", "shadow": None}))
    router = Router({"ROUTING_FILE": str(path), "WORKER_NAME": name})
    assert router.variant(asked) == variant


def test_without_a_file_all_is_live() -> None:
    router = Router({})
    assert router.variant("") == "live" and router.shadow() is None


def test_only_the_live_worker_sends_copies(tmp_path: Path) -> None:
    path = tmp_path / "routing.json"
    workers = {
        name: Router({"ROUTING_FILE": str(path), "WORKER_NAME": name})
        for name in ("1-old", "2-new", "")
    }
    assert not any(worker.shadow() for worker in workers.values())
    write(path, json.dumps({"live": "1-old", "canary": None, "shadow": SHADOW, "of later": 1}))
    sending = [name for name, worker in workers.items() if worker.shadow()]
    assert sending == ["1-old"]
    found = workers["1-old"].shadow()
    assert found is not None and found.model_dump() == SHADOW
    write(path, "{")
    assert workers["1-old"].shadow() == found
    write(path, json.dumps({"live": "2-new", "canary": None, "shadow": None}))
    assert not any(worker.shadow() for worker in workers.values())


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "api_keys"


@pytest.fixture(scope="module")
def guarded(
    application: Callable[[], Any],
    client: TestClient,
    key_file: Path,
    patch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    """The service in staging, with a file of keys (made after the one without keys)."""
    patch.setenv("LIFECYCLE_ENVIRONMENT", "staging")
    patch.setenv("API_KEYS_FILE", str(key_file))
    patch.setenv("API_KEYS", "of-the-environment")
    patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(key_file.parent))
    with TestClient(application()) as running:
        yield running


def opens(client: TestClient, *given: str) -> list[str]:
    """Return those of the keys that open."""
    statuses = {
        key: client.get("/v1/model", headers={"X-API-Key": key}).status_code for key in given
    }
    assert set(statuses.values()) <= {200, 401}
    return [key for key, status in statuses.items() if status == 200]


def test_keys_are_exchanged_without_a_restart(guarded: TestClient, key_file: Path) -> None:
    every = ["first", "second", "third", "of-the-environment"]
    assert not opens(guarded, *every)
    write(key_file, "first")
    assert opens(guarded, *every) == ["first"]
    write(key_file, "first\n\n  second  \n")
    assert opens(guarded, *every) == ["first", "second"]
    write(key_file, "third")
    assert opens(guarded, *every) == ["third"]


@pytest.mark.parametrize("content", ["", "\n \n", None])
def test_a_file_without_keys_opens_to_nobody(
    guarded: TestClient, key_file: Path, content: str | None
) -> None:
    write(key_file, "first")
    if content is None:
        key_file.unlink()
    else:
        write(key_file, content)
    assert not opens(guarded, "", " ", "first", "of-the-environment")
    assert guarded.get("/v1/model").status_code == 401
    write(key_file, "first")
    assert opens(guarded, "first") == ["first"]


def test_keys_of_any_bytes_are_compared() -> None:
    found = keys.file_keys(b"first\r\nsecond\n")
    assert keys.is_known(b"first", found) and keys.is_known(b"second", found)
    for given in (b"\xff\xfe", "sch\u00e4l".encode(), b"", b"firs", b"first ", b"first\r"):
        assert not keys.is_known(given, found)
    with pytest.raises(ValueError, match="key 2 of 2"):
        keys.file_keys(b"first\r\nsch\xc3\xa4l\n")


def test_in_development_the_file_is_not_asked(key_file: Path) -> None:
    environment = {"LIFECYCLE_ENVIRONMENT": "development", "API_KEYS_FILE": str(key_file)}
    assert keys.Keys(environment).current is None


def test_without_keys_and_without_a_file_there_is_no_start() -> None:
    with pytest.raises(StageError, match="API_KEYS_FILE"):
        keys.Keys({"LIFECYCLE_ENVIRONMENT": "staging", "API_KEYS_FILE": ""})
