"""Whether each name of an environment's folder is what it should be, a file or a folder."""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core.command import IN_PLACE_ADVICE

# Written by commands, the supervisor, the proxy and the workers; one that is not there is made.
FILES = (
    "api_keys", "log_hash_key", "audit.jsonl", "deployment.json", "holder.json", "lock",
    "routing.json", "sockets.json",
    "logs/*.log", "programs/*.json", "reserve/*", "sockets-*/*.conf", "sockets-*/launch",
    "sockets-*/live", "sockets-*/share", "sockets-*/closing-*",
)  # fmt: skip
# Beside the environments' folders.
SHARED = ("packaged.json", "released.json", "store.lock")
# The log of predictions is apart: without it a service goes on, and status says so.
FOLDERS = ("logs", "metrics", "programs", "proxy", "reserve", "sockets-*")


def require(folder: Path) -> None:
    """Let nothing else be where an environment's files and folders are.

    Raises:
        StageError: a folder is where a file should be, or a file where a folder should be.
    """
    if folder.exists() and not folder.is_dir():
        raise StageError(f"{folder}: {IN_PLACE_ADVICE}")
    files = [folder.parent / name for name in SHARED]
    files += [path for pattern in FILES for path in folder.glob(pattern)]
    for path in files:
        if path.is_dir():
            raise StageError(f"{path}: {IN_PLACE_ADVICE}")
    for pattern in FOLDERS:
        for path in folder.glob(pattern):
            if not path.is_dir():
                raise StageError(f"{path}: {IN_PLACE_ADVICE}")
