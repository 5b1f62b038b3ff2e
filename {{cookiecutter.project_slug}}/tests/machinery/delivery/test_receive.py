"""Whatever a bundle says of itself, it is taken in whole or it changes nothing, here or outside."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import random
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import PARAMS, SCHEMA, Bundle, archive, packed, plain, sealed
from folders import EXAMPLE

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json, write_text
from lifecycle.core.command import run
from lifecycle.core.params import Params, load_params
from lifecycle.delivery import receive
from lifecycle.records import bento, passed, proof, registry, unpack, verdict
from lifecycle.records.deployment import Deployment, Outcome, State

Spoil = Callable[[Bundle], object]
NAME, NO_BUNDLE = "shrunk", " is no bundle: `make bundle` packs one ("


class Host:
    """A machine that has received version 1, and the folder in which its project lies."""

    def __init__(self, folder: Path, params: Params) -> None:
        """Make a repository whose registry has version 1."""
        self.folder, self.params = folder, params
        self.root, self.path = folder / "host" / "project", folder / "bundle.tar.gz"
        self.root.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        # Where the commit of a bundle is unknown, these say which rules are asked for.
        shutil.copy(PARAMS, self.root)
        shutil.copy(SCHEMA, self.root)
        self.first = Bundle(NAME, 1, b"first", folder / "first")
        self.second = Bundle(NAME, 2, b"second", folder / "second")
        self.path.write_bytes(self.first.content())
        receive.receive(self.root, params, self.path)

    def state(self) -> dict[str, Any]:
        """Return every file there is, here and around, and what the registry says."""
        versions = registry.connect(self.root, self.params)
        # The store is asked, since it is rewritten by being asked.
        paths = [path for path in sorted(self.folder.rglob("*"))
                 if path != self.path and "mlflow.db" not in path.name]  # fmt: skip
        files = {path: md5(path) for path in paths if path.is_file()}
        folders = [path for path in paths if path.is_dir()]
        known = {one.number: one.tags for one in versions.all()}
        return {"files": files, "folders": folders, "versions": known,
                "aliases": versions.aliases()}  # fmt: skip

    def refuses(
        self, content: bytes, capsys: pytest.CaptureFixture[str], variables: str = ""
    ) -> str:
        """Receive it as `make receive` does; return its one line."""
        self.path.write_bytes(content)
        with pytest.raises(SystemExit) as stopped:
            run("receive", lambda: print(
                receive.receive(self.root, self.params, self.path, variables)
            ))  # fmt: skip
        assert stopped.value.code == 1
        line = capsys.readouterr().err
        assert line.startswith("receive: ")
        assert line.count("\n") == 1
        assert line.strip().isprintable()
        assert len(line) < 700
        return line


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Host:
    """A host that no test changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return Host(tmp_path_factory.mktemp("host"), params)


@pytest.fixture(autouse=True)
def _local_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def fact(**changes: Any) -> Spoil:
    return lambda bundle: bundle.facts.update(changes)


def tag(**changes: Any) -> Spoil:
    return lambda bundle: bundle.facts["lineage"].update(changes)


def without_tag(name: str) -> Spoil:
    return lambda bundle: bundle.facts["lineage"].pop(name)


def gate(**changes: Any) -> Spoil:
    return lambda bundle: bundle.facts["gate"].update(changes)


def file(name: str) -> Spoil:
    """Add a file of a name, listed as the others are."""
    return lambda bundle: bundle.more.update({name: b"evil"})


def manifest(change: Callable[[dict[str, Any]], object]) -> Spoil:
    return lambda bundle: setattr(bundle, "manifest", change)


def manifest_text(text: bytes) -> Spoil:
    return lambda bundle: setattr(bundle, "manifest_text", text)


def facts_text(text: bytes) -> Spoil:
    return lambda bundle: setattr(bundle, "facts_text", text)


def member(kind: bytes, name: str = "bento/more", link: str = "/etc/passwd") -> Spoil:
    """Put a member of a kind before the last one."""

    def put(members: list[Any]) -> None:
        made = plain(name, b"", kind)
        made.linkname = link
        members.insert(-1, (made, b""))

    return lambda bundle: setattr(bundle, "members", put)


def members(change: Callable[[list[Any]], object]) -> Spoil:
    return lambda bundle: setattr(bundle, "members", change)


def sized(size: int) -> Spoil:
    """Let the manifest and the header promise a size that the file does not have."""

    def promise(found: dict[str, Any]) -> None:
        found["files"]["bento/bento.yaml"]["size"] = size

    def head(members: list[Any]) -> None:
        next(one for one, _ in members if one.name == "bento/bento.yaml").size = size

    def spoil(bundle: Bundle) -> None:
        bundle.manifest, bundle.members = promise, head

    return spoil


def tar(change: Callable[[bytearray], object]) -> Spoil:
    """Change the archive's bytes before they are packed."""
    return lambda bundle: setattr(bundle, "archive", change)


def field(place: tuple[int, int], content: bytes, number: int = 0) -> Spoil:
    """Write something into a field of a header (the manifest's is the first), with its checksum."""

    def change(written: bytearray) -> None:
        begin = written.index(b"version.json\0") if number else 0
        first, last = place
        written[begin + first : begin + last] = content[: last - first].ljust(last - first, b"\0")
        written[begin + 148 : begin + 156] = b" " * 8
        total = sum(written[begin : begin + tarfile.BLOCKSIZE])
        written[begin + 148 : begin + 156] = b"%06o\0 " % total

    return tar(change)


def format_of(text: str) -> Spoil:
    """Write the manifest's format in another way."""

    def spoil(bundle: Bundle) -> None:
        listed = json.dumps(bundle.listed())
        bundle.manifest_text = ('{"format": ' + text + ', "files": ' + listed + "}").encode()

    return spoil


def in_bento(change: Callable[[Path], object], again: bool = False) -> Spoil:
    """Change the Bento's files, and with `again` seal it as if it had been packaged so."""

    def spoil(bundle: Bundle) -> None:
        change(bundle.bento)
        if again:
            seal.write(bundle.bento / "src", bundle.bento)

    return spoil


def only(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Change the verdict, and not the hash of it in the lineage."""

    def spoil(bundle: Bundle) -> None:
        bundle.content()
        bundle.follows = False
        change(bundle.facts["gate"])

    return spoil


def forged(change: Callable[[Path], object]) -> Spoil:
    """Change the Bento's files, and whatever of a bundle names a hash of them."""

    def spoil(bundle: Bundle) -> None:
        change(bundle.bento)
        name, version = bundle.facts["name"], bundle.facts["version"]
        bundle.facts["tag"] = sealed(bundle.bento, f"{name}:{version}")

    return spoil


def released_as(**changes: Any) -> Spoil:
    """Let release.json say something else; what is None is left out."""

    def change(folder: Path) -> None:
        path = folder / "src/release/release.json"
        found = json.loads(path.read_text()) | changes
        write_json(path, {key: one for key, one in found.items() if one is not None})

    return forged(change)


def more(name: str) -> Callable[[Path], object]:
    """Add a line to a file."""
    return lambda folder: write(name, (folder / name).read_bytes() + b"\n# more\n")(folder)


def smoke(change: Callable[[Any], object]) -> Spoil:
    def write_it(folder: Path) -> None:
        found = json.loads((folder / "src" / seal.SMOKE).read_text())
        change(found)
        write_json(folder / "src" / seal.SMOKE, found)

    return forged(write_it)


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def another_version(number: Any) -> Spoil:
    """Name another number wherever one is named."""

    def spoil(bundle: Bundle) -> None:
        folder = bundle.bento.parent / "again"
        made = Bundle(NAME, number, b"second", folder)
        bundle.facts, bundle.bento = made.facts, made.bento

    return spoil


NAMES = ["../evil", "/evil", "bento/../../evil", "bento/./evil", "bento//evil", "bento/", "bento",
         "bento/evil\n", "bento/e vil", "bento/\u00e9vil", "bento\\evil", "bento/a:b", "BENTO/evil",
         "version.json/evil", "evil", "./version.json", "bento/src/..", "bento/" + "x" * 81,
         "bento/" + "/".join("abcdefghi"), "bento/bento.yaml/evil", "bento/SRC/service.py",
         "bento/Bento.yaml", "manifest.json", "bento/src/__pycache__/service.cpython-311.pyc",
         "bento/src/__PyCache__/x", "bento/__pycache__", "bento/src/service.pyc", "bento/x.PYO",
         "bento/src/service.cpython-311-x86_64-linux-gnu.so", "bento/x.pyd/y"]  # fmt: skip
KINDS = {"a link": tarfile.SYMTYPE, "a hard link": tarfile.LNKTYPE, "a device": tarfile.CHRTYPE,
         "a disk": tarfile.BLKTYPE, "a pipe": tarfile.FIFOTYPE, "a folder": tarfile.DIRTYPE,
         "a sparse file": tarfile.GNUTYPE_SPARSE, "a header of pax": tarfile.XHDTYPE,
         "a global header": tarfile.XGLTYPE, "a long name": tarfile.GNUTYPE_LONGNAME,
         "an unknown kind": b"Z"}  # fmt: skip
# What a header of a file may say of its number in base 256, which tar allows.
NUMBERS = {"-1": b"\xff" * 12, "-8": b"\xff" * 11 + b"\xf8", "2^80": b"\x80\x01" + bytes(10),
           "100": b"\x80" + bytes(10) + b"\x64", "nothing": bytes(12),
           "-1 in octal": b"-0000000001\0",
           "spaces": b"        400\0", "not octal": b"99999999999\0"}  # fmt: skip
SIZE, MODE, OWNER, TIME = (124, 136), (100, 108), (108, 116), (136, 148)
REPEATED = (b'{"format": 1, "format": 1, "files": {}}', b"[]", b"null", b"", b"[" * 90_000,
            b'{"format": 1, "files": []}', b'{"format": 1, "files": {}}', b"\xff",
            b'{"format": 2, "files": {}}', b'{"format": true, "files": {}}')  # fmt: skip
NEVER = "is here already with another"
TRACKED = {"features_md5": "src/project/features.py", "schema_md5": "schema.yaml",
           "params_md5": "params.yaml", "dvc_lock_md5": "dvc.lock",
           "environment_md5": "requirements/development.txt",
           "serving_environment_md5": "requirements/serving.txt"}  # fmt: skip

HOSTILE: list[tuple[str, Spoil, str]] = [
    *((f"a file {name!r:.30}", file(name), "") for name in NAMES),
    *((name, member(kind), NO_BUNDLE) for name, kind in KINDS.items()),
    *((f"a manifest {text!r:.30}", manifest_text(text), NO_BUNDLE) for text in REPEATED),
    *((f"a size of {name} in the {('first', 'second')[number]} header", field(SIZE, one, number),
       NO_BUNDLE) for name, one in NUMBERS.items() for number in (0, 1)),
    *((f"{name} in another field", field(place, one), "has a header that no bundle has")
      for name, one, place in (("-1", b"\xff" * 12, MODE), ("a mode", b"0004755\0", MODE),
                               ("an owner", b"0000001\0", OWNER), ("a time", b"1" * 11, TIME),
                               ("a link", b"/etc/passwd", (157, 257)),
                               ("a name", b"me", (265, 297)), ("padding", b"evil", (500, 512)))),
    *((f"the format {text}", format_of(text), "format: ") for text in ("true", "1.0", "2", '"1"')),
    *((f"a manifest in {name}", lambda b, name=name: setattr(
        b, "encoding", name), NO_BUNDLE)
      for name in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")),
    *((f"facts in {name}", lambda b, name=name: setattr(b, "facts_text", json.dumps(
        b.facts).encode(name)), NO_BUNDLE) for name in ("utf-16", "utf-32-be", "utf-8-sig")),
    ("a record of zeros more", tar(lambda a: a.extend(bytes(tarfile.RECORDSIZE))), "does not end"),
    ("a block of zeros more", tar(lambda a: a.extend(bytes(512))), "does not end"),
    ("a block of zeros less", tar(lambda a: a.__delitem__(slice(-512, None))), "cut off"),
    ("a large manifest", manifest_text(b" " * 1_000_001), "does not begin with manifest.json"),
    ("no manifest", members(lambda m: m.pop(0)), "does not begin with manifest.json"),
    ("a manifest at the end", members(lambda m: m.append(m.pop(0))), "does not begin with"),
    ("a file not listed", lambda b: b.left_out.update(["bento/sbom.cdx.json"]),
     "not list"),
    ("a file left out", members(lambda m: m.pop()), NO_BUNDLE),
    ("a file twice", members(lambda m: m.append(m[-1])), "does not end behind its last file"),
    ("other content", members(lambda m: m.__setitem__(-1, (m[-1][0], b"{"))), NO_BUNDLE),
    ("a negative size", manifest(lambda m: m["files"]["version.json"].update(size=-1)), NO_BUNDLE),
    ("a size in words", manifest(lambda m: m["files"]["version.json"].update(size="9")), NO_BUNDLE),
    ("a hash of old", manifest(lambda m: m["files"]["version.json"].update(sha256="0" * 32)),
     NO_BUNDLE),
    ("more of a file", manifest(lambda m: m["files"]["version.json"].update(mode=511)), NO_BUNDLE),
    ("a promise of 8 GB", sized(8 * 10**9), "a file is larger than"),
    ("a promise of 5 MB", sized(5 * 10**6), NO_BUNDLE),
    ("many of 9 MB", lambda b: b.more.update({f"bento/{n}": bytes(9 * 10**6) for n in range(5)}),
     "it would unpack to more than"),
    ("3,000 files", lambda b: b.more.update({f"bento/{n}": b"" for n in range(3000)}), NO_BUNDLE),
    ("no version", lambda b: b.facts.pop("version"), "version: Field required"),
    *((f"version {number!r}", fact(version=number), NO_BUNDLE)
      for number in ("2", True, 2.0, 0, -1, None, [2], 10**12, 3)),
    ("a version far ahead", another_version(5000), "version 5000 is none of this registry"),
    *((f"the tag {text!r:.30}", fact(tag=text), NO_BUNDLE)
      for text in ("x:../../../../ESC", f"{NAME}:evil", f"{NAME}:2-0000000", f"{NAME}:2-00000000\n",
                   f"{NAME}:1-00000000", "other:2-00000000", f"{NAME}:2-00000000", "", 2, None)),
    ("another project", fact(name="other"), NO_BUNDLE),
    ("a name of another type", fact(name=7), NO_BUNDLE),
    ("another key", fact(more=1), "more: Extra inputs are not permitted"),
    ("facts that are none", facts_text(b"[]"), NO_BUNDLE),
    ("facts that are no JSON", facts_text(b"{"), NO_BUNDLE),
    ("facts too deep", facts_text(b"[" * 90_000), "it is nested too deep"),
    ("a metric that is none", fact(metrics={"roc_auc": "0.9"}), NO_BUNDLE),
    ("an empty lineage", fact(lineage={}), "its lineage has no git_commit"),
    ("a lineage as a text", fact(lineage="all"), NO_BUNDLE),
    *((f"no {name}", without_tag(name), f"its lineage has no {name}")
      for name in (*proof.NEEDED, "train_last", "threshold", "metric.roc_auc")),
    ("a commit that is none", tag(git_commit="HEAD"), "git_commit"),
    ("a commit as an option", tag(git_commit="--output=/evil"), "git_commit"),
    ("a hash that is none", tag(data_md5="../evil"), "data_md5"),
    ("a number for a text", tag(data_md5=7), NO_BUNDLE),
    ("a key that is none", tag(**{"../evil": "x"}), "that none has"),
    ("a text of many lines", tag(window="2013\nevil"), "window"),
    ("a text of a terminal", tag(window="\x1b[2Jevil"), "window"),
    ("a threshold that is none", tag(threshold="nan"), "threshold"),
    ("a difference nobody measured", in_bento(
        lambda f: (f / "src/release/difference.json").write_text("{}"), again=True), "tag names"),
    ("a difference left out", tag(difference="{}"), "difference.json is not what its lineage"),
    ("a difference that is none", tag(difference="{"), NO_BUNDLE),
    ("a refused version", tag(gate_verdict="fail"), "the gate did not pass its version"),
    ("a refusal", gate(verdict="fail"), "the gate's verdict is not one of the gate"),
    ("approved by hand", gate(verdict="approved by me"), "the gate's verdict is not one"),
    ("no rules", gate(rules=[]), "the gate's verdict is not one of the gate"),
    ("a rule that failed", lambda b: b.facts["gate"]["rules"][0].update(verdict="fail"),
     "rules that failed: roc_auc"),
    ("an empty verdict", fact(gate={}), "the gate's verdict is not one of the gate"),
    ("a verdict of another", gate(model_md5="0" * 32), "its verdict is about another model_md5"),
    ("a verdict on other data", gate(holdout_md5="0" * 32), "is about another holdout_md5"),
    ("half of the rules", lambda b: b.facts["gate"].update(rules=b.facts["gate"]["rules"][:1]),
     "rules that are missing: "),
    ("no rule of a slice", lambda b: b.facts["gate"]["rules"].pop(-4), "rules that are missing: "),
    ("a rule of another machine", lambda b: b.facts["gate"]["rules"].append(
        {**b.facts["gate"]["rules"][0], "rule": "mine"}), "are no rules of params.yaml: mine"),
    ("a figure of a verdict", only(lambda g: g["rules"][0].update(measured="0.99")),
     "its verdict is another than its"),
    ("a note in a verdict", only(lambda g: g.update(note="evil")), "its verdict is another than"),
    ("a champion below 1", gate(champion=-1), "champion: "),
    ("no metrics", fact(metrics={}), "its metrics are not those of its lineage"),
    ("other metrics", lambda b: b.facts["metrics"].update(roc_auc=0.99), "its metrics are not"),
    *((f"{key} {text!r:.30}", tag(**{key: text}), f"its lineage has a {key} that none has")
      for key, texts in {
          "metric.roc_auc": ("abc", "nan", "inf", "-inf", "1e999", "", "0_7", " 0.7", "0.7\n",
                             "0x1"),
          "threshold": ("1.9", "-0.1", "nan", "x", "1e-", "0.3 ", "1_0"),
          "train_last": ("yesterday", "9999", "2013-02-01T00:00:00+00:00", "2013-02-30", "201302",
                         "2013-02-01 23:59:00Z", "2013-W05-1", "20130201", "2013-02-01T00:00:00"),
          "window": ("x", "2013-02 to 2013-01", "2013-13 to 2014-01", "2013-01", "2013-01 to now"),
      }.items() for text in texts),
    *((f"train_last {text}", tag(train_last=text), "a train_last outside its window")
      for text in ("9999-01-01 00:00:00", "2013-03-01", "2012-12-31 23:59:00")),
    *((f"a release with {key} {one!r:.20}", released_as(**{key: one}), words)
      for key, one, words in (
          ("threshold", 0.9, "has not the threshold"), ("threshold", None, "threshold"),
          ("threshold", "0.3", "threshold"), ("threshold", True, "threshold"),
          ("git_commit", "f" * 40, "is not the git_commit"), ("name", "other", "of another name"),
          ("gate_verdict", "fail", "gate_verdict"), ("git_commit", None, "is not the git_commit"),
          ("maximum_rows", 0, "maximum_rows"), ("maximum_rows", None, "maximum_rows"),
          ("prediction_log", {}, "prediction_log"), ("evil", 1, "evil: Extra inputs"))),
    ("other features", forged(more("src/project/features.py")),
     "registry's features_md5"),
    ("another schema", forged(more("src/release/schema.yaml")), "registry's schema_md5"),
    ("another lock", forged(more(seal.LOCK)), "registry's serving_environment_md5"),
    ("no features", forged(lambda f: (f / "src/project/features.py").unlink()),
     "features.py is missing"),
    ("no smoke request", forged(lambda f: (f / "src" / seal.SMOKE).unlink()),
     "smoke.json is missing"),
    *((f"a smoke request {text!r:.20}", forged(write(f"src/{seal.SMOKE}", text)), "smoke.json")
      for text in (b"{}", b"[]", b"", b"\xff", b"[" * 90_000, b'{"request": {}}')),
    ("no rows to smoke", smoke(lambda s: s["request"].update(records=[])), "smoke.json"),
    ("an empty row to smoke", smoke(lambda s: s["request"].update(records=[{}])), "smoke.json"),
    ("a row more", smoke(lambda s: s["request"]["records"].append(s["request"]["records"][0])),
     "smoke.json: it has not one probability"),
    ("an impossible answer", smoke(lambda s: s.update(probabilities=[1.5])), "smoke.json"),
    ("an answer in words", smoke(lambda s: s.update(probabilities=["0.5"])), "smoke.json"),
    *((f"a bento.yaml {text!r:.30}", forged(write("bento.yaml", text)), "bento.yaml")
      for text in (b"\xff", b"", b"[]", b"{", b"a: &a [*a", b"[" * 900_000, b"- " * 900_000,
                   b"!!python/object/apply:os.system [id]",
                   b"name: x\nversion: 1\nservice: service:service\n", b"- !!timestamp x\n")),
    ("no Bento", in_bento(lambda f: (f / "bento.yaml").unlink()), "it holds no Bento"),
    ("a Bento without code", lambda b: shutil.rmtree(b.bento / "src"), "manifest.json is missing"),
    ("another model", in_bento(write("src/release/model.ubj", b"evil")), "model.ubj is another"),
    ("another model, sealed", in_bento(write("src/release/model.ubj", b"evil"), again=True),
     "its files are not those that its tag names"),
    ("more code", in_bento(write("src/xgboost.py", b"evil")), "xgboost.py was added"),
    ("more code, sealed", in_bento(write("src/xgboost.py", b"evil"), again=True), "tag names"),
    ("no record", in_bento(lambda f: (f / "src/release/release.json").unlink(), again=True),
     "tag names"),
    ("no lock", in_bento(lambda f: (f / seal.LOCK).unlink(), again=True), "txt is missing"),
    ("the model of another lineage", lambda b: [
        part.update(model_md5="0" * 32) for part in (b.facts["lineage"], b.facts["gate"])],
     "is not the model that the registry names"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), [r[1:] for r in HOSTILE], ids=[r[0] for r in HOSTILE])
def test_a_hostile_bundle_changes_nothing(
    spoil: Spoil, words: str, host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = host.second.copy(tmp_path)
    spoil(bundle)
    before = host.state()
    content = bundle.content()
    line = host.refuses(content, capsys)
    assert words in line
    assert host.state() == before


def test_no_byte_of_a_bundle_can_be_another(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    content, before, chance = host.second.content(), host.state(), random.Random(7)
    places = [*range(12), *chance.sample(range(len(content)), 60), len(content) - 1]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        # Deflate has more than one way to write the same: then nothing is another.
        with contextlib.suppress(OSError, EOFError, zlib.error):
            if place >= 10 and gzip.decompress(bytes(flipped)) == gzip.decompress(content):
                continue
        assert "no bundle" in host.refuses(bytes(flipped), capsys), place
    for length in (0, 1, 9, 10, 11, 500, len(content) // 2, len(content) - 8, len(content) - 1):
        assert "no bundle" in host.refuses(content[:length], capsys), length
    members = [gzip.compress(one, mtime=0) for one in (b"", bytes(1024))]
    for more in (b"evil", content, b"\x1f\x8b", b"\0", bytes(100_000), *members):
        assert "no bundle" in host.refuses(content + more, capsys)
    assert host.state() == before


def test_a_bundle_that_grows_is_stopped_before_it_has_grown(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred megabytes of zeros take a hundred kilobytes packed."""
    read = 0
    plainly = unpack.Packed.read

    def count(file: unpack.Packed, size: int) -> bytes:
        nonlocal read
        found = plainly(file, size)
        read += len(found)
        return found

    monkeypatch.setattr(unpack.Packed, "read", count)
    members = [(plain("manifest.json", bytes(10**8)), bytes(10**8))]
    before = host.state()
    bomb = packed(archive(members))
    assert "no bundle" in host.refuses(bomb, capsys)
    tail = packed(archive([]) + bytes(10**8))
    assert "no bundle" in host.refuses(tail, capsys)
    # The size that most people take for none: everything that there is.
    bundle = host.second.copy(tmp_path)
    field(SIZE, b"\xff" * 12)(bundle)
    bundle.more["bento/large"] = bytes(10**8)
    assert "no bundle" in host.refuses(bundle.content(), capsys)
    assert 0 < read < 10**6
    assert host.state() == before


def test_a_version_that_is_here_is_never_changed(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = host.state()
    others: tuple[Spoil, ...] = (
        tag(window="2012-03 to 2013-04"),
        tag(more="evil"),
        lambda b: [tag(**{"metric.x": "1.0"})(b), b.facts["metrics"].update(x=1.0)],
    )
    for number, spoil in enumerate(others):
        bundle = host.first.copy(tmp_path / f"{number}")
        spoil(bundle)
        assert f"version 1 {NEVER} " in host.refuses(bundle.content(), capsys)
    other = Bundle(NAME, 1, b"another model", tmp_path / "other")
    assert f"version 1 {NEVER} model_md5" in host.refuses(other.content(), capsys)
    other_rows = host.first.copy(tmp_path / "smoke")
    smoke(lambda found: found.update(probabilities=[0.25]))(other_rows)
    assert "is here already with other content" in host.refuses(other_rows.content(), capsys)
    for number, name in enumerate(("src/service.py", "src/lifecycle/other.py")):
        served = host.first.copy(tmp_path / f"served-{number}")
        forged(write(name, b"print('evil')\n"))(served)
        assert served.facts["lineage"] == host.first.facts["lineage"]
        assert "version 1 is here already as the Bento " in host.refuses(served.content(), capsys)
    assert "not what was built" in host.refuses(host.first.content(), capsys, "0" * 64)
    assert host.state() == before
    host.path.write_bytes(host.first.content())
    receive.receive(host.root, host.params, host.path)
    assert "version 1 " in capsys.readouterr().out
    after = host.state()
    assert {**after, "files": {}} == {**before, "files": {}}


def test_a_good_bundle_is_taken_in_once(tmp_path: Path, params: Params,
                                        capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    host = Host(tmp_path / "machine", params)
    content = host.second.content()
    host.path.write_bytes(content)
    released = receive.receive(host.root, params, host.path, hashlib.sha256(content).hexdigest())
    assert released.version == 2
    assert bento.damage(host.root, released.tag, host.second.facts["lineage"]["model_md5"]) is None
    before = host.state()
    assert before["versions"][2] == host.second.facts["lineage"]
    assert "already" not in capsys.readouterr().out
    # Released anew, the same model has another commit, at another time: nothing of that is taken.
    anew = Bundle(NAME, 2, b"second", tmp_path / "anew", commit="c" * 40)
    assert anew.facts["tag"] != released.tag
    host.path.write_bytes(anew.content())
    assert receive.receive(host.root, params, host.path) == released
    assert "is here already, as it is" in capsys.readouterr().out
    assert host.state() == before
    # One that was rolled back here, and was never released, gives its number to the next.
    other = Bundle(NAME, 2, b"a better one", tmp_path / "other")
    assert NEVER in host.refuses(other.content(), capsys)
    Deployment(host.root, "staging").save(
        State(last=Outcome(2, "rolled back", "errors", "too many", "now"))
    )
    receive.receive(host.root, params, host.path)
    assert host.state()["versions"][2] == other.facts["lineage"]


def test_what_was_received_is_proved_by_the_verdict_that_came_with_it(
    tmp_path: Path, params: Params
) -> None:
    """It has no run here; taken in once more, a lost verdict is there again."""
    host = Host(tmp_path, params)
    version = registry.connect(host.root, params).get(1)
    assert passed.refusal(host.root, version) is None
    (host.root / ".lifecycle/verdicts/1.json").unlink()
    assert "nothing proves that it passed" in str(passed.refusal(host.root, version))
    receive.receive(host.root, params, host.path)
    assert passed.refusal(host.root, version) is None


def test_where_the_commit_is_here_all_of_the_lineage_is_what_it_has(
    tmp_path: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(tmp_path / "machine", params)
    model = hashlib.md5(b"second", usedforsecurity=False).hexdigest()
    data = dict.fromkeys(proof.DATA, "a" * 32) | {"model_md5": model}
    lock = "".join(f"- path: x\n  md5: {one}\n" for one in data.values())
    texts = {"dvc.lock": lock, "requirements/development.txt": "", seal.LOCK: "",
             "requirements/serving.txt": "six==1\n", "src/project/features.py":
             (EXAMPLE / "project/features.py").read_text(encoding="utf-8")}  # fmt: skip
    for name, text in texts.items():
        (host.root / name).parent.mkdir(parents=True, exist_ok=True)
        (host.root / name).write_text(text, encoding="utf-8")
    git = ["git", "-C", str(host.root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", *texts, "params.yaml", "schema.yaml"], check=True)
    subprocess.run([*git, "commit", "-qm", "A version"], check=True)
    said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    window = load_params(PARAMS).data.dates
    true = {"window": f"{window.start} to {window.end}", "train_last": f"{window.start}-01", **{
        key: md5(host.root / path) for key, path in TRACKED.items()}}  # fmt: skip
    good = Bundle(NAME, 2, b"second", tmp_path / "good", commit=said.stdout.strip())
    good.facts["lineage"].update(true)
    good.facts["gate"].update({key: good.facts["lineage"][key] for key in verdict.CONTENTS})
    before = host.state()
    for key in (*TRACKED, *proof.DATA, "window", "threshold"):
        other = {"window": f"{window.start} to {window.start}", "threshold": "0.01"}
        bundle = good.copy(tmp_path / key)
        bundle.facts["lineage"][key] = other.get(key, "0" * 32)
        if key in verdict.CONTENTS:
            bundle.facts["gate"][key] = "0" * 32
        line = host.refuses(bundle.content(), capsys)
        assert f"its commit has another {key} than its lineage names" in line
    # This project's settings of today ask for more; those of its commit hold.
    write_text(host.root / "params.yaml", "none")
    assert host.state() == before | {"files": host.state()["files"]}
    host.path.write_bytes(good.content())
    assert receive.receive(host.root, params, host.path).version == 2


def test_a_damaged_bento_is_mended_by_its_bundle(tmp_path: Path, params: Params) -> None:
    host = Host(tmp_path / "machine", params)
    released = receive.receive(host.root, params, host.path)
    model = bento.release_folder(host.root, released.tag) / "model.ubj"
    model.write_bytes(b"evil")
    with pytest.raises(StageError, match=r"or `make receive`"):
        bento.require(host.root, released.tag)
    receive.receive(host.root, params, host.path)
    assert bento.damage(host.root, released.tag) is None


def test_where_nothing_was_received_a_refusal_leaves_nothing(
    tmp_path: Path, params: Params
) -> None:
    root, path = tmp_path / "project", tmp_path / "bundle.tar.gz"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    write_json(path, {})
    with pytest.raises(StageError, match="is no bundle"):
        receive.receive(root, params, path)
    assert [path.name for path in root.iterdir()] == [".git"]
