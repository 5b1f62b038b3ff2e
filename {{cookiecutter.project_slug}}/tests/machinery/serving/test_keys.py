"""Outside development every request but probes and metrics carries one of the keys."""

from __future__ import annotations

import hmac
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from serving.key_cases import RIGHT, WRONG
from starlette.testclient import TestClient
from waiting import wait_for

from lifecycle.contract.errors import StageError
from lifecycle.serving import keys as api_keys

KEYS = ["first-key-of-two", "second-key-of-two"]  # pragma: allowlist secret


@pytest.fixture(scope="module")
def guarded(
    application: Callable[[], Any], client: TestClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """The service as it runs in production (made after the other, whose metrics it replaces)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIFECYCLE_ENVIRONMENT", "production")
        patch.setenv("API_KEYS", ", ".join(KEYS))
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path_factory.mktemp("metrics")))
        with TestClient(application(), raise_server_exceptions=False) as running:
            yield running


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("header", ["X-API-Key: {}", "Authorization: Bearer {}",
                                    "authorization: bearer {}"])  # fmt: skip
def test_a_known_key_opens(
    guarded: TestClient, good: dict[str, Any], key: str, header: str
) -> None:
    name, _, value = header.partition(": ")
    answer = guarded.post("/v1/predict", json=good, headers={name: value.format(key)})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [
    {},
    {"X-API-Key": ""},
    {"X-API-Key": "wrong"},
    {"X-API-Key": KEYS[0][:-1]},
    {"X-API-Key": KEYS[0] + "x"},
    {"X-API-Key": ",".join(KEYS)},
    {"X-API-Key": KEYS[0].upper()},
    {"X-API-Key": "sch\u00e4l".encode("latin-1")},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": KEYS[0]},
    {"Authorization": f"Basic {KEYS[0]}"},
])  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/model", "/docs.json", "/"])
def test_no_other_key_opens(guarded: TestClient, headers: dict[str, Any], path: str) -> None:
    answer = guarded.post(path, json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not any(key in answer.text for key in KEYS)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_metrics_need_no_key(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def spy(given: bytes, key: bytes) -> bool:
        compared.append((given, key))
        return hmac.compare_digest(given, key)

    monkeypatch.setattr(api_keys, "hmac", type("Spied", (), {"compare_digest": staticmethod(spy)}))
    keys = [key.encode() for key in KEYS]
    # The first key matches: the others are compared all the same.
    assert api_keys.is_known(keys[0], keys)
    assert not api_keys.is_known(b"", keys)
    assert compared == [(given, key) for given in (keys[0], b"") for key in keys]


@pytest.mark.parametrize("variables", [
    {}, {"API_KEYS": ""}, {"API_KEYS": " , "}, {"LIFECYCLE_ENVIRONMENT": "production"},
    {"LIFECYCLE_ENVIRONMENT": "Development"},
])  # fmt: skip
def test_without_a_key_the_service_does_not_start(
    application: Callable[[], Any],
    guarded: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
) -> None:
    for name in ("API_KEYS", "LIFECYCLE_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with pytest.raises(StageError, match="API_KEYS"), TestClient(application()):
        pass


@pytest.mark.parametrize("key", RIGHT)
def test_what_may_be_a_key_may_be_one_everywhere(key: str, tmp_path: Path) -> None:
    place = tmp_path / "api_keys"
    place.write_text(f"first\r\n\n {key} \n", encoding="utf-8")
    assert api_keys.given_keys({"API_KEYS": f"first, {key} ,"}) == ["first", key]
    assert api_keys.keys_of(place) == ["first", key]
    assert api_keys.file_keys(place.read_bytes()) == [b"first", key.encode()]
    assert api_keys.own_key({"API_KEY": key}) == key
    assert api_keys.own_key({}) is api_keys.own_key({"API_KEY": ""}) is None


@pytest.mark.parametrize("key", WRONG)
def test_what_cannot_be_a_key_is_refused_everywhere_and_not_shown(key: str, tmp_path: Path) -> None:
    place = tmp_path / "api_keys"
    production = {"LIFECYCLE_ENVIRONMENT": "production"}
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("2 of 2 in API_KEYS", lambda: api_keys.given_keys({"API_KEYS": f"first,{key}"})),
        ("2 of 2 in API_KEYS", lambda: api_keys.Keys({**production, "API_KEYS": f"first,{key}"})),
        ("1 of 1 in API_KEY", lambda: api_keys.own_key({"API_KEY": key})),
    ]
    if "\n" not in key:
        place.write_text(f"first\n{key}\n", encoding="utf-8")
        content = place.read_bytes()
        asked += [
            (f"2 of 2 in {place}", lambda: api_keys.keys_of(place)),
            (
                f"2 of 2 in {place}",
                lambda: api_keys.Keys({**production, "API_KEYS_FILE": str(place)}),
            ),
        ]
        with pytest.raises(ValueError, match="cannot be one"):
            api_keys.file_keys(content)
    for source, ask in asked:
        with pytest.raises(StageError) as refused:
            ask()
        assert str(refused.value) == f"key {source} cannot be one: {api_keys.RULE}"


@pytest.mark.parametrize("what", ["missing", "a folder", "empty", "below a file"])
def test_a_file_that_cannot_be_read_opens_to_nobody_until_it_can(tmp_path: Path, what: str) -> None:
    place = tmp_path / "api_keys"
    if what == "a folder":
        place.mkdir()
    elif what == "empty":
        place.touch()
    elif what == "below a file":
        place.touch()
        place = place / "keys"
    variables = {"LIFECYCLE_ENVIRONMENT": "production", "API_KEYS_FILE": str(place)}
    assert api_keys.Keys(variables).current == []


def test_a_file_that_becomes_wrong_leaves_the_keys_as_they_are(tmp_path: Path) -> None:
    place = tmp_path / "api_keys"
    place.write_text("first\nsecond\n", encoding="utf-8")
    keys = api_keys.Keys({"LIFECYCLE_ENVIRONMENT": "production", "API_KEYS_FILE": str(place)})
    assert keys.current == [b"first", b"second"]
    place.write_text("third\ntwo words\n", encoding="utf-8")
    wait_for(lambda: keys._file is not None and time.monotonic() > keys._file._next)
    assert keys.current == [b"first", b"second"]
    place.write_text("third\n", encoding="utf-8")
    wait_for(lambda: keys.current == [b"third"])


def test_the_supervisor_says_so_in_one_line(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lifecycle.serving.service import build_service

    monkeypatch.delenv("API_KEYS", raising=False)
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "production")
    with pytest.raises(SystemExit, match=r"^serve: no API key is configured: set API_KEYS"):
        build_service(release).inner.check_keys()
    monkeypatch.setenv("API_KEYS", "first,two words")
    with pytest.raises(SystemExit, match=r"^serve: key 2 of 2 in API_KEYS cannot be one: "):
        build_service(release).inner.check_keys()


def test_hashes_in_the_log_need_a_key_of_their_own(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lifecycle.serving.service import build_service

    folder = tmp_path / "release"
    shutil.copytree(release, folder)
    schema = yaml.safe_load((folder / "schema.yaml").read_text())
    name = next(iter(schema["columns"].keys() - {"scheduled_departure"}))
    schema["columns"][name]["private"] = "hashed"
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "production")
    monkeypatch.setenv("API_KEYS", KEYS[0])
    monkeypatch.delenv("LOG_HASH_KEY", raising=False)
    with pytest.raises(StageError, match=rf"hashes of {name} .*: set LOG_HASH_KEY"):
        build_service(folder).to_asgi()
    with pytest.raises(SystemExit, match=r"^serve: .*LOG_HASH_KEY"):
        build_service(folder).inner.check_keys()
    monkeypatch.setenv("LOG_HASH_KEY", "secret")
    build_service(folder).inner.check_keys()
