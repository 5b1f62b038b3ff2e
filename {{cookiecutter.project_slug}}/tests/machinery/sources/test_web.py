"""A file from an address is whole, or refused; what opens the address is in no message."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sources.tables import settings_of

from lifecycle.contract.errors import StageError
from lifecycle.sources import detecting, fetching, web

CONTENT = b"id,at\n" + b"".join(b"%d,2013-01-01\n" % number for number in range(50_000))
CANARY = "canary-4711"


@dataclass
class Server:
    """What a server does to those who ask, and what it was asked."""

    content: bytes = CONTENT
    etag: str = '"first"'
    # After so many bytes each of these answers ends.
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    has_length: bool = True
    # What the file becomes after the first answer.
    then: bytes | None = None
    ranges: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            state.paths.append(self.path)
            state.ranges.append(self.headers.get("Range"))
            status = state.statuses.pop(0) if state.statuses else 200
            begin = 0
            if status == 200 and state.ranges[-1] and self.headers.get("If-Range") == state.etag:
                begin, status = int(state.ranges[-1].removeprefix("bytes=").removesuffix("-")), 206
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://example.org/a.csv")
            rest = state.content[begin:] if status in (200, 206) else b""
            self.send_header("ETag", state.etag)
            if state.has_length:
                self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: state.cuts.pop(0)] if state.cuts else rest)
            if state.then is not None:
                state.content, state.etag, state.then = state.then, '"second"', None

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    state.address = f"http://127.0.0.1:{running.server_port}"
    yield state
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PAUSE", 0)


def refusal(folder: Path, **given: Any) -> str:
    with pytest.raises(StageError) as refused:
        fetching.fetch(settings_of("csv", **given), folder, folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_file_is_fetched_and_its_checksum_kept(server: Server, tmp_path: Path) -> None:
    found = detecting.detect(f"{server.address}/in/rows.csv", tmp_path, tmp_path)
    assert (tmp_path / "rows.csv").read_bytes() == CONTENT
    assert found.model_dump(exclude_defaults=True) == {
        "kind": "csv",
        "path": f"{server.address}/in/rows.csv",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }


def test_what_is_cut_off_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 200_000]
    fetching.fetch(settings_of("csv", path=f"{server.address}/rows.csv"), tmp_path, tmp_path)
    assert (tmp_path / "rows.csv").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=300000-"]


def test_a_file_that_is_another_meanwhile_is_begun_anew(server: Server, tmp_path: Path) -> None:
    server.cuts, server.then = [100_000], CONTENT.replace(b"2013", b"2014")
    fetching.fetch(settings_of("csv", path=f"{server.address}/rows.csv"), tmp_path, tmp_path)
    assert (tmp_path / "rows.csv").read_bytes() == CONTENT.replace(b"2013", b"2014")


def test_what_is_always_cut_off_is_refused(server: Server, tmp_path: Path) -> None:
    server.cuts = [10] * 20
    said = refusal(tmp_path, path=f"{server.address}/rows.csv")
    assert f"{server.address}/rows.csv could not be fetched" in said
    assert "5 times: type the same again" in said


def test_a_file_whose_length_nobody_knows_is_refused(server: Server, tmp_path: Path) -> None:
    server.has_length = False
    said = refusal(tmp_path, path=f"{server.address}/rows.csv")
    assert "the server does not say how long it is: download it yourself" in said


def test_a_server_that_recovers_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 500]
    fetching.fetch(settings_of("csv", path=f"{server.address}/rows.csv"), tmp_path, tmp_path)
    assert (tmp_path / "rows.csv").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "said"), [(404, "is the address right?"), (403, "wants a credential"),
                         (302, "http://example.org/a.csv is not https")],
)  # fmt: skip
def test_a_refusal_is_said_and_not_repeated(
    server: Server, tmp_path: Path, status: int, said: str
) -> None:
    server.statuses = [status]
    assert said in refusal(tmp_path, path=f"{server.address}/rows.csv")
    assert server.paths == ["/rows.csv"]


def test_what_opens_an_address_is_in_no_message(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("ADDRESS", f"{server.address}/rows.csv?token={CANARY}")
    settings = settings_of("csv", variable="ADDRESS")
    fetching.fetch(settings, tmp_path, tmp_path)
    assert CANARY in server.paths[0]
    server.statuses = [404]
    assert CANARY not in refusal(tmp_path, variable="ADDRESS")
    server.cuts = [1] * 9
    assert CANARY not in refusal(tmp_path, variable="ADDRESS")
    assert CANARY not in settings.model_dump_json()
    assert CANARY not in caplog.text.replace("ADDRESS", "")


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert "the variable ADDRESS_OF_ROWS is not set" in refusal(
        tmp_path, variable="ADDRESS_OF_ROWS"
    )


def test_an_address_with_a_credential_is_not_written_down(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="holds a credential") as refused:
        detecting.detect(f"https://u:{CANARY}@127.0.0.1/a.csv", tmp_path, tmp_path)
    assert CANARY not in str(refused.value)


def test_others_could_read_or_change_what_is_not_https(tmp_path: Path) -> None:
    assert "http://example.org/a.csv is not https" in refusal(
        tmp_path, path="http://example.org/a.csv"
    )
