"""A file from https://: whole, or refused; what is cut off is gone on with where it ended.

Credentials come from ~/.netrc, or stand in an address that a variable of the environment holds.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import httpx

from lifecycle.contract.errors import StageError
from lifecycle.sources import address
from lifecycle.sources.files import ENDINGS, kind_by_name

TRIES = 5
SECONDS, PAUSE = 30.0, 0.5
# How a server may have packed what it sends; a file says itself that it is gzip.
TAKEN = ("", "identity", "gzip")


@dataclass
class Received:
    """How much there is of a file, of how much, and by what the server knows which file it is."""

    count: int = 0
    whole: int | None = None
    version: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What asks for the rest, of this very file."""
        if not (self.count and self.version):
            return {}
        return {"Range": f"bytes={self.count}-", "If-Range": self.version}


def fetch(place: str, folder: Path, kind: str) -> None:
    """Download a file into a folder.

    Raises:
        StageError: the server refuses, does not answer, or ends too early again and again.
    """
    # It would write down whole addresses.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    target, received = folder / _name(place, kind), Received()
    said = ""
    with _client() as client:
        for attempt in range(TRIES):
            time.sleep(min(attempt, 3) * PAUSE)
            try:
                _receive(client, place, target, received)
            except httpx.TransportError as error:
                said = type(error).__name__
                continue
            if received.whole is None or received.count == received.whole:
                return
            said = f"cut off after {received.count} of {received.whole} bytes"
    raise StageError(f"{address.shown(place)} could not be fetched: {said}, {TRIES} times",
                     "type the same again")  # fmt: skip


def _client() -> httpx.Client:
    netrc = Path.home() / ".netrc"
    auth = httpx.NetRCAuth(str(netrc)) if netrc.is_file() else None
    headers = {"Accept-Encoding": "identity"}
    return httpx.Client(
        auth=auth, headers=headers, timeout=SECONDS, follow_redirects=True,
        event_hooks={"request": [_require_private]},
    )  # fmt: skip


def _receive(client: httpx.Client, place: str, target: Path, received: Received) -> None:
    try:
        with client.stream("GET", place, headers=received.headers) as answer:
            if answer.status_code >= 500:
                raise httpx.ReadError(f"status {answer.status_code}")
            if answer.status_code not in (200, 206):
                raise StageError(f"{address.shown(place)} is refused: {_meaning(answer)}")
            if answer.headers.get("Content-Encoding", "") not in TAKEN:
                raise StageError(f"{address.shown(place)} comes packed in a way that is not read")
            is_rest = answer.status_code == 206
            if not is_rest:
                _begin(answer, received)
            with target.open("ab" if is_rest else "wb") as handle:
                for block in answer.iter_raw():
                    received.count += handle.write(block)
    except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.UnsupportedProtocol):
        raise StageError(f"{address.shown(place)} leads nowhere") from None


def _begin(answer: httpx.Response, received: Received) -> None:
    """Begin a file anew."""
    length = answer.headers.get("Content-Length")
    if length is None and answer.headers.get("Transfer-Encoding") != "chunked":
        said = f"{address.shown(str(answer.url))}: the server does not say how long it is"
        raise StageError(said, "download it yourself, and name the file")
    etag = answer.headers.get("ETag", "")
    # A weak one is of all files that mean the same, and may differ in bytes.
    is_strong = etag and not etag.startswith("W/")
    received.version = etag if is_strong else answer.headers.get("Last-Modified", "")
    received.count = 0
    received.whole = None if length is None else int(length)


def _meaning(answer: httpx.Response) -> str:
    status = f"the server answers {answer.status_code}"
    if answer.status_code in (401, 403):
        return f"{status}: it wants a credential, from ~/.netrc or in an address from `variable`"
    return f"{status}: is the address right?"


def _require_private(request: httpx.Request) -> None:
    """Let nobody on the way read or change it, wherever the server leads to."""
    if request.url.scheme != "https" and request.url.host not in address.HERE:
        place = address.shown(str(request.url))
        raise StageError(f"{place} is not https", "give an address that is")


def _name(place: str, kind: str) -> str:
    """Return how the file is called: as in the address, with an ending by which it is known."""
    found = PurePosixPath(unquote(address.split(place).path)).name.lstrip("._") or "rows"
    found = re.sub(r"[^\w. -]", "_", found)[-100:]
    return found if kind_by_name(found) else f"{found}{ENDINGS[kind][0]}"
