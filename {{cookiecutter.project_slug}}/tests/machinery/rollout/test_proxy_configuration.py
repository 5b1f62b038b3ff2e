"""The proxy's configuration: accepted by Caddy itself, with a route for every share."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle.core.params import Params
from lifecycle.rollout import proxy
from lifecycle.rollout.settings import RolloutSettings


def forwards(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every handler that hands on to workers."""
    routes = configuration["apps"]["http"]["servers"]["service"]["routes"]
    handlers = [handler for route in routes for handler in route["handle"]]
    return [handler for handler in handlers if handler["handler"] == "reverse_proxy"]


def accepted(configuration: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Let Caddy check a configuration, in a folder as that of sockets: its log is beside."""
    here = folder / "sockets"
    here.mkdir(exist_ok=True)
    path = here / "proxy.json"
    path.write_text(json.dumps(configuration))
    program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
    return subprocess.run(
        [program, "validate", "--config", str(path)], cwd=here, capture_output=True, text=True
    )


def test_caddy_accepts_both_and_would_refuse_a_mistake(real_params: Params, tmp_path: Path) -> None:
    upstream = proxy.for_upstream(real_params, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    for configuration in (proxy.for_rollout(real_params, 0, 4, with_keys=True), upstream):
        done = accepted(configuration, tmp_path)
        assert done.returncode == 0, done.stderr
    upstream["apps"]["http"]["servers"]["service"]["read_timout"] = "3s"
    done = accepted(upstream, tmp_path)
    assert done.returncode == 1 and "read_timout" in done.stderr


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.333, 0.5, 0.99])
def test_the_upstreams_are_in_the_share_of_the_canary(real_params: Params, share: float) -> None:
    rollout = real_params.part(RolloutSettings).model_copy(update={"canary_shares": (share,)})
    changed = real_params.model_copy(update={"rollout": rollout})
    both, live = forwards(proxy.for_rollout(changed, 0, 4, with_keys=False))
    dials = [one["dial"] for one in both["upstreams"]]
    canaries = sum("{file.canary}" in dial for dial in dials)
    assert canaries / len(dials) == pytest.approx(share, abs=0.005)
    assert [one["dial"] for one in live["upstreams"]] == ["unix/{file.live}"]


def test_only_an_answer_that_broke_off_is_asked_for_again(real_params: Params) -> None:
    """Without that condition, Caddy 2.11 would ask again after every answer."""
    for handler in forwards(proxy.for_rollout(real_params, 0, 4, with_keys=False)):
        (match,) = handler["load_balancing"]["retry_match"]
        assert {"/v1/predict", "/v1/model"} <= set(match["path"])
        assert match["expression"].startswith(f"{proxy.UNANSWERED} && ")


def test_steering_writes_what_the_routes_read(tmp_path: Path) -> None:
    live, canary = tmp_path / "1.sock", tmp_path / "2.sock"

    def said() -> dict[str, str]:
        return {name: (tmp_path / name).read_text() for name in ("live", "canary", "share")}

    proxy.steer(tmp_path, live, None, None)
    assert said() == {"live": live.name, "canary": live.name, "share": "none"}
    proxy.steer(tmp_path, live, canary, 0.1)
    assert said() == {"live": live.name, "canary": canary.name, "share": "0.1"}
    proxy.steer(tmp_path, canary, None, None)
    assert said() == {"live": canary.name, "canary": canary.name, "share": "none"}
