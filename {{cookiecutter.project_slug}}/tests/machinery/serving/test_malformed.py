"""Whatever is sent, the answer is a 4xx that names the field, and the next request is answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from lifecycle.contract.columns import Column, Schema
from lifecycle.serving.entrance import Entrance, send_json

PREDICT = "/v1/predict"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def names(schema: Schema) -> dict[str, str]:
    """A column of the request of each kind that the cases below spoil."""
    columns = [schema[name] for name in schema.request]

    def first(suits: Callable[[Column], bool]) -> str:
        return next((c.name for c in columns if suits(c)), "")

    return {
        "float": first(lambda c: c.type == "float" and c.null_share == 0),
        "limited": first(lambda c: c.type == "float" and c.maximum is not None),
        "nullable": first(lambda c: c.type == "float" and c.null_share > 0),
        "integer": first(lambda c: c.type == "integer"),
        "closed": first(lambda c: c.type == "category" and c.unknown_share == 0),
        "open": first(lambda c: c.type == "category" and c.unknown_share > 0),
        "time": schema.clock,
        "target": schema.target,
    }


VALUES: list[tuple[str, str, Any]] = [
    ("text for a number", "float", "12"),
    ("true for a number", "float", True),
    ("null where there is none", "float", None),
    ("list for a number", "float", [1.0]),
    ("object for a number", "float", {"value": 1.0}),
    ("not a number", "float", float("nan")),
    ("infinity", "float", float("inf")),
    ("minus infinity", "float", float("-inf")),
    ("larger than any float", "float", 10**400),
    ("above the limit", "limited", 1e12),
    ("below the limit", "limited", -1e12),
    ("the largest float", "limited", 1.7e308),
    ("text where null is allowed", "nullable", ""),
    ("not a number where null is allowed", "nullable", float("nan")),
    ("text for a whole number", "integer", "5"),
    ("true for a whole number", "integer", True),
    ("fraction for a whole number", "integer", 5.5),
    ("more than 64 bits", "integer", 2**70),
    ("a float that stands for several integers", "integer", 2.0**53),
    ("negative", "integer", -(2**60)),
    ("not a number for a whole number", "integer", float("nan")),
    ("no such category", "closed", "no such"),
    ("empty category", "closed", ""),
    ("number for a category", "closed", 5),
    ("null for a category", "closed", None),
    ("list for a category", "closed", []),
    ("lone surrogate", "closed", "\ud800"),
    ("empty open category", "open", ""),
    ("endless open category", "open", "x" * 1000),
    ("what CSV has for a null in an open category", "open", "NA"),
    ("number for an open category", "open", 1),
    ("lone surrogate in an open category", "open", "\ud800"),
    ("a time zone", "time", "2013-05-31T17:45:00+02:00"),
    ("universal time", "time", "2013-05-31T17:45:00Z"),
    ("half a time", "time", "2013-05-31T17"),
    ("a time with a line after it", "time", "2013-05-31\n"),
    ("a billionth of a second", "time", "2013-05-31T17:45:00.000000001"),
    ("midnight as an end", "time", "2013-05-31T24:00:00"),
    ("a week's day", "time", "2013-W22-5"),
    ("no such day", "time", "2013-02-30T10:00:00"),
    ("no such hour", "time", "2013-02-20T25:00:00"),
    ("an absurd year", "time", "9999-12-31T23:59:59"),
    ("the year nought", "time", "0000-01-01T00:00:00"),
    ("before all flights", "time", "0001-01-01T00:00:00"),
    ("seconds since 1970", "time", 1370000000),
    ("words for a time", "time", "tomorrow"),
    ("other digits", "time", "\u0662\u0660\u0661\u0663-05-31T17:45:00"),
    ("null for a time", "time", None),
]  # fmt: skip


def refused(client: TestClient, status: int, field: str, **request: Any) -> dict[str, Any]:
    answer = client.post(PREDICT, **{"headers": JSON, **request})
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"error", "details", "request_id"}
    if field:
        assert field in [detail["field"] for detail in body["details"]]
    assert "Traceback" not in answer.text and ".py" not in answer.text
    assert "/home" not in answer.text and "site-packages" not in answer.text
    return body


@pytest.fixture(autouse=True)
def still_serves(
    client: TestClient, good: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """After every case the next good request is answered, and no traceback is in the log."""
    next_request = json.dumps(good)
    with caplog.at_level(logging.INFO):
        yield
    assert client.post(PREDICT, content=next_request, headers=JSON).status_code == 200
    assert not [record for record in caplog.get_records("call") if record.exc_info]


@pytest.mark.parametrize(("kind", "value"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_wrong_value_is_refused_by_its_field(
    client: TestClient, good: dict[str, Any], names: dict[str, str], kind: str, value: Any
) -> None:
    if not names[kind]:
        pytest.skip(f"schema.yaml has no such column: {kind}")
    good["records"][1][names[kind]] = value
    refused(client, 400, f"records.1.{names[kind]}", content=json.dumps(good))


def test_a_forgotten_field_is_refused_even_where_null_is_allowed(
    client: TestClient, good: dict[str, Any], schema: Schema
) -> None:
    for name in schema.request:
        record = {k: v for k, v in good["records"][0].items() if k != name}
        refused(client, 400, f"records.0.{name}", content=json.dumps({"records": [record]}))


def test_an_unknown_field_is_refused(client: TestClient, good: dict[str, Any]) -> None:
    good["records"][0]["colour"] = "red"
    refused(client, 400, "records.0.colour", content=json.dumps(good))


def test_what_is_known_only_afterwards_is_refused(
    client: TestClient, good: dict[str, Any], schema: Schema
) -> None:
    for name in schema.names("target", "leak"):
        record = {**good["records"][0], name: 1}
        refused(client, 400, f"records.0.{name}", content=json.dumps({"records": [record]}))


def test_a_field_that_stands_twice_is_refused(
    client: TestClient, good: dict[str, Any], names: dict[str, str]
) -> None:
    twice = json.dumps(good).replace("{", '{"records": [], ', 1)
    refused(client, 400, "records", content=twice)
    record = json.dumps(good["records"][0])
    content = '{"records": [' + record.replace("{", '{"' + names["time"] + '": "", ', 1) + "]}"
    refused(client, 400, names["time"], content=content)


TWICE = {
    "in a record": ('{"records": [{', '{"records": [{"{name}": {value}, '),
    "with a space before the colon": ('{"records": [{', '{"records": [{"{name}" : {value}, '),
    "with a line before the colon": ('{"records": [{', '{"records": [{"{name}"\n: {value}, '),
    "with an escape": ('{"records": [{', '{"records": [{"{escaped}": {value}, '),
    "explain": ('{"records": [{', '{"explain": true, "explain": false, "records": [{'),
    "records": ('{"records": [{', '{"records": [], "records": [{'),
}


@pytest.mark.parametrize(("old", "new"), TWICE.values(), ids=TWICE)
def test_a_right_value_that_stands_twice_is_refused_however_it_is_written(
    client: TestClient, good: dict[str, Any], names: dict[str, str], old: str, new: str
) -> None:
    del good["explain"]
    name = names["time"]
    escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
    value = json.dumps(good["records"][0][name])
    for key, text in (("name", name), ("escaped", escaped), ("value", value)):
        new = new.replace("{" + key + "}", text)
    content = json.dumps(good)
    assert client.post(PREDICT, content=content, headers=JSON).status_code == 200
    refused(client, 400, "", content=content.replace(old, new, 1))


def test_a_body_may_be_written_in_any_way(client: TestClient, good: dict[str, Any]) -> None:
    """Both ways of reading a body, the fast one and the careful one, give the same answer."""
    texts = [
        json.dumps(good), json.dumps(good, indent=2), json.dumps(good, separators=(" ,", " :")),
        json.dumps(good, separators=(",", ":")), json.dumps(good).replace("r", "\\u0072"),
        json.dumps(good).replace(".0,", "e0,"), "\n" + json.dumps(good) + " \t",
        json.dumps(dict(reversed(good.items()))),
    ]  # fmt: skip
    answers = [client.post(PREDICT, content=text, headers=JSON) for text in texts]
    assert [answer.status_code for answer in answers] == [200] * len(texts)
    first = answers[0].json()["predictions"]
    assert all(answer.json()["predictions"] == first for answer in answers)


@pytest.mark.parametrize("number", ["5.5", "-0.5", "1e400", "01", "+5", "0x5", "5.", ".5"])
def test_a_number_is_refused_alike_both_ways(
    client: TestClient, good: dict[str, Any], names: dict[str, str], number: str
) -> None:
    good["records"][0][names["integer"]] = 777_777
    for spaced in (json.dumps(good), json.dumps(good, indent=1)):
        refused(client, 400, "", content=spaced.replace("777777", number))


@pytest.mark.parametrize("number", ["5.0", "5e0", "50e-1", "0.5e1"])
def test_a_whole_number_may_be_written_as_a_float(
    client: TestClient, good: dict[str, Any], names: dict[str, str], number: str
) -> None:
    """As JSON schema has it: what the document allows is not refused."""
    good["records"][0][names["integer"]] = 777_777
    for spaced in (json.dumps(good), json.dumps(good, indent=1)):
        answers = [
            client.post(PREDICT, content=spaced.replace("777777", text), headers=JSON)
            for text in ("5", number)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json()["predictions"] == answers[1].json()["predictions"]


@pytest.mark.parametrize("form", ["{day}T00:00", "{day} 00:00:00", "{day}T00:00:00.000000000"])
def test_a_day_is_its_midnight_however_it_is_written(
    client: TestClient, good: dict[str, Any], names: dict[str, str], form: str
) -> None:
    """As a file of rows has it: `make batch` reads the same."""
    answers = []
    for text in ("{day}", form):
        good["records"][0][names["time"]] = text.format(day="2013-05-31")
        answers.append(client.post(PREDICT, json=good))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["predictions"] == answers[1].json()["predictions"]


BODIES: list[tuple[str, bytes, str]] = [
    ("empty", b"", ""),
    ("no JSON", b"records", ""),
    ("cut off", b'{"records": [{', ""),
    ("trailing comma", b'{"records": [],}', ""),
    ("two documents", b"{}{}", ""),
    ("not UTF-8", b'{"records": "\xff\xfe"}', ""),
    ("UTF-16", '{"records": []}'.encode("utf-16"), ""),
    ("byte order mark", '\ufeff{"records": []}'.encode(), ""),
    ("nested deeply", b"[" * 100_000 + b"]" * 100_000, ""),
    ("nested deeply in a field", b'{"records":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, ""),
    ("endless number", b'{"records": ' + b"1" * 10_000 + b"}", ""),
    ("null", b"null", "body"),
    ("text", b'"records"', "body"),
    ("list", b"[]", "body"),
    ("nothing in it", b"{}", "records"),
    ("records are null", b'{"records": null}', "records"),
    ("records are text", b'{"records": "all"}', "records"),
    ("records are one object", b'{"records": {}}', "records"),
    ("no record", b'{"records": []}', "records"),
    ("a record is null", b'{"records": [null]}', "records.0"),
    ("a record is a list", b'{"records": [[]]}', "records.0"),
    ("an unknown field beside records", b'{"records": [], "colour": 1}', "colour"),
    ("an unknown field with half a character", b'{"records": [], "\\ud800": 1}', "body"),
    ("half a character twice", b'{"\\ud800": 1, "\\ud800": 1}', "\\ud800"),
    (
        "half a character twice in a record",
        b'{"records": [{"a\\udfff": 1, "a\\udfff": 1}]}',
        "a\\udfff",
    ),
    ("a field with half a character in a record", b'{"records": [{"\\ud800": 1}]}', ""),
    ("text with half a character", b'{"records": "\\ud800", "explain": "\\udfff"}', "explain"),
    ("explain is text", b'{"records": [], "explain": "yes"}', "explain"),
    ("explain is a number", b'{"records": [], "explain": 1}', "explain"),
    ("explain is null", b'{"records": [], "explain": null}', "explain"),
]


@pytest.mark.parametrize(("content", "field"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_a_wrong_body_is_refused(client: TestClient, content: bytes, field: str) -> None:
    refused(client, 400, field, content=content)


def test_too_many_records_are_refused(
    client: TestClient, good: dict[str, Any], real_params: Any
) -> None:
    records = [good["records"][0]] * (real_params.serve.maximum_rows + 1)
    body = {"records": records}
    content = json.dumps(body)
    status = 400 if len(content) <= real_params.serve.maximum_body_bytes else 413
    refused(client, status, "records" if status == 400 else "", content=content)
    assert client.post(PREDICT, json={"records": records[:-1]}).status_code == 200


def test_a_thousand_mistakes_are_counted_and_the_first_are_shown(client: TestClient) -> None:
    body = refused(client, 400, "", content=json.dumps({"records": [{}] * 50}))
    assert body["error"].startswith("800 mistakes") or "mistakes" in body["error"]
    assert len(body["details"]) == 20


def test_a_huge_body_is_refused(client: TestClient, real_params: Any) -> None:
    refused(client, 413, "", content=b" " * (real_params.serve.maximum_body_bytes + 1))


def test_a_huge_body_without_a_length_is_refused(client: TestClient, real_params: Any) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(real_params.serve.maximum_body_bytes // 10_000 + 1):
            yield b" " * 10_000

    refused(client, 413, "", content=chunks())


def test_a_body_longer_than_it_says_is_refused(client: TestClient, real_params: Any) -> None:
    content = b" " * (real_params.serve.maximum_body_bytes + 1)
    refused(client, 413, "", content=content, headers={**JSON, "Content-Length": "10"})


@pytest.mark.parametrize("content_type", [
    "text/plain", "", "application/xml", "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle",
    "application/json; charset=utf-16", "application/jsonl",
])  # fmt: skip
def test_another_content_type_is_refused(
    client: TestClient, good: dict[str, Any], content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    refused(client, 415, "", content=json.dumps(good), headers=headers)


def test_a_compressed_body_is_refused(client: TestClient, good: dict[str, Any]) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    refused(client, 415, "", content=json.dumps(good), headers=headers)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_refused(client: TestClient, method: str) -> None:
    answer = client.request(method, PREDICT)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/predict", "/v1", "/v1/predict/", "/v2/predict", "/etc/passwd"])
def test_another_path_is_not_there(client: TestClient, path: str) -> None:
    answer = client.post(path, json={})
    assert answer.status_code == 404
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_an_unknown_path_does_not_reach_what_counts_paths() -> None:
    reached = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send_json(send, 200, {})

    inner = TestClient(Entrance(inside))
    assert [inner.get(path).status_code for path in ("/nowhere", "/livez")] == [404, 200]
    assert reached == ["/livez"]
