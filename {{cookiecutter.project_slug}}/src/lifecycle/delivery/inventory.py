"""List what is installed in a container: run inside it by its own Python, from standard input.

Nothing but the standard library: `docker run --entrypoint python IMAGE - < inventory.py`.
"""

from __future__ import annotations

import json
import os
import platform
from email.parser import HeaderParser
from pathlib import Path

SKIPPED = {"/proc", "/sys", "/dev", "/tmp"}  # noqa: S108


def python_packages(root: str = "/") -> list[dict[str, str]]:
    """Return every installed Python package, wherever on the disk its metadata lies."""
    found = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if str(Path(folder, name)) not in SKIPPED]
        # One file in its folder; or, as Debian still has it, a file alone.
        inside = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}.get(Path(folder).suffix)
        for name in files:
            if name != inside and not name.endswith(".egg-info"):
                continue
            text = Path(folder, name).read_text(encoding="utf-8", errors="replace")
            head = HeaderParser().parsestr(text, headersonly=True)
            place = folder if name == inside else str(Path(folder, name))
            found.append({"name": head["Name"], "version": head["Version"], "path": place})
    return sorted(found, key=lambda one: (one["name"].lower(), one["path"]))


def debian_packages(status: Path = Path("/var/lib/dpkg/status")) -> list[dict[str, str]]:
    """Return every package that dpkg has installed; none where there is no dpkg."""
    if not status.is_file():
        return []
    found = []
    for part in status.read_text(encoding="utf-8").split("\n\n"):
        head = HeaderParser().parsestr(part, headersonly=True)
        if head["Status"] == "install ok installed":
            found.append({key.lower(): head[key] for key in ("Package", "Version", "Architecture")})
    return found


def main() -> None:
    """Print the inventory as JSON."""
    print(json.dumps({
        "python": platform.python_version(),
        "system": platform.freedesktop_os_release(),
        "python_packages": python_packages(),
        "debian_packages": debian_packages(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
