"""The commands of the service, each for the environment that LIFECYCLE_ENVIRONMENT names."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("deploy", "lifecycle.rollout.deploy:main",
            "Roll the newest packaged version out behind the proxy", is_long=True),
    Command("start", "lifecycle.rollout.start:main", "Bring up what served, after a reboot"),
    Command("stop", "lifecycle.rollout.stop:main", "Stop the service"),
    Command("status", "lifecycle.rollout.status:main",
            "What serves, since when, and how the last rollout ended"),
    Command("rollback", "lifecycle.rollout.rollback:main", "Return to the version before", (
        option("--version", type=int, help="which; the one before if not given"),
        option("--reason", default="", help="why, for the audit log"),
    )),
    Command("verify", "lifecycle.rollout.verify:main", "Check the service from outside", (
        option("--seconds", type=float, help="how long the load lasts; 5 if not given"),
    )),
    Command("predict", "lifecycle.rollout.predict:main", "Send one request to the service", (
        option("request", type=Path, nargs="?", help="a JSON file; a real record if none"),
    )),
    Command("host-unit", "lifecycle.rollout.host_unit:main",
            "Write a systemd unit that starts an environment with this machine"),
    Command("compose", "lifecycle.rollout.compose:main", "Prepare keys and proxy of containers"),
    Command("liveness", "lifecycle.rollout.liveness:main",
            "End what hangs: the supervisor runs it", (
        option("sockets", type=Path),
        option("--start-seconds", type=float, required=True),
    )),
)  # fmt: skip
