"""Inherited is what a command takes from its caller's environment: the one place that decides it.

Make asks it before it starts anything (`python -I -S inherited.py` prints what to take away and
what to set), and every command of the project asks it before it starts others. What would change
how a tool works is taken away; how this machine reaches registries, clouds, its people and its
servers stays. It imports only the standard library: it is run before there is an environment.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

# Of each family of variables, all but these change what our tools do.
FAMILIES = {
    "BENTOML_": "DO_NOT_TRACK|HOME",
    "DVC_": "NO_ANALYTICS|REMOTE_URL|(GLOBAL_CONFIG|SITE_CACHE|SYSTEM_CONFIG)_DIR|STUDIO_.*",
    "GIT_": "(AUTHOR|COMMITTER|CONFIG|HTTP|PROXY|SSH|SSL|TRACE).*|ASKPASS|EDITOR"
            "|TERMINAL_PROMPT|CURL_VERBOSE|ALLOW_PROTOCOL",
    "MLFLOW_": "TRACKING_(AUTH|AWS_SIGV4|CLIENT_CERT_PATH|INSECURE_TLS|PASSWORD|SERVER_CERT_PATH"
               "|TOKEN|URI|USERNAME)|(GCS|HTTP|S3|ARTIFACT_UPLOAD)_.*|DISABLE_TELEMETRY|PORT",
    "PIP_": "AUDIT|(CACHE|CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_TIMEOUT|DISABLE_PIP_VERSION_CHECK"
            "|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|KEYRING_PROVIDER|NO_INDEX|PROXY|RETRIES|TIMEOUT"
            "|TRUSTED_HOST|USE_FEATURE)|CACHE_DIR",
    "PROTOCOL_BUFFERS_": "",
    "PYTHON": "|DONTWRITEBYTECODE|PATH|UTF8",
    "TQDM_": "",
    "UV_": "CACHE_DIR|CONCURRENT_.*|CONFIG_FILE|CREDENTIALS_DIR|DEFAULT_INDEX|EXTRA_INDEX_URL"
           "|FIND_LINKS|HTTP_.*|INDEX.*|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS"
           "|NO_CACHE|NO_INDEX|NO_PROGRESS|OFFLINE|REQUEST_TIMEOUT|SYSTEM_CERTS",
}  # fmt: skip
# One by one: of other environments, of shells, and what only a worker is told by the supervisor.
OTHERS = {
    "VIRTUAL_ENV", "BASH_ENV", "CDPATH", "GREP_OPTIONS", "GREP_COLOR", "MYPYPATH", "TAR_OPTIONS",
    "PREDICTION_LOG", "PROMETHEUS_MULTIPROC_DIR", "REFUSAL_FILE", "ROUTING_FILE", "WORKER_NAME",
}  # fmt: skip
# What targets of make are told. Words that other programs export as well count only where they are
# typed behind make; where workflows give them by the environment, only if they can be meant.
TYPED = dict.fromkeys(
    ("ABOUT", "BUNDLE", "FROM", "INPUT", "MONTHS", "OUTPUT", "PORT", "RELEASE", "REQUEST",
     "SECONDS", "SPEED", "VERDICT", "WRITE"), "",
) | {"ENV": "development|staging|production", "VERSION": "[0-9]*"}  # fmt: skip
# Folders that are written to: one that is not there stops Python, or DVC.
WRITTEN = ("TMPDIR", "DVC_SITE_CACHE_DIR")
HERE = ("localhost", "127.0.0.1", "::1")
NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")
CACHES = {"XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state"}


def foreign(given: Mapping[str, str]) -> set[str]:
    """Return the names of those variables that no command of the project shall see."""
    families = [(prefix, re.compile(f"{prefix}({kept})")) for prefix, kept in FAMILIES.items()]
    found = {
        name for name in given
        for prefix, kept in families if name.startswith(prefix) and not kept.fullmatch(name)
    }  # fmt: skip
    found |= {name for name in WRITTEN if name in given and not usable(given[name])}
    return found | (OTHERS & set(given))


def not_meant(given: Mapping[str, str]) -> set[str]:
    """Return the names of inputs of make that stand in the environment for another program."""
    return {
        name for name, meant in TYPED.items()
        if name in given and not re.fullmatch(meant, given[name])
    }  # fmt: skip


def usable(place: str) -> bool:
    """Say whether a folder is there and can be written to."""
    return Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK)


def missing(given: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return what the tools need and the caller's environment lacks, with its values."""
    # What pip's own configuration says, its variable overrules.
    found = {"PIP_USER": "0", **without_proxy(given)}
    # OpenMP's threads spin while they wait: on shared cores XGBoost then takes ten times as long.
    if not given.get("OMP_WAIT_POLICY"):
        found["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        # A container may run as a user who has no name: DVC and Python ask for one.
        home = ""
        if not any(given.get(name) for name in NAMES):
            found["USER"] = str(os.getuid())
    ours = root / ".lifecycle" / "home"
    if not given.get("HOME"):
        found["HOME"] = home if usable(home) else str(ours)
    elif not usable(given["HOME"]):
        # What is configured there is still read.
        places = {name: str(ours / place) for name, place in CACHES.items()}
        found.update((name, place) for name, place in places.items() if not given.get(name))
    return found


def without_proxy(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which no call to this machine goes through a proxy."""
    said = given.get("no_proxy") or given.get("NO_PROXY") or ""
    hosts = [host for host in re.split(r"[\s,]+", said) if host]
    if "*" not in hosts:
        hosts += [host for host in HERE if host not in hosts]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))


def make_room(found: Mapping[str, str]) -> None:
    """Make the home folder that a user without one is given."""
    if "HOME" in found:
        Path(found["HOME"]).mkdir(parents=True, exist_ok=True)


def settle(given: MutableMapping[str, str], root: Path) -> None:
    """Let an environment, and so all that is started with it, be as `foreign` and `missing` say."""
    for name in foreign(given):
        del given[name]
    found = missing(given, root)
    make_room(found)
    # DVC runs stages in the caller's shell, which may be none that is here, or not read as sh does.
    given.update(found, SHELL="/bin/sh")


def for_make(taken: Iterable[str], found: Mapping[str, str]) -> str:
    """Return words for make: -NAME for what is taken away, NAME:=value for what is set."""
    words = [f"-{name}" for name in sorted(taken) if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)]
    for name, value in found.items():
        escaped = value.replace("$", "$$").replace("#", r"\#").replace(" ", "$(SPACE)")
        words.append(f"{name}:={escaped}")
    return " ".join(words)


if __name__ == "__main__":
    needed = missing(os.environ, Path.cwd())
    make_room(needed)
    print(for_make(foreign(os.environ) | not_meant(os.environ), needed))
