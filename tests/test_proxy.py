"""What stands between clients and workers: keys, limits and timeouts hold there, and nothing leaks.

Requests are written byte by byte where a client library would be too polite to send them.
"""

import json
import os
import signal
import socket
import stat
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from breaking import commit
from load import Load
from projects import released_project, wait_until
from running import PLAIN, Project, free_port, install

pytestmark = pytest.mark.slow
PREDICT = "/v1/predict"
KEY = {"X-API-Key": "first"}
# What nobody may see from outside, asked for in every way that a normaliser might fall for.
PATHS = [
    "/metrics", "/metrics/", "/metrics?x=/v1/predict", "/METRICS", "//metrics", "/./metrics",
    "/%6detrics", "/%6D%65%74%72%69%63%73", "/metrics%00", "/metrics;/v1/predict", "/metrics#/",
    "/v1/../metrics", "/v1/predict/../../metrics", "/v1/predict/..%2f..%2fmetrics",
    "/v1/%2e%2e/metrics", "/docs.json/../metrics", "/docs.json/..;/metrics", "/\\metrics",
    "/static_content/../metrics", "/static_content/..%5cmetrics", "http://inside/metrics",
    "/workers/live/metrics", "/v1/../workers/live/metrics", "/livez/../metrics", "/healthz",
    "/readyz/x",
    "/config/", "/config/apps/http", "/load", "/stop", "/debug/pprof/", "/adapt",
]  # fmt: skip
# Two readings of where a request ends let one request hide in another.
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-API-Key: first\r\n\r\n"


@dataclass(frozen=True)
class Served:
    """A project that serves in staging with the keys `first` and `second`."""

    project: Project
    port: int
    record: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where everything about the environment is."""
        return self.project.root / ".lifecycle" / "staging"

    @property
    def body(self) -> bytes:
        """A request that is answered."""
        return json.dumps({"records": [self.record]}).encode()

    def ask(self, path: str = PREDICT, **headers: str) -> httpx.Response:
        """Send a good request with the first key, or get another path."""
        given = {**KEY, "Content-Type": "application/json", **headers}
        method, content = ("POST", self.body) if path == PREDICT else ("GET", None)
        url = f"http://127.0.0.1:{self.port}{path}"
        with httpx.Client(**PLAIN, timeout=60) as client:
            return client.request(method, url, content=content, headers=given)

    def inside(self, path: str) -> httpx.Response:
        """Ask the port for Prometheus."""
        return httpx.get(f"http://127.0.0.1:{self.port + 1}{path}", **PLAIN, timeout=20)

    def counted(self) -> dict[str, float]:
        """Return what the live worker has counted, by series."""
        text = self.inside("/workers/live/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("lifecycle_")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def requests(self) -> dict[tuple[str, str], float]:
        """Return how many requests the live worker has counted, by variant and status."""
        found = {}
        for name, value in self.counted().items():
            if name.startswith("lifecycle_requests_total") and value:
                labels = dict(part.split("=") for part in name.partition("{")[2][:-1].split(","))
                found[labels["variant"].strip('"'), labels["status"].strip('"')] = value
        return found

    def raw(self, content: bytes, seconds: float = 30) -> bytes:
        """Send bytes and return what comes until the other side hangs up or is silent."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.settimeout(seconds)
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(content)
            return received(connection)

    def pid(self) -> int:
        """Return the live worker's process."""
        tag = json.loads((self.folder / "deployment.json").read_text())["live"]["tag"]
        name = f"WORKER_NAME={tag.partition(':')[2]}".encode()
        (found,) = (pid for pid, given in self.processes().items() if name in given)
        return found

    def processes(self) -> dict[int, list[bytes]]:
        """Return every process of the deployment, with its variables."""
        mark = f"LIFECYCLE_SOCKETS={self.sockets}".encode()
        found = {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                variables = path.read_bytes().split(b"\0")
                if mark in variables:
                    found[int(path.parent.name)] = variables
        return found

    @property
    def sockets(self) -> Path:
        """Where the sockets are."""
        return Path(json.loads((self.folder / "sockets.json").read_text())["folder"])


def received(connection: socket.socket) -> bytes:
    """Return what comes until the other side hangs up or is silent for the connection's timeout."""
    found = b""
    with suppress(ConnectionResetError, TimeoutError):
        while part := connection.recv(65536):
            found += part
    return found


def head(path: str = PREDICT, method: str = "POST", version: str = "1.1", **headers: object) -> str:
    """Return a request's head with the first key; `headers` have underscores for hyphens."""
    given = {"Host": "x", "X-API-Key": "first", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""])


def status_of(answer: bytes) -> int:
    """Return an answer's status."""
    assert answer.startswith(b"HTTP/1."), answer
    return int(answer.split(b" ", 2)[1])


@pytest.fixture(scope="module")
def served(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a project that serves in staging, where keys are asked for."""
    released = released_project(generated, tmp_path_factory)
    project = released.copy(tmp_path_factory.mktemp("proxy") / "flight-delay")
    port = free_port()
    project.change("params.yaml", "staging: 3010", f"staging: {port}")
    project.change("params.yaml", "    staging: 10\n", "    staging: 1\n")
    commit(project)
    project.must("deploy", "ENV=staging", API_KEYS="first,second")
    (smoke, *_) = sorted((project.root / ".bentoml").rglob("smoke.json"))
    record = json.loads(smoke.read_text(encoding="utf-8"))["request"]["records"][0]
    yield Served(project, port, record)
    project.must("stop", "ENV=staging")


@pytest.fixture(autouse=True)
def still_serves(served: Served) -> Iterator[None]:
    """After every test the next good request is answered."""
    yield
    assert served.ask().status_code == 200


def test_every_request_is_asked_once_and_quickly(served: Served) -> None:
    """Caddy evaluates a retry's condition on answers too: a wrong one asks again for seconds."""
    served.ask()
    before, seconds = served.requests(), []
    url = f"http://127.0.0.1:{served.port}{PREDICT}"
    with httpx.Client(**PLAIN, headers={**KEY, "Content-Type": "application/json"}) as one:
        for _ in range(100):
            began = time.perf_counter()
            assert one.post(url, content=served.body).status_code == 200
            seconds.append(time.perf_counter() - began)
            assert seconds[-1] < 2
        for _ in range(20):
            assert one.post(url, content=b"{}").status_code == 400
    after = served.requests()
    new = {key: count - before.get(key, 0) for key, count in after.items()}
    assert {key: count for key, count in new.items() if count} == {
        ("live", "200"): 100, ("live", "400"): 20,
    }  # fmt: skip
    print(f"median through the proxy: {1000 * statistics.median(seconds):.1f} ms")
    assert statistics.median(seconds) < 0.1


@pytest.mark.parametrize("path", [PREDICT, "/v1/model"])
def test_a_request_whose_worker_dies_is_asked_again(served: Served, path: str) -> None:
    """The connection breaks after the request was sent; the client sees an answer all the same."""
    frozen = served.pid()
    os.kill(frozen, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(served.ask, path)
        # Long enough for the request to be at the worker, which holds it and says nothing.
        time.sleep(1)
        assert not waiting.done()
        os.kill(frozen, signal.SIGKILL)
        answer = waiting.result(60)
    assert answer.status_code == 200
    assert served.pid() != frozen
    # The new worker counts anew. A request that asks about the model is no prediction.
    assert served.requests().get(("live", "200"), 0) == (path == PREDICT)


def test_a_worker_that_says_nothing_holds_no_client_for_ever(served: Served) -> None:
    """The proxy gives up in its own time, in the form of every refusal; or the worker is ended.

    Whoever watches workers kills it meanwhile: a request that is young then is asked again.
    """
    frozen = served.pid()
    os.kill(frozen, signal.SIGSTOP)
    try:
        # What a load balancer asks says so, long before.
        assert served.ask("/readyz").status_code == 503
        assert served.ask("/livez").status_code == 200
        began = time.monotonic()
        answer = served.ask()
        took = time.monotonic() - began
    finally:
        with suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGCONT)
    assert took < 40
    if answer.status_code == 200:
        assert served.pid() != frozen
        return
    assert answer.status_code in (502, 503, 504)
    assert set(answer.json()) == {"error", "details", "request_id"}
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


GENERATED = """
import json, sys
from made import AuthenticatedClient
from made.api.default import model
from made.api.service_ap_is import flight_delay_predict as predict
from made.models import PredictionRequest, Refusal

def client(key):
    return AuthenticatedClient(
        sys.argv[1], token=key, prefix="", auth_header_name="X-API-Key",
        httpx_args={"trust_env": False},
    )
body = PredictionRequest.from_dict(json.loads(sys.argv[2]))
answer = predict.sync(client=client("second"), body=body)
print(json.dumps([model.sync(client=client("first")).to_dict(), answer.to_dict()]))
assert isinstance(predict.sync(client=client("wrong"), body=body), Refusal)
"""


def test_a_client_made_from_the_document_predicts(served: Served, tmp_path: Path) -> None:
    """As anybody makes one: nothing in it but what /docs.json says."""
    programs = install(tmp_path / "made-with", "openapi-python-client")
    document = tmp_path / "docs.json"
    document.write_text(served.ask("/docs.json").text, encoding="utf-8")
    made = tmp_path / "made"
    subprocess.run(
        [programs / "openapi-python-client", "generate", "--path", document, "--meta", "none",
         "--output-path", made],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    done = subprocess.run(
        [programs / "python", "-c", GENERATED, f"http://127.0.0.1:{served.port}", served.body],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    about, answer = json.loads(done.stdout)
    assert answer["predictions"] == served.ask().json()["predictions"]
    assert answer["model_version"] == about["version"]


def test_without_a_key_nothing_reaches_a_worker(served: Served) -> None:
    """A missing key is refused by the proxy; a wrong one by the worker, for every route."""
    before = served.counted()
    for path in (PREDICT, "/v1/model", "/docs.json", "/"):
        url = f"http://127.0.0.1:{served.port}{path}"
        method = "POST" if path == PREDICT else "GET"
        answer = httpx.request(method, url, content=served.body, **PLAIN)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
    assert served.counted() == before
    for wrong in ("firs", "FIRST", "first,second", "first\tsecond", "", "*", "\xff"):
        asked = head(X_API_Key=wrong, Content_Length=len(served.body), Connection="close")
        assert status_of(served.raw(asked.encode("latin-1") + served.body)) == 401, wrong


def test_keys_change_while_requests_with_either_go_on(served: Served) -> None:
    """A key that stays is never refused while others come and go."""
    deploy = ("deploy", "ENV=staging")
    url = f"http://127.0.0.1:{served.port}{PREDICT}"
    headers = {"X-API-Key": "second"}
    with Load(url, [served.body], headers=headers) as traffic:
        for keys in ("second", "second,third", "first,second"):
            served.project.must(*deploy, API_KEYS=keys)
            given = keys.split(",")
            for key in ("first", "second", "third"):
                expected = 200 if key in given else 401
                wait_until(
                    lambda key=key, expected=expected: (
                        served.ask(**{"X-API-Key": key}).status_code == expected
                    ),
                    f"with {keys}, {key} is not answered {expected}",
                )  # fmt: skip
    assert traffic.counts.answered > 100
    assert (traffic.counts.lost, set(traffic.counts.statuses)) == (0, {200})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_inside_is_not_reached(served: Served, method: str, path: str) -> None:
    """Metrics, probes and Caddy's admin API, however their path is written."""
    answer = served.raw(head(path, method, Content_Length=0, Connection="close").encode())
    assert status_of(answer) in (400, 404, 405), answer[:200]
    assert b"# HELP" not in answer
    assert b"apps" not in answer


def test_no_client_says_what_variant_it_is(served: Served) -> None:
    """What pretends to be a probe or a copy would not be judged, or would be hidden."""
    before = served.requests()
    names = ("X-Lifecycle-Variant", "x-lifecycle-variant", "X-LIFECYCLE-VARIANT")
    for name in names:
        for variant in ("probe", "shadow", "canary"):
            assert served.ask(**{name: variant}).status_code == 200
    twice = head(Content_Length=len(served.body), Connection="close, X-Lifecycle-Variant")
    twice = twice.replace("\r\n\r\n", "\r\nX-Lifecycle-Variant: probe" * 2 + "\r\n\r\n")
    assert status_of(served.raw(twice.encode() + served.body)) == 200
    after = served.requests()
    assert after.pop(("live", "200")) == before.pop(("live", "200")) + 10
    assert after == before


def test_a_large_body_is_refused_before_it_is_there(served: Served) -> None:
    """By its length, or, where it says none, by what has come; no worker hears of it."""
    before = served.requests()
    length = served.raw(head(Content_Length=10**9).encode() + b" " * 10)
    assert status_of(length) == 413
    assert b"the body is larger than" in length
    chunks = (
        head(Transfer_Encoding="chunked").encode() + (b"20000\r\n" + b" " * 0x20000 + b"\r\n") * 12
    )
    assert status_of(served.raw(chunks)) == 413
    assert served.requests() == before


@pytest.mark.parametrize("headers", [
    {"X_Large": "x" * 40_000}, {f"X_{number}": "x" for number in range(5_000)},
    {"X_API_Key": "x" * 40_000}, {"Cookie": "a=b; " * 8_000},
])  # fmt: skip
def test_large_headers_are_refused(served: Served, headers: dict[str, str]) -> None:
    """One that is too long, or too many of them."""
    before = served.requests()
    content = head(Content_Length=len(served.body), **headers).encode() + served.body
    assert status_of(served.raw(content)) == 431
    assert served.requests() == before


def drip(connection: socket.socket, content: bytes, stop: threading.Event) -> None:
    """Send a byte now and then, so that the connection is never idle."""
    for number in range(len(content)):
        with suppress(OSError):
            connection.sendall(content[number : number + 1])
        if stop.wait(0.3):
            return


SLOW = {
    "headers": (head()[:-2], b"X-Slow: " + b"x" * 900),
    "body": (head(Content_Length=1000), b"{" + b" " * 900),
    "body in chunks": (head(Transfer_Encoding="chunked"), b"1\r\n{\r\n" + b"1\r\n \r\n" * 200),
    "body with a wrong key": (head(Content_Length=1000, X_API_Key="wrong"), b"{" + b" " * 900),
    "body without a key": (
        head(Content_Length=1000).replace("X-API-Key: first\r\n", ""), b"{" + b" " * 900,
    ),
    "body to nowhere": (head("/metrics", Content_Length=1000), b"{" + b" " * 900),
}  # fmt: skip


@pytest.mark.parametrize("part", SLOW)
@pytest.mark.parametrize("way", ["silent", "dripping"])
def test_a_slow_request_is_cut_off(served: Served, part: str, way: str) -> None:
    """Slowloris: neither silence nor a byte now and then holds a connection."""
    begun, rest = SLOW[part]
    before = served.requests()
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(begun.encode())
        connection.settimeout(40)
        began = time.monotonic()
        sender = threading.Thread(target=drip, args=(connection, rest, stop))
        if way == "dripping":
            sender.start()
        # Until the other side hangs up.
        answer = received(connection)
        took = time.monotonic() - began
        stop.set()
        if way == "dripping":
            sender.join()
    assert took < 20
    assert answer == b"" if part == "headers" else status_of(answer) in (401, 404, 408)
    if part == "body":
        assert b"the body did not arrive in" in answer
    assert served.requests() == before


RIGHT, WRONG = "canary-that-opens-4f1c9a", "canary-that-does-not-7be203"  # pragma: allowlist secret
# Signs that a shell, a list or a header could take for something else.
ODD_KEY = "a'b\"c$d%e\\f;g:{h}~!&<>|"


def send_and_leave(served: Served, content: bytes, first: int) -> None:
    """Send bytes, read so many of the answer, and hang up without a goodbye."""
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.settimeout(20)
        connection.sendall(content)
        if first:
            connection.recv(first)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def fail_in_every_way(served: Served, key: str) -> None:
    """Send requests of every kind that fails, with a key."""
    size, keyed = len(served.body), {"X_API_Key": key, "Cookie": f"key={key}"}
    many = json.dumps({"records": [served.record] * 900, "explain": True}).encode()
    bodies = [served.body, b"{", b'{"records": [{}]}', b"\xff", b" " * 50_000]
    for body in bodies:
        for headers in (
            {"X-API-Key": key}, {"X-API-Key": "no", "Authorization": f"Bearer {key}"},
            {"X-API-Key": key, "Content-Type": "text/plain"},
        ):  # fmt: skip
            url = f"http://127.0.0.1:{served.port}{PREDICT}?key={key}"
            given = {"Content-Type": "application/json", **headers}
            httpx.post(url, content=body, headers=given, **PLAIN, timeout=20)
    for path in ("/nowhere", "/metrics", "/v1/model", "/readyz"):
        served.ask(f"{path}?key={key}", **{"X-API-Key": key})
    served.raw(head(Content_Length=10**9, **keyed).encode(), seconds=5)
    served.raw(head(Content_Length=size, X_Bad=f"\x01{key}", **keyed).encode(), seconds=5)
    served.raw(head(Transfer_Encoding="chunked", **keyed).encode() + b"zz\r\n", seconds=10)
    send_and_leave(served, head(Content_Length=size + 9, **keyed).encode() + served.body, 0)
    whole = head(Content_Length=len(many), Connection="close", **keyed).encode() + many
    send_and_leave(served, whole, 0)
    send_and_leave(served, whole, 1)


def processes_of(served: Served) -> list[psutil.Process]:
    """Return the supervisor and everything below it."""
    supervisor = psutil.Process(int((served.folder / "supervisor.pid").read_text()))
    return [supervisor, *supervisor.children(recursive=True)]


def test_no_key_stands_in_anything_that_a_deployment_writes(served: Served) -> None:
    """Typed as an argument, sent rightly and wrongly, with a worker that hangs and is killed."""
    served.project.must("stop", "ENV=staging")
    done = served.project.make("deploy", "ENV=staging", f"API_KEYS=first,second,{RIGHT}")
    assert done.returncode == 0, done.stderr
    assert (
        "other users of this machine can read API_KEYS (ps): type that before make" in done.stderr
    )
    assert RIGHT not in done.stdout + done.stderr
    for process in processes_of(served):
        said = [*process.cmdline(), *(f"{k}={v}" for k, v in process.environ().items())]
        assert not [one for one in said if RIGHT in one or "first,second" in one]
    log = served.folder / "logs" / "proxy-requests.log"

    def answer_broke_off() -> bool:
        for key in (RIGHT, WRONG):
            fail_in_every_way(served, key)
        return "aborting with incomplete response" in log.read_text(encoding="utf-8")

    wait_until(answer_broke_off, "no answer broke off")
    frozen = served.pid()
    os.kill(frozen, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        waiting = [
            pool.submit(served.ask, f"{PREDICT}", **{"X-API-Key": key}) for key in (RIGHT, WRONG)
        ]
        done_waiting = served.ask("/v1/model", **{"X-API-Key": RIGHT})
        # Whoever watches workers may have been quicker.
        with suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGKILL)
        assert done_waiting.status_code in (200, 502, 503, 504)
        assert {one.result(60).status_code for one in waiting} <= {200, 401, 502, 503, 504}
    places = [served.project.root, served.sockets]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert log in files
    holding = [path for path in files if any(
        key.encode() in path.read_bytes() for key in (RIGHT, WRONG)
    )]  # fmt: skip
    assert holding == [served.folder / "api_keys"]


def test_what_a_deployment_writes_is_private(served: Served) -> None:
    """Also where the folder of the project is open to everybody."""
    for folder in (served.folder, served.folder / "logs", served.folder / "programs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    written = [path for path in (served.folder / "logs").iterdir() if path.is_file()]
    written += [path for path in (served.folder / "predictions").rglob("*") if path.is_file()]
    assert len(written) > 2
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in written} == {0}


@pytest.mark.parametrize("key", ["two words", "schl\u00fcssel", "a" * 257])
def test_what_cannot_be_a_key_is_refused_at_the_start(served: Served, key: str) -> None:
    """By every command that is given one; the keys that there are stay."""
    before = (served.folder / "api_keys").read_bytes()
    for target, name in (("deploy", "API_KEYS"), ("verify", "API_KEY"), ("predict", "API_KEY")):
        done = served.project.make(target, "ENV=staging", **{name: key})
        assert done.returncode != 0
        (said,) = [line for line in done.stderr.splitlines() if line.startswith(f"{target}: ")]
        assert said.startswith(f"{target}: key 1 of 1 in {name} cannot be one: a key is 1 to 256 ")
        assert "Traceback" not in done.stderr
        assert key not in done.stdout + done.stderr
    assert (served.folder / "api_keys").read_bytes() == before


def test_a_key_of_odd_signs_is_one_for_every_command(served: Served) -> None:
    """What opens the service opens it for verify, which takes the first that there is."""
    served.project.must("deploy", "ENV=staging", API_KEYS=f"{ODD_KEY},first,second")
    wait_until(lambda: served.ask(**{"X-API-Key": ODD_KEY}).status_code == 200, "no odd key")
    served.project.must("verify", "ENV=staging", "SECONDS=1")
    served.project.must("predict", "ENV=staging", API_KEY=ODD_KEY)
    served.project.must("deploy", "ENV=staging", API_KEYS="first,second")
    wait_until(lambda: served.ask(**{"X-API-Key": ODD_KEY}).status_code == 401, "the odd key stays")


LENGTH = "\r\nContent-Length: "
AMBIGUOUS = {
    "two lengths": LENGTH + "5" + LENGTH + "60",
    "a list of lengths": LENGTH + "5, 60",
    "a signed length": LENGTH + "+5",
    "a hexadecimal length": LENGTH + "0x5",
    "a negative length": LENGTH + "-1",
    "an unknown encoding": "\r\nTransfer-Encoding: xchunked",
    "an encoding twice": "\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "an encoding of two words": "\r\nTransfer-Encoding: chunked, identity",
    "space before the colon": "\r\nTransfer-Encoding : chunked" + LENGTH + "5",
    "an encoding over two lines": "\r\nTransfer-Encoding:\r\n chunked, x" + LENGTH + "5",
    "a header without a name": "\r\n: chunked" + LENGTH + "5",
    "a carriage return in a header": "\r\nX-A: a\rTransfer-Encoding: chunked" + LENGTH + "5",
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_length_is_refused(served: Served, kind: str) -> None:
    """The proxy reads it in no way at all, so worker and proxy cannot read it differently."""
    before = served.requests()
    begun = head().removesuffix("\r\n\r\n") + AMBIGUOUS[kind] + "\r\n\r\n"
    answer = served.raw(begun.encode() + b"{}   " + SMUGGLED, seconds=5)
    assert status_of(answer) in (400, 501), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert served.requests() == before


def test_length_and_encoding_are_one_request_at_the_worker(served: Served) -> None:
    """RFC 9112, 6.3: the encoding holds, and what follows is another request, refused as such."""
    before = served.requests().get(("live", "400"), 0)
    begun = head(Content_Length=5, Transfer_Encoding="chunked").encode()
    answer = served.raw(begun + b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED, seconds=5)
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses in ([400], [400, 404]), answer
    assert b"# HELP" not in answer
    assert served.requests().get(("live", "400"), 0) - before in (0, 1)


def test_the_old_protocol_is_answered(served: Served) -> None:
    """HTTP/1.0, without a host; nothing is answered to what is no HTTP."""
    content = head(version="1.0", Content_Length=len(served.body)).replace("Host: x\r\n", "")
    answer = served.raw(content.encode() + served.body)
    assert answer.startswith(b"HTTP/1.0 200 ")
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"HELO x\r\n\r\n", b"GET /\r\n\r\n"):
        assert b" 200 " not in served.raw(nonsense + b"\r\n\r\n", seconds=10)
    without_host = head().replace("Host: x\r\n", "").encode()
    assert status_of(served.raw(without_host)) == 400


def test_sockets_and_ports_are_private(served: Served) -> None:
    """One port to the world, one to this machine; everything else is a socket of its owner."""
    assert stat.S_IMODE(served.sockets.stat().st_mode) == 0o700
    sockets = [path for path in served.sockets.rglob("*") if path.is_socket()]
    assert len(sockets) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in sockets} == {0o600}
    admin = [path for path in served.folder.rglob("admin-*.sock") if path.is_socket()]
    admin += [path for path in sockets if path.name.startswith("admin-")]
    assert admin
    assert {stat.S_IMODE(path.stat().st_mode) for path in admin} == {0o600}
    assert stat.S_IMODE((served.folder / "api_keys").stat().st_mode) == 0o600
    listening = set()
    for pid in served.processes():
        for one in psutil.Process(pid).net_connections("inet"):
            if one.status == psutil.CONN_LISTEN:
                listening.add((one.laddr.ip, one.laddr.port))
    assert listening == {("127.0.0.1", served.port), ("127.0.0.1", served.port + 1)}


def test_another_user_does_not_get_in(served: Served) -> None:
    """A worker's socket would answer without the proxy's limits; root tries as nobody."""
    path = next(path for path in served.sockets.rglob("*.sock") if "admin" not in path.name)
    # There: its whole path may be longer than the address of a socket.
    attempt = (
        f"import os, socket; os.chdir({str(path.parent)!r});"
        f"socket.socket(socket.AF_UNIX).connect({path.name!r})"
    )
    assert subprocess.run([sys.executable, "-c", attempt], check=False).returncode == 0
    if os.geteuid() != 0:
        # Only root can become somebody else; the modes are tested above.
        return
    done = subprocess.run(
        ["python3", "-I", "-c", attempt], capture_output=True, text=True, cwd="/", check=False,
        user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    assert done.returncode != 0
    assert "PermissionError" in done.stderr or "No such file" in done.stderr


def test_the_port_inside_has_metrics_and_nothing_else(served: Served) -> None:
    """Prometheus reads proxy and workers there; it is no way round the proxy's limits."""
    assert "caddy_http_requests_total" in served.inside("/metrics").text
    for name in ("live", "canary"):
        assert "lifecycle_requests_total" in served.inside(f"/workers/{name}/metrics").text
    elsewhere = [
        "/", PREDICT, "/config/", "/load", "/workers/live/v1/predict",
        "/workers/live/../../v1/predict", "/workers/live/metrics/../../v1/model",
    ]  # fmt: skip
    for path in elsewhere:
        assert served.inside(path).status_code == 404, path
