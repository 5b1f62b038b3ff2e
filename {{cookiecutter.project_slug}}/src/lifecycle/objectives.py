"""What is promised of the service: availability and latency between two looks at its metrics."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from lifecycle.alerts import Alert
from lifecycle.deployment import Deployment
from lifecycle.figures import Figures, quantile, read
from lifecycle.files import read_json, write_json
from lifecycle.operations import Objectives
from lifecycle.params import Params

SECONDS = 5
VARIANTS = ("live", "canary")


def scrape(port: int) -> dict[str, Any]:
    """Return what proxy and workers have counted: requests by status, and seconds by bucket.

    Raises:
        OSError: the proxy's metrics are not to be had.
    """
    from prometheus_client.parser import text_string_to_metric_families

    counted = {"requests": 0.0, "failed": 0.0}
    for family in text_string_to_metric_families(_get(port, "/metrics")):
        for sample in family.samples:
            labels = sample.labels
            if (
                sample.name == "caddy_http_request_duration_seconds_count"
                and labels.get("server") == "service"
                and labels.get("handler") == "reverse_proxy"
            ):
                counted["requests"] += sample.value
                counted["failed"] += sample.value if labels["code"].startswith("5") else 0
    figures = read(_get(port, "/workers/live/metrics"), VARIANTS)
    return {**counted, "seconds": {str(k): v for k, v in sorted(figures.seconds.items())}}


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
        content: bytes = answer.read()
    return content.decode()


def since(now: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Return what was counted since the look before; a counter that fell was started anew."""
    old = before or {}
    if any(now[key] < old.get(key, 0) for key in ("requests", "failed")):
        old = {}
    seconds = old.get("seconds", {})
    if any(value < seconds.get(key, 0) for key, value in now["seconds"].items()):
        seconds = {}
    return {
        **{key: now[key] - old.get(key, 0) for key in ("requests", "failed")},
        "seconds": {key: value - seconds.get(key, 0) for key, value in now["seconds"].items()},
    }


def judge(counted: dict[str, Any], rule: Objectives) -> tuple[dict[str, Any], list[Alert]]:
    """Return the objectives' figures, and an alert for each that is missed."""
    requests = counted["requests"]
    if requests < rule.minimum_requests:
        least = rule.minimum_requests
        said = f"not judged: {requests:.0f} requests since the last look, {least} are needed"
        return {"requests": requests, "judged": said}, []
    available = 1 - counted["failed"] / requests
    figures = Figures()
    figures.seconds.update({float(k): int(v) for k, v in counted["seconds"].items()})
    took = quantile(figures.seconds, rule.latency_share) * 1000
    found = {"requests": requests, "availability": available, "milliseconds": took, "judged": ""}
    alerts = []
    if available < rule.availability:
        alerts.append(
            Alert(
                "availability",
                "availability",
                f"{available:.3%} of {requests:.0f} "
                f"requests were answered, {rule.availability:.3%} are promised",
            )
        )
    if took > rule.milliseconds:
        alerts.append(
            Alert(
                "latency",
                "latency",
                f"{rule.latency_share:.0%} of the requests took up to "
                f"{took:.0f} ms, {rule.milliseconds:g} ms are promised",
            )
        )
    return found, alerts  # fmt: skip


def of_environment(root: Path, params: Params, name: str) -> tuple[dict[str, Any], list[Alert]]:
    """Look at an environment's metrics, remember the counters, and judge what came since."""
    deployment = Deployment(root, name)
    if deployment.load().live is None:
        return {"judged": "not judged: nothing is deployed"}, []
    try:
        now = scrape(params.serve.ports.of(name) + 1)
    except OSError as error:
        reason = f"the service does not answer for its metrics ({error}): run `make status`"
        return {"judged": f"not judged: {reason}"}, [Alert("availability", "proxy", reason)]
    kept = deployment.folder / "monitor.json"
    counted = since(now, read_json(kept) if kept.is_file() else None)
    write_json(kept, now)
    return judge(counted, params.monitor.objectives)
