"""Whatever is killed, lost or moved: what serves is found, ended or taken over without a loss."""

import json
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import system_packages
from baking import run, succeed
from breaking import stopped
from load import Load
from projects import ask, released_project, wait_until
from running import Project, free_port, port_of, use_port

pytestmark = pytest.mark.slow
MARK = "LIFECYCLE_SOCKETS"
NAMES = (
    "plain-but-long-" + "x" * 120,
    "with a space",
    'it\'s "quoted" 100% [ok] (a) $HOME; #1',
    "Flüge 飛行機",
)


@pytest.fixture(scope="module")
def service(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project of which version 1 is packaged, deployed by whoever wants it."""
    released = released_project(generated, tmp_path_factory)
    project = released.copy(tmp_path_factory.mktemp("survival") / "flight-delay")
    use_port(project.root, free_port())
    yield project
    project.must("stop")


def folder(project: Project) -> Path:
    """Return where everything about the deployment is."""
    return project.root / ".lifecycle" / "development"


def processes(project: Project) -> dict[psutil.Process, str]:
    """Return what runs for the deployment, each with the last part of its program's name."""
    found = {}
    for one in psutil.process_iter():
        try:
            where = one.environ().get(MARK, "")
            arguments = one.cmdline()
        except psutil.Error:
            continue
        if where.startswith(f"{folder(project)}") and one.status() != psutil.STATUS_ZOMBIE:
            names = {Path(part).name for part in arguments}
            known = ("caddy", "supervise.py", "listening.py", "_bentoml_impl.worker.service")
            if program := names.intersection(known):
                found[one] = program.pop()
    return found


def process(project: Project, name: str) -> psutil.Process:
    """Return the one process of the deployment that is a program."""
    (found,) = (one for one, program in processes(project).items() if program == name)
    return found


def kill(*killed: psutil.Process) -> float:
    """Kill processes at once, and return when they were gone."""
    for one in killed:
        one.send_signal(signal.SIGKILL)
    psutil.wait_procs(killed, timeout=20)
    return time.time()


def load(project: Project) -> Load:
    """Return a constant load of real requests."""
    (smoke, *_) = sorted((project.root / ".bentoml").rglob("smoke.json"))
    records = json.loads(smoke.read_text(encoding="utf-8"))["request"]["records"]
    bodies = [json.dumps({"records": [record]}).encode() for record in records]
    return Load(f"http://127.0.0.1:{port_of(project.root)}/v1/predict", bodies, rate=200)


def goes_on(traffic: Load, since: float) -> None:
    """Wait until requests that were sent after a moment are answered."""
    wait_until(lambda: traffic.answers and traffic.answers[-1].sent > since, "no more answers")


def deployed(project: Project) -> Project:
    """Deploy, and check that one of each runs, and nothing else."""
    project.must("deploy")
    assert sorted(processes(project).values()) == [
        "_bentoml_impl.worker.service", "caddy", "listening.py", "supervise.py",
    ]  # fmt: skip
    assert len(list(folder(project).glob("sockets-*"))) == 1
    return project


@pytest.mark.parametrize(
    "names",
    [
        ("caddy",),
        ("supervise.py",),
        ("supervise.py", "caddy"),
        ("listening.py",),
        ("listening.py", "supervise.py"),
    ],
    ids=", ".join,
)
def test_only_what_was_in_flight_is_lost(names: tuple[str, ...], service: Project) -> None:
    """New connections wait for the next proxy; a deploy takes over beside what is left."""
    before = processes(deployed(service))
    with load(service) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        in_flight = len(traffic.open)
        killed_at = kill(*(one for one, name in before.items() if name in names))
        if names == ("caddy",):
            goes_on(traffic, killed_at)
        deployed(service)
        goes_on(traffic, time.time())
    counts = traffic.counts
    print(f"\nkill -9 of {names}: {counts.lost} lost of {counts.answered}, {in_flight} in flight")
    assert all(sent < killed_at for sent in traffic.losses), counts
    assert counts.lost <= (traffic.connections if "caddy" in names else 0)
    assert set(counts.statuses) == {200}
    if "supervise.py" in names:
        left = set(before) & set(processes(service))
        assert {before[one] for one in left} <= {"listening.py"}
    assert "ready" in service.must("status")


def test_a_supervisor_that_hangs_is_said_and_replaced(service: Project) -> None:
    """No command waits for it for ever; what serves goes on until the next one's does."""
    before = process(deployed(service), "supervise.py")
    with load(service) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        before.send_signal(signal.SIGSTOP)
        began = time.time()
        assert "does not run or cannot be asked, but" in service.must("status")
        assert time.time() - began < 30
        assert "the supervisor runs but says nothing" in service.must("deploy")
        goes_on(traffic, time.time())
    deployed(service)
    counts = traffic.counts
    print(f"\nhung supervisor: {counts.lost} lost of {counts.answered}")
    assert (counts.lost, set(counts.statuses)) == (0, {200})
    assert not before.is_running()
    assert "ready" in service.must("status")
    process(service, "supervise.py").send_signal(signal.SIGSTOP)
    assert "development is stopped" in service.must("stop")
    nothing_is_left(service)


def test_sockets_that_are_deleted_are_made_again(service: Project) -> None:
    """What runs cannot be asked then, and is found all the same."""
    deployed(service)
    for lost in (False, True):
        shutil.rmtree(next(folder(service).glob("sockets-*")))
        (folder(service) / "holder.sock").unlink()
        if lost:
            (folder(service) / "sockets.json").unlink()
        printed = service.must("status")
        assert re.search(r"cannot be asked, but \d of its processes do run: run `make dep", printed)
        deployed(service)
        assert ask(service, "/v1/model")["version"] == "1"
    shutil.rmtree(next(folder(service).glob("sockets-*")))
    (folder(service) / "sockets.json").unlink()
    assert "development is stopped" in service.must("stop")
    nothing_is_left(service)


def nothing_is_left(project: Project) -> None:
    """Assert that nothing runs, no socket and no folder of sockets is there, the port is free."""
    assert processes(project) == {}
    assert [path for path in folder(project).rglob("*") if path.is_socket()] == []
    assert list(folder(project).glob("sockets-*")) == []
    assert "nothing was running" in project.must("stop")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_have_any_name(name: str, service: Project, tmp_path: Path) -> None:
    """It is moved there; its sockets are in it, whatever its path is made of, and how long."""
    home = service.root
    service.must("stop")
    (tmp_path / name).mkdir()
    project = Project(home.rename(tmp_path / name / "flight-delay"), service.environment)
    try:
        deployed(project)
        assert "ready" in project.must("status")
        assert '"probability"' in project.must("predict")
        assert {path.parent.parent for path in sockets(project)} <= {
            folder(project), folder(project).parent,
        }  # fmt: skip
        assert "development is stopped" in project.must("stop")
        nothing_is_left(project)
    finally:
        project.root.rename(home)


def sockets(project: Project) -> list[Path]:
    """Return every socket in the project."""
    found = [path for path in folder(project).rglob("*") if path.is_socket()]
    assert len(found) == 4
    return found


def test_a_folder_is_moved_while_it_serves(service: Project, tmp_path: Path) -> None:
    """The next deploy takes over from what was started under the old name; nothing is lost."""
    home = deployed(service).root
    with load(service) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        project = Project(home.rename(tmp_path / "moved"), service.environment)
        try:
            project.must("deploy")
            started = processes(project)
            goes_on(traffic, time.time())
        finally:
            project.root.rename(home)
    assert (traffic.counts.lost, set(traffic.counts.statuses)) == (0, {200})
    deployed(service)
    assert [one for one in started if one.is_running() and started[one] != "listening.py"] == []


def test_the_supervisors_own_reason_is_given(service: Project, tmp_path: Path) -> None:
    """All of it, and not how to get help."""
    service.must("stop")
    command = ["bash", "-c", 'ulimit -n 256; exec "$@"', "-", *service.command("deploy")]
    done = run(*command, folder=service.root, environment=service.variables({}))
    stopped(done, "deploy", "does not start with 256 open files, which `ulimit -n` allows")
    # Nothing of ours looks into the folder of sockets before it starts.
    settings = service.root / "src/lifecycle/rollout/programs.py"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("loglevel=warn", "loglevel=loud"), encoding="utf-8")
    message = stopped(service.make("deploy"), "deploy", "supervisor did not start: ", "loud")
    assert "For help" not in message
    settings.write_text(text, encoding="utf-8")
    far = tmp_path / ("x" * 120)
    far.mkdir()
    # That was a reason once, as sockets were there.
    service.must("deploy", TMPDIR=str(far))
    assert not any(path.is_socket() for path in far.rglob("*"))


def unit_of(project: Project) -> tuple[Path, dict[str, list[str]]]:
    """Write the unit, and return its file and its settings as systemd reads them."""
    printed = project.must("host-unit")
    (path,) = folder(project).glob("*.service")
    for words in (f"install -m 644 {shlex.quote(str(path))}", f"enable --now {path.name}"):
        assert words in printed
    found = dict[str, list[str]]()
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        found.setdefault(name, []).append(value.replace("%%", "%"))
    return path, found


def as_systemd(settings: dict[str, list[str]], what: str) -> str:
    """Run a command of the unit with what systemd would give it; it has to pass."""
    (command,) = settings[what]
    (home,) = settings["WorkingDirectory"]
    given = dict(shlex.split(value)[0].partition("=")[::2] for value in settings["Environment"])
    return succeed(*shlex.split(command), folder=Path(home), environment=given)


def test_after_a_reboot_the_unit_brings_back_what_served(service: Project, tmp_path: Path) -> None:
    """The same version, though another one waits to be deployed; it stops with the machine."""
    home = service.root
    service.must("stop")
    (tmp_path / NAMES[2]).mkdir()
    project = Project(home.rename(tmp_path / NAMES[2] / "flight-delay"), service.environment)
    try:
        before = processes(deployed(project))
        _, settings = unit_of(project)
        with load(project) as traffic:
            wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
            in_flight = len(traffic.open)
            off = kill(*before)
            for place in folder(project).glob("sockets-*"):
                shutil.rmtree(place)
            assert "does not run: run `make deploy`" in project.must("status")
            assert "start: version 1 " in as_systemd(settings, "ExecStart")
            began = time.time()
            goes_on(traffic, began)
        counts = traffic.counts
        refused = counts.errors["ConnectionRefusedError"]
        print(f"\nreboot: {counts.lost - refused} lost of those in flight ({in_flight} before), "
              f"{refused} refused in the {began - off:.1f} s without a machine, "
              f"{counts.answered} answered")  # fmt: skip
        assert counts.lost - refused <= traffic.connections
        assert max(traffic.losses, default=0) < began
        assert set(counts.statuses) == {200}
        assert "ready" in project.must("status")
        assert "development is stopped" in as_systemd(settings, "ExecStop")
        nothing_is_left(project)
        assert "start: version 1 " in project.must("start")
        project.must("stop")
    finally:
        project.root.rename(home)


def test_systemd_understands_the_unit(service: Project, tmp_path: Path) -> None:
    """Whatever the folder's name is; systemd is installed where it is missing."""
    home = service.root
    if shutil.which("systemd-analyze") is None:
        if not system_packages.can_install():
            if os.environ.get("CI") == "true":
                pytest.fail("no systemd-analyze, and no root and apt-get to install it")
            pytest.skip("NOT TESTED: the unit needs systemd-analyze, or root and apt-get for it")
        complaint = system_packages.install({"systemd-analyze": "systemd"}, dict(os.environ))
        assert complaint is None, complaint
    service.must("stop")
    (tmp_path / NAMES[2]).mkdir()
    project = Project(home.rename(tmp_path / NAMES[2] / "flight-delay"), service.environment)
    try:
        unit, _ = unit_of(project)
        whole = dict(os.environ)
        done = run("systemd-analyze", "verify", unit, folder=Path("/"), environment=whole)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    finally:
        project.root.rename(home)


def test_a_start_where_nothing_served_says_so(service: Project) -> None:
    """One line, and nothing runs."""
    said = "nothing served staging: run `make deploy ENV=staging`"
    stopped(service.make("start", "ENV=staging"), "start", said)
