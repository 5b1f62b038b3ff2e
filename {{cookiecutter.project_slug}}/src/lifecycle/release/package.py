"""Package builds a Bento pinned to one registered version, and keeps it when it proves itself.

The version is the challenger, or the champion where there is none (its Bento is built again when
the serving code has changed). The line stops when the packaged model does not answer its smoke
request as the pipeline did; then there is no Bento, and the champion is who it was. A Bento is
moved to its place whole, after the check; packaging again with nothing changed does nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import move, read_json, write_json, write_text
from lifecycle.contract.outcome.answer import departures, known_answers
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento, passed, registry
from lifecycle.records.artefact import fetch_model
from lifecycle.records.deployment import anything_live
from lifecycle.release import sbom, staging
from lifecycle.serving import refusal

SCRATCH = ".building-"


def compare(known: Sequence[dict[str, Any]], answer: dict[str, Any]) -> None:
    """Raise a `StageError` unless every row is answered as by the pipeline, to the last bit."""
    got = answer["predictions"]
    if len(got) != len(known):
        raise StageError(f"the Bento gave {len(got)} answers to {len(known)} smoke rows")
    for row, (given, wanted) in enumerate(zip(got, known, strict=True)):
        for name in departures(given, wanted):
            raise StageError(
                f"the Bento's answer to smoke row {row} is {given.get(name)!r}, the pipeline's is "
                f"{wanted[name]!r} ({name}): serving and training compute different features"
            )


def _in_serving(root: Path, source: Path, what: str, *arguments: str, **variables: str) -> None:
    """Run a module in the serving environment; its refusal or its last words become the error."""
    # BentoML looks for uv, which is here and not in the serving environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    more = {"PATH": path, **variables}
    done = subprocess.run(
        [bento.python(root), "-m", *arguments], cwd=source, capture_output=True, text=True,
        check=False, env=bento.environment(root, source, **more),
    )  # fmt: skip
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        # An error's message may go on over indented lines.
        begin = max(i for i, line in enumerate(words) if i == 0 or not line.startswith(" "))
        last = " ".join(line.strip() for line in words[begin:])
        raise StageError(
            f"{what} failed: {refusal.read(Path(variables[refusal.VARIABLE])) or last}"
        )


def build(root: Path, stage: Path, tag: str, scratch: Path) -> Path:
    """Build the Bento `tag` below `scratch` and return its folder."""
    name, _, version = tag.partition(":")
    _in_serving(
        root, stage, "building the Bento", "bentoml", "build", ".", "--version", version,
        # Relative, BentoML would refuse it below any hidden folder.
        "--bentofile", str(stage / "bentofile.yaml"), BENTOML_HOME=str(scratch),
        REFUSAL_FILE=str(scratch / "refusal.json"),
    )  # fmt: skip
    built = scratch / "bentos" / name / version
    lock = stage / "requirements.txt"
    # BentoML adds itself to the list once more, without its hashes.
    write_text(built / seal.LOCK, lock.read_text(encoding="utf-8"))
    # And writes these down in an order of its own; the tag names what was staged.
    shutil.copyfile(stage / "bentofile.yaml", built / "src" / "bentofile.yaml")
    dockerfile = built / "env/docker/Dockerfile"
    plain, strict = " pip install -r ", " pip install --require-hashes -r "
    content = dockerfile.read_text(encoding="utf-8")
    if plain not in content:
        raise StageError(
            "BentoML's Dockerfile installs in an unknown way: no hashes would be asked"
        )
    write_text(dockerfile, content.replace(plain, strict))
    write_json(built / "sbom.cdx.json", sbom.bill_of_materials(lock, name, version))
    return built


def check_smoke(root: Path, built: Path, scratch: Path) -> float:
    """Let the built Bento answer its smoke request; return the seconds that it took.

    Raises:
        StageError: it does not answer as the pipeline did.
    """
    began, answer = time.monotonic(), scratch / "answer.json"
    _in_serving(
        root, built / "src", "the smoke check", "lifecycle.serving.smoke", str(built), str(answer),
        LIFECYCLE_ENVIRONMENT="development", REFUSAL_FILE=str(scratch / "refusal.json"),
    )  # fmt: skip
    compare(known_answers(read_json(built / "src/release/smoke.json")), read_json(answer))
    return time.monotonic() - began


def ensure_bento(root: Path, params: Params, schema: Schema, version: registry.Version) -> str:
    """Return the tag of the version's Bento, built and checked if it is not there yet."""
    began, home = time.monotonic(), bento.home(root)
    home.mkdir(exist_ok=True)
    for stale in home.glob(f"{SCRATCH}*"):
        shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=home) as temporary:
        scratch, stage = Path(temporary), Path(temporary) / "stage"
        stage.mkdir()
        model = fetch_model(root, version.tags)
        staging.stage(root, stage, params, schema, version, model)
        tag = f"{params.project.name}:{version.number}-{staging.content_hash(stage)}"
        place = bento.folder(root, tag)
        there = place.exists()
        damage = bento.damage(root, tag, version.tags)
        if there and damage is None:
            print(f"package: {tag} is there already")
            return tag
        if there:
            print(f"package: {tag} is not what was packaged ({damage}): it is made again")
        # A second of imports that a Bento which is there already does not need.
        from lifecycle.release.smoke_request import add_smoke

        add_smoke(root, stage, params, schema)
        built = build(root, stage, tag, scratch)
        seal.forget_caches(built)
        seal.write(built / "src", built)
        smoke_seconds = check_smoke(root, built, scratch)
        seal.forget_caches(built)
        place.parent.mkdir(parents=True, exist_ok=True)
        if there:
            place.rename(scratch / "damaged")
        move(built, place)
        write_text(place.parent / "latest", place.name)
    size = sum(p.stat().st_size for p in place.rglob("*") if p.is_file()) / 1e6
    print(
        f"package: {tag}, {size:.1f} MB, in {time.monotonic() - began:.1f} s "
        f"(of which the smoke check {smoke_seconds:.1f} s)"
    )
    return tag


def package(root: Path, params: Params, schema: Schema) -> bento.Released:
    """Package the challenger, or the champion; while nothing is deployed, it is the champion now.

    Where something is, the challenger becomes the champion when its rollout is complete.
    """
    versions = registry.connect(root, params)
    version = passed.wanted(root, versions)
    packaged = bento.Released(ensure_bento(root, params, schema, version), version.number)
    settle(root, versions, packaged)
    return packaged


def settle(root: Path, versions: registry.Registry, packaged: bento.Released) -> None:
    """Remember a Bento; while nothing is deployed, it is the one that should serve."""
    bento.remember(root, packaged)
    if not anything_live(root):
        versions.set_alias("champion", packaged.version)
        bento.point_to(root, packaged)
        # Last: a crash before it makes the next run do these steps again.
        versions.drop_alias("challenger")


def main() -> None:
    """Package what the registry names."""
    package(project_root(), load_params(), load_schema())
