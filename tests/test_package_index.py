"""`make setup` and `make lock` work where pip works: with a company's own index and certificate."""

import base64
import functools
import hashlib
import http.server
import re
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from baking import NETWORK, PROJECT, ROOT, clean_environment, run, succeed

pytestmark = pytest.mark.slow
LOCKED = re.compile(r"(?m)^uv==(\S+)")
# Everything that the project's own locks would install, in one small package.
NAME, WHEEL = "tiny", "tiny-1.0-py3-none-any.whl"


def digest(text: str) -> str:
    """Return the SHA-256 of a file as a wheel's list of files has it."""
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return found.decode().rstrip("=")


def wheel(folder: Path) -> str:
    """Write a package; return the SHA-256 of its file."""
    folder.mkdir(parents=True)
    files = {
        "tiny/__init__.py": "",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    record = "tiny-1.0.dist-info/RECORD"
    lines = [f"{name},sha256={digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for name, text in {**files, record: "\n".join([*lines, f"{record},,"]) + "\n"}.items():
            archive.writestr(name, text)
    return hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()


@dataclass
class Index:
    """A package index that only those can ask who trust its certificate."""

    address: str
    certificate: Path
    hash: str
    asked: list[tuple[str, str]] = field(default_factory=list)

    def askers(self, name: str) -> set[str]:
        """Return which programs asked for a package."""
        return {agent for agent, path in self.asked if f"/{name}/" in path}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Serve an index with uv, which the bootstrap installs, and one small package."""
    folder = tmp_path_factory.mktemp("index")
    known = wheel(folder / "simple" / NAME)
    (version,) = LOCKED.findall((ROOT / PROJECT / "requirements/bootstrap.txt").read_text())
    target = folder / "simple" / "uv"
    download = ("-m", "pip", "download", "--quiet", "--no-deps", "--dest", target, f"uv=={version}")
    succeed(sys.executable, *download, folder=folder, environment=clean_environment(folder / "h"))
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    succeed(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=us",
        "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
        "-keyout", key, "-out", certificate,
        folder=folder, environment=clean_environment(folder / "h"),
    )  # fmt: skip
    asked: list[tuple[str, str]] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.headers.get("User-Agent", "").partition("/")[0], self.path))
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"https://127.0.0.1:{server.server_address[1]}/simple"
    yield Index(address, certificate, known, asked)
    server.shutdown()
    server.server_close()


@pytest.fixture
def company(bake: Callable[..., Path], index: Index) -> Path:
    """Return a project whose locks name what the company's index has, and nothing else."""
    root = bake()
    line = f"{NAME}==1.0 \\\n    --hash=sha256:{index.hash}\n"
    for path in (*root.glob("requirements/*.txt"), *root.glob("deploy/*/requirements.txt")):
        if path.name != "bootstrap.txt":
            path.write_text(line, encoding="utf-8")
            path.with_suffix(".in").write_text(f"{NAME}\n", encoding="utf-8")
    (root / "requirements/remote.in").write_text("", encoding="utf-8")
    # The commit hook would need what these locks do not have.
    shutil.rmtree(root / ".git")
    index.asked.clear()
    return root


def by_variables(index: Index, home: Path) -> dict[str, str]:
    """Say it in pip's variables; the file of this machine's own pip is left out."""
    return {"PIP_INDEX_URL": index.address, "PIP_CERT": str(index.certificate)}


def by_file(index: Index, home: Path) -> dict[str, str]:
    """Say it in the user's pip.conf."""
    path = home / ".config/pip/pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[global]\nindex-url = {index.address}\ncert = {index.certificate}\n")
    return {}


@pytest.mark.parametrize("said", [by_variables, by_file])
def test_setup_and_lock_ask_the_company_s_index_alone(
    said: Callable[[Index, Path], dict[str, str]], company: Path, index: Index, tmp_path: Path
) -> None:
    # What this machine has for its own way to an index is no part of it.
    variables = {
        name: value
        for name, value in clean_environment(tmp_path / "home").items()
        if name not in NETWORK
    }
    variables["XDG_CONFIG_DIRS"] = str(tmp_path / "nowhere")
    variables |= said(index, tmp_path / "home")
    done = run("make", "setup", folder=company, environment=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    environments = [company / ".venv", *(company / ".venv-serving").iterdir()]
    assert len(environments) == 2
    for place in environments:
        program = [str(place / "bin/python"), "-c", "import tiny"]
        assert subprocess.run(program, check=False).returncode == 0
    assert index.askers(NAME) == {"uv"}
    assert index.askers("uv") == {"pip"}
    if said is by_variables:
        return
    lock = company / "requirements/serving.txt"
    before = lock.read_text(encoding="utf-8")
    lock.write_text("", encoding="utf-8")
    done = run("make", "lock", folder=company, environment=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    # Hashes, and no address.
    assert lock.read_text(encoding="utf-8") == before
