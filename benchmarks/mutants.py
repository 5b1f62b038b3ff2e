"""Counts the mutants of the modules that decide which a project's own tests kill: `make mutants`.

Run it in a project that may be thrown away (its modules are written over), with mutmut beside its
libraries, as

    .venv/bin/python /path/to/benchmarks/mutants.py [tasks release/gate ...]

A mutant is one comparison, sign, operator, number, `and`/`or`, `not`, `in`/`is`, `True`/`False`,
`break`/`continue`, branch of a conditional expression or `case` that is turned round or taken
away. Texts are left as they are (they are messages), and so is what mutmut cannot mutate: what
stands outside of functions, and functions with a decorator.

mutmut writes the mutants into the modules, all at once, and chooses one when it is called. Its own
runner starts pytest anew for each; here one session collects the tests of a part, and each mutant
gets a fork of it in which only the tests run that call the mutated function, until one fails.
"""

import difflib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mutmut.mutation import mutators
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

# Functions of theirs that only write what people read.
SHOWN = {"drift.x_write_evidently", "gate.x_table", "validate.x_failure_lines"}
TURNED = {
    mutators.operator_swap_op,
    mutators.operator_remove_unary_ops,
    mutators.operator_keywords,
    mutators.operator_number,
    mutators.operator_name,
    mutators.operator_if_exp,
    mutators.operator_match,
}
FOLDER = Path("src/lifecycle")
# Which modules decide, with the tests of each part.
PARTS = Path(__file__).with_suffix(".toml")
RESULTS = Path("mutants.json")


class Mutant(NamedTuple):
    """One mutant: its module, the function that it is in, mutmut's name for it, what it changes."""

    module: str
    function: str
    name: str
    change: str


def write_mutants(module: str) -> list[Mutant]:
    """Write every mutant of a module into it, and return them."""
    path = FOLDER / f"{module}.py"
    mutated = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
    lines: list[str] = mutated.code.splitlines()
    spans = mutated.line_span_by_function_name

    def body(name: str) -> list[str]:
        return lines[spans[name].start : spans[name].end]

    dotted = f"lifecycle.{module.replace('/', '.')}"
    found = []
    for name in mutated.mutant_names:
        function = name.rpartition("__mutmut_")[0]
        if f"{Path(module).name}.{function}" in SHOWN:
            continue
        changed = difflib.ndiff(body(f"{function}__mutmut_orig"), body(name))
        change = "\n".join(
            " ".join(line.split())
            for line in changed
            if line[0] in "+-" and "__mutmut_" not in line
        )
        found.append(Mutant(module, f"{dotted}.{function}", f"{dotted}.{name}", change))
    path.write_text(mutated.code, encoding="utf-8")
    return found


class Made:
    """Has the whole pipeline run once, without a mutant, for the parts that only begin after it."""

    folder = Path("build/made").absolute()

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Path | None:
        """Give what was made, in the place of the fixture."""
        if fixturedef.argname != "pipeline" or not self.folder.exists():
            return None
        fixturedef.cached_result = (self.folder, fixturedef.cache_key(request), None)
        return self.folder


class Keep:
    """Keeps what the pipeline has made, for `Made`."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Path, Path]:
        """Copy what the fixture has made."""
        found = yield
        if fixturedef.argname == "pipeline" and not Made.folder.exists():
            shutil.copytree(found, Made.folder)
        return found


class InForks:
    """In pytest's place: runs the collected tests in a fork for each mutant."""

    def __init__(self, mutants: list[Mutant]) -> None:
        """Begin with nothing known of the tests."""
        self.mutants = mutants
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.seconds: dict[str, float] = {}
        self.ends: list[str] = []

    def pytest_runtest_logstart(self) -> None:
        """Forget what was called before the test."""
        state()._stats.clear()
        self.began = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note which functions the test has called, and its time."""
        self.seconds[nodeid] = time.process_time() - self.began
        for function in state()._stats:
            self.calls[function].append(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say at once what fails without a mutant; with one nobody listens."""
        if report.failed:
            print(report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test without a mutant, then for each mutant those that call its function."""
        threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
        if "polars-0\n" in threads:
            raise pytest.UsageError("a module of tests computes with Polars: a fork would hang")
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.close(reading)
            before = set(sys.modules)
            failed = run(session, session.items, "stats", 3600)
            modules = sorted(set(sys.modules) - before)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                json.dump([self.calls, self.seconds, failed, modules], pipe)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            self.calls, self.seconds, failed, modules = json.load(pipe)
        os.waitpid(child, 0)
        if failed:
            raise pytest.UsageError(f"without a mutant, too, {failed}")
        # What a test imports, no fork imports again.
        for name in modules:
            with suppress(ImportError, AttributeError):
                importlib.import_module(name)
        # What is not collected is not copied to be looked at.
        gc.collect()
        gc.freeze()
        for mutant in self.mutants:
            names = set(self.calls.get(mutant.function, ()))
            tests = [one for one in session.items if one.nodeid in names]
            tests.sort(key=lambda one: self.seconds[one.nodeid])
            self.ends.append(self.end_of(mutant, session, tests))
            print(f"{mutant.name} {self.ends[-1]}", file=sys.stderr, flush=True)
        return True

    def end_of(self, mutant: Mutant, session: pytest.Session, tests: list[pytest.Item]) -> str:
        """Return how a mutant ended: no tests, survived, killed or timeout."""
        if not tests:
            return "no tests"
        # Ten times what the tests need of a processor; of the clock more, for a busy machine.
        limit = 10 * (1 + sum(self.seconds[one.nodeid] for one in tests))
        if not (child := os.fork()):
            signal.alarm(int(10 * limit))
            os._exit(1 if run(session, tests, mutant.name, limit) else 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code in (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGALRM):
            return "timeout"
        return "killed" if code else "survived"


def run(session: pytest.Session, tests: list[pytest.Item], mutant: str, limit: float) -> str:
    """Run tests with a mutant in this process, which is a fork; return the first that fails."""
    if mutant != "stats":
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 5))
    set_mutant_under_test(mutant)
    for test, following in zip(tests, [*tests[1:], None], strict=True):
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        if session.testsfailed:
            return f"{test.nodeid} fails"
    return ""


def judge(part: str, modules: list[str], folders: list[str]) -> list[dict[str, str]]:
    """Return how each mutant of some modules of a part ended; nothing where its tests fail."""
    mutants = [mutant for module in modules for mutant in write_mutants(module)]
    loop = InForks(mutants)
    tests = [f"tests/machinery/{folder}" for folder in folders]
    # In no repository: tests take away that of a project.
    temporary = Path(tempfile.mkdtemp(prefix="mutants-")) / "tests"
    arguments = ["-q", "-s", "-p", "no:cacheprovider", f"--basetemp={temporary}"]
    shutil.rmtree(Made.folder, ignore_errors=True)
    made = [] if part == "pipeline" else [Keep(), Made()]
    code = pytest.main([*arguments, *tests], plugins=[loop, *made])
    if len(loop.ends) != len(mutants):
        raise SystemExit(f"ERROR: {part}: its tests do not pass (pytest ended with {int(code)})")
    return [mutant._asdict() | {"end": end} for mutant, end in zip(mutants, loop.ends, strict=True)]


def table(results: list[dict[str, str]]) -> str:
    """Return the figures for each module as a table of Markdown."""
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for one in results:
        for row in (one["module"], "all"):
            ends[row]["killed"] += one["end"] in ("killed", "timeout")
            ends[row]["mutants"] += 1
    whole = ends.pop("all")
    lines = ["| module | mutants | killed | share |", "|---|---|---|---|"]
    for row, count in [*ends.items(), ("all", whole)]:
        every, killed = count["mutants"], count["killed"]
        lines.append(f"| {row} | {every} | {killed} | {killed / every:.0%} |")
    return "\n".join(lines)


def main(chosen: list[str]) -> None:
    """Judge each part in a process of its own; write mutants.json; print survivors and figures."""
    mutators.mutation_operators[:] = [
        (kind, operator) for kind, operator in mutators.mutation_operators if operator in TURNED
    ]
    results: list[dict[str, Any]] = []
    for part, of in tomllib.loads(PARTS.read_text(encoding="utf-8")).items():
        wanted = [one for one in of["modules"] if not chosen or part in chosen or one in chosen]
        if not wanted:
            continue
        if not (child := os.fork()):
            RESULTS.write_text(json.dumps(results + judge(part, wanted, of["tests"]), indent=1))
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(1)
        results = json.loads(RESULTS.read_text())
    for one in results:
        if one["end"] in ("survived", "no tests"):
            print(f"{one['name']}: {one['end']}\n{one['change']}")
    print(table(results))


if __name__ == "__main__":
    main(sys.argv[1:])
