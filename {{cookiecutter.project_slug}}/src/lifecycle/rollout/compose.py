"""Writes what the containers of deploy/compose.yaml read: the proxy's configuration, the API keys.

The containers' users are not this user, so both files are readable by all, below a folder that is
closed to all others of this machine. A container gets the folder of its file and not the one above.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.files import write_json
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.rollout import key_file, proxy

# As deploy/compose.yaml has them: the service's name and port, and those of the proxy.
UPSTREAM, LISTEN, METRICS = "service:3000", ":8080", ":2020"


def prepare(root: Path, params: Params) -> bool:
    """Write both files anew where they change; return whether the keys did."""
    folder = root / ".lifecycle" / "compose"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for part in ("proxy", "keys"):
        (folder / part).mkdir(exist_ok=True)
        (folder / part).chmod(0o755)
    changed = key_file.update(folder / "keys" / "api_keys", 0o644)
    changed |= key_file.update_hash_key(folder / "keys" / "log_hash_key", 0o644)
    configuration = folder / "proxy" / "caddy.json"
    write_json(configuration, proxy.for_upstream(params, UPSTREAM, LISTEN, METRICS))
    configuration.chmod(0o644)
    return changed


def main() -> None:
    """Prepare the containers of this project."""
    changed = prepare(project_root(), load_params())
    print(f"compose: the API keys are {'changed' if changed else 'as before'}")
