"""The image of a release: its bill of materials against what it holds, and the image run alone.

How it serves behind the proxy, and how it stops, is tried by test_compose.py.
"""

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import PROJECT, ROOT
from containers import Engine, Make, smoke_of
from running import PLAIN, Project, free_port

pytestmark = pytest.mark.slow
KEY = "a-key-for-the-test"
INVENTORY = ROOT / PROJECT / "src/lifecycle/delivery/inventory.py"
CONFINED = shlex.split(
    "--network host --read-only --tmpfs /tmp:noexec,nosuid,nodev,mode=1777 --cap-drop ALL "
    f"--security-opt no-new-privileges --env API_KEYS={KEY} --env LIFECYCLE_ENVIRONMENT=production"
)
# Asks the image's own tools and its disk, and not the code that is tested.
PYTHON = (
    "find / -xdev -path /proc -prune -o -name '*.dist-info' -print -o -name '*.egg-info' -print"
)
DEBIAN = "dpkg-query --show --showformat '${Package} ${Version}\n'"


def inside(engine: Engine, image: str, command: str) -> list[str]:
    """Return the lines that a shell command prints in a container of the image."""
    printed = engine.must(
        "run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", image, "-c", command
    )
    return printed.splitlines()


def canonical(name: str) -> str:
    """Return a Python package's name in its one form."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def bill(make: Make, image: str, finished: Project) -> dict[str, Any]:
    """Return what `make sbom` writes about the image."""
    done = make("sbom")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(
        (finished.root / "dist/image-sbom.cdx.json").read_text(encoding="utf-8")
    )
    return found


def listed(bill: dict[str, Any], kind: str) -> set[tuple[str, str]]:
    """Return name and version of the components of a kind, by the beginning of their purl."""
    return {
        (one["name"], one["version"])
        for one in bill["components"]
        if one.get("purl", "").startswith(f"pkg:{kind}/")
    }


def test_the_bill_lists_every_python_package_on_the_disk(
    bill: dict[str, Any], engine: Engine, image: str
) -> None:
    names = [Path(line).name for line in inside(engine, image, PYTHON)]
    pattern = re.compile(r"(.+?)(?:-[^-]+)*\.(?:dist|egg)-info")
    found = {canonical(match[1]) for name in names if (match := pattern.fullmatch(name))}
    assert len(found) > 50
    assert {name for name, _ in listed(bill, "pypi")} == found
    assert {"bentoml", "xgboost-cpu", "numpy"} <= found
    # What the lock installed has the hashes that it was installed with.
    by_name = {one["name"]: one for one in bill["components"]}
    assert all(len(one["content"]) == 64 for one in by_name["bentoml"]["hashes"])


def test_the_bill_lists_every_debian_package_the_interpreter_and_the_model(
    bill: dict[str, Any], engine: Engine, image: str, finished: Project
) -> None:
    found = {tuple(line.split()) for line in inside(engine, image, DEBIAN)}
    assert len(found) > 50
    assert listed(bill, "deb") == found
    (python,) = inside(
        engine, image, "python -c 'import platform; print(platform.python_version())'"
    )
    assert listed(bill, "generic") == {("python", python)}
    (model,) = [one for one in bill["components"] if one["type"] == "machine-learning-model"]
    (line,) = inside(engine, image, "md5sum /bento/src/release/model.ubj")
    assert {"alg": "MD5", "content": line.split()[0]} in model["hashes"]


def test_what_no_lock_knows_is_in_the_bill_as_well(engine: Engine, image: str) -> None:
    """A package that somebody put into the image is seen: the disk is what counts."""
    add = "mkdir -p /opt/x/stray-9.dist-info && printf 'Name: stray\\nVersion: 9\\n' > "
    script = INVENTORY.read_text(encoding="utf-8")
    lines = inside(
        engine, image,
        f"{add}/opt/x/stray-9.dist-info/METADATA; python -I - <<'END'\n{script}\nEND",
    )  # fmt: skip
    packages = json.loads(lines[-1])["python_packages"]
    assert [one["path"] for one in packages if one["name"] == "stray"] == [
        "/opt/x/stray-9.dist-info"
    ]


@pytest.fixture(scope="module")
def served(engine: Engine, image: str) -> Iterator[tuple[str, str, float]]:
    """Run the image alone, confined; return address, container, and the seconds to ready."""
    port, began = free_port(), time.monotonic()
    options = ("--host", "127.0.0.1", "--port", str(port))
    container = engine.must("run", "--detach", *CONFINED, image, *options).strip()
    url = f"http://127.0.0.1:{port}"
    while time.monotonic() < began + 60:
        try:
            if httpx.get(f"{url}/readyz", **PLAIN).status_code == 200:
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    else:
        pytest.fail(engine.must("logs", container))
    yield url, container, time.monotonic() - began
    engine.must("rm", "--force", container)


def test_alone_and_confined_it_answers_as_the_pipeline_did_and_stops(
    served: tuple[str, str, float], engine: Engine, image: str, finished: Project
) -> None:
    url, container, seconds = served
    size = engine.inspect(image)["Size"]
    print(f"image: {size / 1e6:.0f} MB, ready {seconds:.1f} s after docker run")
    assert size < 700e6
    assert seconds < 30
    smoke = smoke_of(finished)
    answer = httpx.post(
        f"{url}/v1/predict", json=smoke["request"], headers={"X-API-Key": KEY}, **PLAIN
    ).raise_for_status()
    assert answer.json()["predictions"] == smoke["answers"]
    status = engine.must("exec", container, "cat", "/proc/1/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == ["10001"] * 4
    assert int(facts["CapBnd"], 16) == 0
    assert "Read-only file system" in engine.docker("exec", container, "touch", "/bento/new").stderr
    engine.must("stop", "--time=20", container)
    assert engine.inspect(container)["State"]["ExitCode"] == 0
