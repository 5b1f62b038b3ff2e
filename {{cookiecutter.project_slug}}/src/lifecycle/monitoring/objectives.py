"""What is promised of the service: availability and latency between two looks at its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.contract.files import read_state, write_json
from lifecycle.core import direct_http
from lifecycle.core.params import Params
from lifecycle.monitoring.alerts import Alert
from lifecycle.monitoring.settings import Monitor, Objectives
from lifecycle.records.deployment import Deployment
from lifecycle.rollout.figures import Figures, quantile, read

SECONDS = 5
VARIANTS = ("live", "canary")
PROXY = ("requests", "failed")


def scrape(port: int) -> dict[str, Any]:
    """Return what proxy and workers have counted: requests by status, and seconds by bucket.

    Raises:
        OSError: the proxy's metrics are not to be had.
    """
    from prometheus_client.parser import text_string_to_metric_families

    counted = {"requests": 0.0, "failed": 0.0, "log_lines_lost": 0.0}
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
    worker = _get(port, "/workers/live/metrics")
    figures = read(worker, VARIANTS)
    counted["log_lines_lost"] = sum(
        sample.value
        for family in text_string_to_metric_families(worker)
        for sample in family.samples
        if sample.name == "lifecycle_log_failures_total"
    )
    return {**counted, "seconds": {str(k): v for k, v in sorted(figures.seconds.items())}}


def _get(port: int, path: str) -> str:
    status, content = direct_http.ask(f"http://127.0.0.1:{port}", path, SECONDS)
    if status != 200:
        raise OSError(f"{path} was answered {status}")
    return content.decode()


def since(now: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Return what was counted since the look before; what was started anew counts from zero.

    The proxy's counters and the live worker's are told apart: each starts anew by itself.
    """
    old = before or {}
    proxy, worker = old, old if old.get("live") == now["live"] else {}
    if any(now[key] < proxy.get(key, 0) for key in PROXY):
        proxy = {}
    seconds = worker.get("seconds", {})
    fell = any(value < seconds.get(key, 0) for key, value in now["seconds"].items())
    if fell or now["log_lines_lost"] < worker.get("log_lines_lost", 0):
        worker, seconds = {}, {}
    return {
        **{key: now[key] - proxy.get(key, 0) for key in PROXY},
        "log_lines_lost": now["log_lines_lost"] - worker.get("log_lines_lost", 0),
        "seconds": {key: value - seconds.get(key, 0) for key, value in now["seconds"].items()},
    }


def _before(kept: Path, now: dict[str, Any]) -> dict[str, Any] | None:
    """Return what was counted at the look before; None where its note is lost or broken."""
    found = read_state(kept)
    whole = found is not None and all(
        type(found.get(key)) in ((int, float) if type(value) in (int, float) else (type(value),))
        for key, value in now.items()
    )
    return found if whole else None


def judge(counted: dict[str, Any], rule: Objectives) -> tuple[dict[str, Any], list[Alert]]:
    """Return the objectives' figures, and an alert for each that is missed."""
    requests, lost, alerts = counted["requests"], counted["log_lines_lost"], []
    if lost:
        said = f"{lost:.0f} lines of the prediction log could not be written and are lost"
        alerts.append(Alert("lost log", "prediction log", said))
    if requests < rule.minimum_requests:
        least = rule.minimum_requests
        said = f"not judged: {requests:.0f} requests since they were last judged, of {least}"
        return {"requests": requests, "judged": said}, alerts
    available = 1 - counted["failed"] / requests
    figures = Figures()
    figures.seconds.update({float(k): int(v) for k, v in counted["seconds"].items()})
    took = quantile(figures.seconds, rule.latency_share) * 1000
    if available < rule.availability:
        said = (f"{available:.3%} of {requests:.0f} requests were answered, "
                f"{rule.availability:.3%} are promised")  # fmt: skip
        alerts.append(Alert("availability", "availability", said))
    if took > rule.milliseconds:
        said = (f"{rule.latency_share:.0%} of the requests took up to {took:.0f} ms, "
                f"{rule.milliseconds:g} ms are promised")  # fmt: skip
        alerts.append(Alert("latency", "latency", said))
    found = {"requests": requests, "availability": available, "milliseconds": took, "judged": ""}
    return found, alerts


def of_environment(root: Path, params: Params, name: str) -> tuple[dict[str, Any], list[Alert]]:
    """Look at an environment's metrics, and judge what came since they were last judged."""
    deployment = Deployment(root, name)
    live = deployment.load().live
    if live is None:
        return {"judged": "not judged: nothing is deployed"}, []
    try:
        now = {"live": live.tag, **scrape(params.serve.ports.of(name) + 1)}
    except OSError as error:
        reason = f"the service does not answer for its metrics ({error}): run `make status`"
        return {"judged": f"not judged: {reason}"}, [Alert("availability", "proxy", reason)]
    kept = deployment.folder / "monitor.json"
    found, alerts = judge(since(now, _before(kept, now)), params.part(Monitor).objectives)
    if not found["judged"]:
        # Until there are requests enough, they add up.
        write_json(kept, now)
    return found, alerts
