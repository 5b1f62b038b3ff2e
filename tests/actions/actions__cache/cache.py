"""Keeps folders under keys as GitHub's cache does: each is written once, the newest prefix wins."""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote


def main() -> None:
    """Restore or save one folder."""
    store = Path(os.environ["STAND_IN_STATE"]) / "cache"
    store.mkdir(parents=True, exist_ok=True)
    target, key = Path(os.environ["TARGET"]), os.environ["KEY"]
    kept = store / quote(key, safe="")
    if sys.argv[1] == "save":
        if target.is_dir() and not kept.exists():
            shutil.copytree(target, kept, symlinks=True)
            print(f"Cache saved with key: {key}")
        return
    prefixes = [key, *os.environ["RESTORE_KEYS"].split()]
    newest_first = sorted(store.iterdir(), key=lambda path: path.stat().st_ctime_ns, reverse=True)
    candidates = [
        path for prefix in prefixes for path in newest_first
        if path.name.startswith(quote(prefix, safe=""))
    ]  # fmt: skip
    found = kept if kept.exists() else next(iter(candidates), None)
    matched = "" if found is None else key if found == kept else found.name
    if found is not None:
        shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True)
        print(f"Cache restored from key: {matched}")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"cache-hit={str(found == kept).lower()}\ncache-matched-key={matched}\n")


if __name__ == "__main__":
    main()
