"""The MLflow model registry: versions with their lineage in tags, and two aliases, never stages.

`challenger` is what passed the gate, `champion` is what serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5
from lifecycle.core import git
from lifecycle.core.params import Judged, Params
from lifecycle.records import definition, store, tracking
from lifecycle.records.named import BEFORE

# MLflow answers one for a missing alias and the other for a missing model.
MISSING = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")

# Two of the files of a version's definition by tags of their own, which older versions have too.
DEFINITION = {"features_md5": "src/project/features.py", "schema_md5": "schema.yaml"}

# Files of the commit that a version leads back to, by the tag that holds their hash.
TRACKED = {
    **DEFINITION,
    "params_md5": "params.yaml",
    "dvc_lock_md5": "dvc.lock",
    "environment_md5": "requirements/development.txt",
    "serving_environment_md5": "requirements/serving.txt",
}

# The number of a model that stands in no registry, but in the dvc.lock of a commit.
UNREGISTERED = 0


def at_commit(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file of a commit from where it had it, or None where it had none.

    Raises:
        StageError: git could not look.
    """
    found = git.content(root, commit, path)
    return git.content(root, commit, BEFORE[path]) if found is None and path in BEFORE else found


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the tags that lead back to its origin, its run."""

    number: int
    tags: dict[str, str]
    run_id: str

    @property
    def name(self) -> str:
        """What people call it where it is compared with."""
        if self.number == UNREGISTERED:
            return f"the model of base {self.tags['git_commit'][:12]}"
        return f"champion version {self.number}"

    @property
    def metrics(self) -> dict[str, float]:
        """What it reached on its holdout, by metric."""
        found = {name: value for name, value in self.tags.items() if name.startswith("metric.")}
        return {name.removeprefix("metric."): float(value) for name, value in found.items()}


class Registry:
    """The versions of one registered model."""

    def __init__(self, client: Any, name: str) -> None:
        """Keep the client and the model's name; nothing is read yet."""
        self._client = client
        self.name = name

    def _ask(self, question: Any, *arguments: Any) -> Version | None:
        from mlflow.exceptions import MlflowException

        try:
            return _version(question(self.name, *arguments))
        except MlflowException as error:
            if error.error_code not in MISSING:
                raise
            return None

    def by_alias(self, alias: str) -> Version | None:
        """Return the version that `alias` names, or None."""
        return self._ask(self._client.get_model_version_by_alias, alias)

    def get(self, number: int) -> Version:
        """Return a version by its number.

        Raises:
            StageError: there is none.
        """
        found = self._ask(self._client.get_model_version, str(number))
        if found is None:
            raise StageError(f"{self.name} has no version {number}: `make ui` shows them")
        return found

    def all(self) -> list[Version]:
        """Return every version, oldest first."""
        found = self._client.search_model_versions(f"name = '{self.name}'")
        return sorted((_version(one) for one in found), key=lambda version: version.number)

    def aliases(self) -> dict[str, int]:
        """Return every alias with the number of the version that it names."""
        found = self._client.search_registered_models(f"name = '{self.name}'")
        return {alias: int(number) for one in found for alias, number in one.aliases.items()}

    def find(self, wanted: dict[str, str]) -> Version | None:
        """Return the version whose tags hold all that is wanted, the oldest, or None."""
        return next((v for v in self.all() if not otherwise(v.tags, wanted)), None)

    def _ensure(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def create(self, run_id: str, tags: dict[str, str]) -> Version:
        """Register the model that a run logged, with its tags, in one step of the store."""
        self._ensure()
        # By `runs:/`, MLflow lists a model but does not load it once its run has other artefacts.
        logged = self._client.get_run(run_id).data.tags["model_uri"]
        # A server, unlike a local store, wants the id again by itself.
        return _version(self._client.create_model_version(
            self.name, logged, run_id, tags=tags, await_creation_for=0,
            model_id=logged.removeprefix("models:/"),
        ))  # fmt: skip

    def adopt(self, number: int, tags: dict[str, str]) -> Version:
        """Return version `number`, made as it was elsewhere where this registry lacks it.

        Numbers that nobody released are used up, as the registry counts by itself. A version of
        another model under that number was never released: it becomes the one that was.
        """
        self._ensure()
        found = self._ask(self._client.get_model_version, str(number))
        while found is None:
            made = _version(self._client.create_model_version(
                self.name, f"git:model-{number}", tags=tags, await_creation_for=0
            ))  # fmt: skip
            if made.number > number:
                self._client.delete_model_version(self.name, str(made.number))
                raise StageError(f"{self.name} has no version {number}, and counts on from "
                                 f"{made.number}: a registry of another project?")  # fmt: skip
            if made.number == number:
                found = made
            else:
                self._client.delete_model_version(self.name, str(made.number))
        if found.tags != tags:
            for key, value in tags.items():
                self._client.set_model_version_tag(self.name, str(number), key, value)
        return self.get(number)

    def reserve(self, number: int, database: Path) -> None:
        """Let the next version of a local store have `number`, or a later one that is next."""
        self._ensure()
        newest = max((version.number for version in self.all()), default=0)
        if newest >= number - 1:
            return
        made = _version(self._client.create_model_version(
            self.name, "git:reserved", await_creation_for=0
        ))  # fmt: skip
        # MLflow counts on from the highest there is, also of those removed. One by one would take
        # minutes after some hundred runs.
        if made.number < number:
            store.renumber(database, self.name, made.number, number - 1)
            self._client.delete_model_version(self.name, str(number - 1))

    def set_alias(self, alias: str, number: int) -> None:
        """Point `alias` at a version."""
        self._client.set_registered_model_alias(self.name, alias, str(number))

    def drop_alias(self, alias: str) -> None:
        """Remove `alias`; nothing happens where it is not set."""
        if self.by_alias(alias) is not None:
            self._client.delete_registered_model_alias(self.name, alias)


def _version(found: Any) -> Version:
    return Version(int(found.version), dict(found.tags), found.run_id or "")


def deciding(root: Path, params: Params) -> dict[str, str]:
    """Return the tags of what is in the workspace that decide what a version answers.

    Where one of them is another, so is the version.
    """
    return {
        "model_md5": md5(root / params.paths.model),
        **threshold(params),
        **defining(root),
    }


def threshold(params: Params | Judged) -> dict[str, str]:
    """Return the tag of the threshold, where the task decides by one."""
    found = params.evaluate.threshold
    return {} if found is None else {"threshold": repr(found)}


def defining(root: Path) -> dict[str, str]:
    """Return the tags of what decides a score, as it is in the workspace."""
    whole = definition.tags(definition.here(root))[definition.HASH]
    return {**{tag: md5(root / path) for tag, path in DEFINITION.items()}, definition.HASH: whole}


def otherwise(tags: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Return which tags are others than wanted, or missing.

    A version from before the whole definition was kept is compared by what it has.
    """
    return [tag for tag, value in wanted.items()
            if tags.get(tag, value if tag == definition.HASH else None) != value]  # fmt: skip


def connect(root: Path, params: Params) -> Registry:
    """Return the project's registry."""
    mlflow = tracking.connect(root)
    return Registry(mlflow.MlflowClient(), params.project.name)
