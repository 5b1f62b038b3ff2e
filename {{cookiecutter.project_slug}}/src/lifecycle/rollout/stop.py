"""Stop ends everything that runs for an environment; what was live is live again with `deploy`."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.records.deployment import Deployment
from lifecycle.rollout.rollback import cancel
from lifecycle.rollout.supervisor import Supervisor


def stop(root: Path, name: str) -> bool:
    """Stop proxy, workers and supervisor of an environment; return whether anything ran."""
    deployment = Deployment(root, name)
    if not deployment.folder.is_dir():
        return False
    cancel(deployment)
    with deployment.hold("stop"):
        sockets = environment.known_sockets(root, name)
        ran = Supervisor(deployment.folder, sockets).end_all()
        environment.clear_sockets(root, name)
        live = deployment.load().live
        if ran:
            deployment.note("stop", live.version if live else None)
        return ran


def main() -> None:
    """Stop the environment that LIFECYCLE_ENVIRONMENT names."""
    name = environment.current()
    ran = stop(project_root(), name)
    print(f"stop: {name} is stopped" if ran else f"stop: nothing was running in {name}")
