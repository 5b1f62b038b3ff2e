"""The platform around the containers: tracking server with its stores, Prometheus, the dashboard.

Everything of platform.yaml runs as Compose starts it, in stand-ins that hold the real programs,
except Grafana, which neither Debian nor a package index has: its dashboard is asked piece by piece.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from baking import PROJECT, ROOT
from containers import (
    BUILD,
    DEPLOY,
    Engine,
    Make,
    bring_nothing_along,
    container_of,
    services_of,
    smoke_of,
    stand_in,
    wait_until_healthy,
)
from projects import wait_until
from running import PLAIN, Project, free_port

pytestmark = pytest.mark.slow
KEY = "a-key-for-the-test"
SECRETS = {
    "POSTGRES_PASSWORD": "it's a/secret?", "S3_ACCESS_KEY": "access-key", "S3_SECRET_KEY": "secret",
    "GRAFANA_PASSWORD": "another",
}  # fmt: skip
# All of the platform but Grafana.
SERVICES = "mlflow prometheus"
PORTS = ("MLFLOW_PORT", "PROMETHEUS_PORT", "PORT")
RULES = DEPLOY / "prometheus"
# Words of the query language and labels that are no metrics.
NO_METRIC = {
    "sum", "rate", "increase", "histogram_quantile", "by", "le", "on", "group_left", "and", "or",
    "abs", "count", "max", "max_over_time", "vector", "code", "feature", "status", "decision",
    "service_version", "variant", "server", "handler", "job",
}  # fmt: skip


def failure(command: str) -> str:
    """Return a command's line that says what is missing, without Make's own."""
    return next(line for line in command.splitlines() if not line.startswith(("make", "Makefile")))


@pytest.fixture(scope="module")
def images(engine: Engine, proxy_image: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the tracking server's image, and the stand-ins for the others."""
    folder = tmp_path_factory.mktemp("images")
    named = services_of("platform.yaml")
    for target in ("postgres", "s3", "prometheus"):
        stand_in(engine, folder / target, "platform", target, named[target]["image"])
    engine.must(*BUILD, f"--tag={named['mlflow']['image']}", DEPLOY / "mlflow")


@pytest.fixture(scope="module")
def ports(
    image: str, images: None, engine: Engine, make: Make, finished: Project
) -> Iterator[dict[str, int]]:
    """Return the ports of platform and service, brought up by `make platform up`."""
    bring_nothing_along(engine, finished)
    before = engine.must("ps", "--all", "--quiet")
    found = {name: free_port() for name in PORTS}
    given = [f"{name}={port}" for name, port in found.items()]
    quoted = [f"{name}={value}" for name, value in SECRETS.items()]
    done = make("platform", f"SERVICES={SERVICES}", *given, *quoted)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    done = make("up", f"API_KEYS={KEY}", *given)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name in ("mlflow", "prometheus", "proxy"):
        took = wait_until_healthy(engine, container_of(engine, name), 180)
        print(f"{name} is healthy after {took:.0f} s")
    yield found
    assert make("down").returncode == 0
    assert engine.must("ps", "--all", "--quiet") == before


def query(ports: dict[str, int], expression: str) -> list[Any]:
    """Ask Prometheus; what it cannot read fails."""
    address = f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}/api/v1/query"
    answer = httpx.get(address, params={"query": expression}, **PLAIN, timeout=30)
    assert answer.status_code == 200, f"{expression}\n{answer.text}"
    result: list[Any] = answer.json()["data"]["result"]
    return result


def scraped(ports: dict[str, int]) -> set[str]:
    """Return the names of all metrics that Prometheus has."""
    return {one["metric"]["__name__"] for one in query(ports, '{__name__=~".+"}')}


def expressions() -> list[str]:
    """Return every query of alerts and dashboard, with Grafana's variables filled in."""
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    board = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    found = [rule["expr"] for group in groups for rule in group["rules"]]
    found += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    found += [one["expr"] for one in board["annotations"]["list"]]
    return [one.replace("$__rate_interval", "1m").replace("$__range", "1h") for one in found]


def metrics_of(expression: str) -> set[str]:
    """Return the names of the metrics in a query."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", expression)
    return (
        set(re.findall(r"[a-z_][a-zA-Z0-9_]+|ALERTS", re.sub(r"\{[^}]*\}", "", bare))) - NO_METRIC
    )


@pytest.mark.parametrize("name", SECRETS)
def test_the_platform_asks_for_each_secret(name: str, engine: Engine, make: Make) -> None:
    given = [f"{other}={value}" for other, value in SECRETS.items() if other != name]
    done = make("platform", *given)
    assert done.returncode == 2
    assert f"set {name} to " in failure(done.stderr)


def test_everything_listens_on_this_machine_only(ports: dict[str, int], engine: Engine) -> None:
    published = {}
    for name in engine.must("ps", "--quiet").split():
        facts = engine.inspect(name)
        service = facts["Config"]["Labels"]["com.docker.compose.service"]
        bound = [one for each in facts["HostConfig"]["PortBindings"].values() for one in each]
        assert all(one["HostIp"] == "127.0.0.1" for one in bound), service
        published[service] = {int(one["HostPort"]) for one in bound}
    assert published == {
        "mlflow": {ports["MLFLOW_PORT"]}, "prometheus": {ports["PROMETHEUS_PORT"]},
        "proxy": {ports["PORT"]}, "service": set(), "postgres": set(), "s3": set(),
    }  # fmt: skip
    # A page of another host that a browser was led to does not get in by this machine's name.
    foreign = httpx.get(
        f"http://127.0.0.1:{ports['MLFLOW_PORT']}/api/2.0/mlflow/experiments/search",
        headers={"Host": "evil.example"}, **PLAIN, timeout=30,
    )  # fmt: skip
    assert foreign.status_code == 403
    # And nobody reaches the stores from where the service is.
    probe = "import socket; socket.create_connection(('{}', {}), 3)"
    for host, port in (("postgres", 5432), ("s3", 8333), ("mlflow", 5000)):
        code = probe.format(host, port)
        done = engine.docker("exec", container_of(engine, "service"), "python", "-c", code)
        assert "gaierror" in done.stderr


def test_a_release_goes_to_the_tracking_server(
    ports: dict[str, int], engine: Engine, finished: Project, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "flight-delay")
    for local in ("mlflow.db", "mlartifacts"):
        path = project.root / local
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(project.root / ".lifecycle")
    address = f"http://127.0.0.1:{ports['MLFLOW_PORT']}"
    printed = project.must("release", MLFLOW_TRACKING_URI=address)
    assert "version 1" in printed
    assert not (project.root / "mlflow.db").exists()
    sql = "select name, version from model_versions"
    postgres = container_of(engine, "postgres")
    told = engine.must("exec", postgres, "psql", "--username=mlflow", "--tuples-only", "-c", sql)
    assert told.split() == ["flight-delay", "|", "1"]
    listing = (
        "import os, boto3; store = boto3.client('s3', "
        "endpoint_url=os.environ['MLFLOW_S3_ENDPOINT_URL']); "
        "print([one['Key'] for one in store.list_objects_v2(Bucket='mlflow')['Contents']])"
    )
    stored = engine.must("exec", container_of(engine, "mlflow"), "python", "-c", listing)
    assert "model.ubj" in stored
    assert "gate.json" in stored
    # What was stored comes back: lineage loads the verdict through the server.
    assert "version 1" in project.must("lineage", MLFLOW_TRACKING_URI=address)


def test_the_rules_fire_when_they_should(ports: dict[str, int], engine: Engine) -> None:
    """By Prometheus's own tests, kept beside the rules; every alert has one that fires."""
    prometheus = container_of(engine, "prometheus")
    checked = engine.must(
        "exec", prometheus, "promtool", "check", "config", "/etc/prometheus/prometheus.yml"
    )
    assert "10 rules found" in checked
    told = engine.must(
        "exec", prometheus, "promtool", "test", "rules", "/etc/prometheus/alerts.test.yml"
    )
    assert "SUCCESS" in told
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    tests = yaml.safe_load((RULES / "alerts.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    named = {rule["alert"] for group in groups for rule in group["rules"]}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == named
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == named


def test_the_rules_have_the_limits_of_the_parameters() -> None:
    params = yaml.safe_load((ROOT / PROJECT / "params.yaml").read_text())
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    objectives, rollout = params["monitor"]["objectives"], params["rollout"]
    limits = {
        "ErrorShare": round(1 - objectives["availability"], 6),
        "Latency": objectives["milliseconds"] / 1000,
        "Refusals": params["monitor"]["invariants"]["maximum_refused"],
        "MissingFeature": rollout["maximum_missing_increase"],
        "UnknownCategory": rollout["maximum_missing_increase"],
        "PredictionShift": rollout["maximum_prediction_shift"],
        "DecisionShift": rollout["maximum_changed_decisions"],
    }
    for name, limit in limits.items():
        assert f" > {limit:g}\n" in rules[name], name
        short = name in ("ErrorShare", "Latency", "Refusals")
        least = objectives["minimum_requests"] if short else params["monitor"]["minimum_rows"]
        assert rules[name].rstrip().endswith(f">= {least}"), name
    assert f"histogram_quantile({objectives['latency_share']:g}," in rules["Latency"]


def send(ports: dict[str, int], body: Any, count: int, seconds: float = 60) -> list[int]:
    """Send a request many times at once; return the statuses."""
    address, headers = f"http://127.0.0.1:{ports['PORT']}/v1/predict", {"X-API-Key": KEY}

    def one(_: int) -> int:
        answer = httpx.post(address, json=body, headers=headers, timeout=seconds, **PLAIN)
        return answer.status_code

    with ThreadPoolExecutor(60) as pool:
        return list(pool.map(one, range(count)))


def test_dashboard_and_rules_ask_for_what_there_is(
    ports: dict[str, int], finished: Project
) -> None:
    """Prometheus reads every query, and every metric in it comes from service or proxy."""
    smoke = smoke_of(finished)["request"]
    assert set(send(ports, smoke, 20)) == {200}
    assert set(send(ports, {"records": []}, 5)) == {400}
    up = "count(up == 1) == 3"
    wait_until(lambda: query(ports, up), "a target is not up", 60)
    used = set[str]()
    for expression in expressions():
        query(ports, expression)
        asked = metrics_of(expression)
        assert asked, expression
        used |= asked - {"ALERTS"}
    # Service and proxy are scraped one after the other.
    wait_until(lambda: used <= scraped(ports), f"not all of {sorted(used)} are there", 60)
    (version,) = query(ports, "count by (service_version) (bentoml_service_request_in_progress)")
    assert version["metric"]["service_version"].startswith("1-")


def firing(ports: dict[str, int]) -> set[str]:
    """Return the names of the alerts that fire."""
    return {one["metric"]["alertname"] for one in query(ports, 'ALERTS{alertstate="firing"}')}


def test_an_outage_is_told(ports: dict[str, int], engine: Engine, finished: Project) -> None:
    """The service goes, clients get 502, both rules fire; it comes back, and both end."""
    smoke = smoke_of(finished)["request"]
    assert firing(ports) == set()
    engine.must("stop", container_of(engine, "service"))
    assert set(send(ports, smoke, 60)) == {502}
    time.sleep(20)
    assert set(send(ports, smoke, 120)) == {502}
    wait_until(lambda: firing(ports) >= {"ServiceDown", "ErrorShare"}, "no alert", 150)
    engine.must("start", container_of(engine, "service"))
    wait_until(lambda: "ServiceDown" not in firing(ports), "the alert does not end", 120)
