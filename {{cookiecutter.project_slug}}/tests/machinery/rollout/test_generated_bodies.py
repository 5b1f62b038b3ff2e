"""Whatever a client sends, no answer is a failure, none is slow, and the next one is right.

Hypothesis makes the bodies, a real worker behind the real proxy answers them.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollout.served import Client

from lifecycle.contract.columns import Schema

BODIES, SECONDS, ATTEMPTS = 2_100, 0.5, 3
# Values as they are written, many of which no JSON library would write.
ODD = [
    "NaN", "-Infinity", "1e999", "-1e999", "1e-999", "-0", "0.1e1", "00", "1.", "+1", "0x1", "''",
    "9" * 400, "9" * 5_000, "0." + "9" * 5_000, "1e" + "9" * 400, str(2**63), str(2**64),
    str(-(2**63) - 1), str(2**53 + 1), "1.7976931348623157e308", "5e-324", "true", "null", "nul",
    "{}", "[]", '""', r'"\ud800"', r'"\udfff\ud800"', r'"\u0000"', '"\x00"', '"\x1f"', r'"\x"',
    '"\ufeff"', '"\U0010ffff"', "[" * 500 + "]" * 500, "[" * 5_000, '{"a":' * 300 + "1" + "}" * 300,
    '"' + "x" * 5_000 + '"', '"2013-05-31T17:45:00"', '"2013-02-29T00:00:00"', '"9999-12-31"',
    '"0001-01-01T00:00:00"', '"2013-05-31T17:45:00.0000001"', '"2013-05-31T24:00:00"',
]  # fmt: skip
ODD_KEYS = ["", "\ud800", "\udfff", "\x00", "__class__", "model_fields", "\U0010ffff"]
TYPES = [
    "application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF8",
    "application/json; charset=utf-16", "application/json; charset", "text/plain", "", ";",
    "application/json, text/plain", "application/vnd.bentoml+pickle", "multipart/form-data",
    "application/json; charset=\xff",
]  # fmt: skip
ENCODINGS = ["", "identity", "gzip", "br, gzip", "\xff"]
CHARACTERS = st.characters(codec=None, exclude_categories=())


def good_request(good: dict[str, Any]) -> bytes:
    return json.dumps(good).encode()


def written(keys: list[str]) -> st.SearchStrategy[str]:
    """Return texts of values: JSON, and what only looks like it."""
    key = st.sampled_from([*keys, *ODD_KEYS]) | st.text(CHARACTERS, max_size=5)
    floats, integers = st.floats().map(json.dumps), st.integers().map(str)
    simple = st.sampled_from(ODD) | floats | integers | st.text(CHARACTERS).map(json.dumps)

    def pair(name: str, value: str) -> str:
        return f"{json.dumps(name)}:{value}"

    def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.lists(st.builds(pair, key, inner), max_size=5)
        return st.lists(inner, max_size=5).map(lambda parts: f"[{','.join(parts)}]") | pairs.map(
            lambda parts: "{" + ", ".join(parts) + "}"
        )

    return st.recursive(simple, containers, max_leaves=10)


@st.composite
def nearly_right(draw: st.DrawFn, record: dict[str, Any]) -> str:
    """Return a good request in which some values, keys or pairs are others."""
    value, records = written(list(record)), []
    for _ in range(draw(st.integers(1, 3))):
        pairs = [(json.dumps(name), json.dumps(one)) for name, one in record.items()]
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            place = draw(st.integers(0, len(pairs) - 1))
            change = draw(st.sampled_from(["value", "key", "twice", "away"]))
            if change == "value":
                pairs[place] = (pairs[place][0], draw(value))
            elif change == "key":
                pairs[place] = (draw(st.text(CHARACTERS).map(json.dumps)), pairs[place][1])
            elif change == "twice":
                pairs.append((pairs[place][0], draw(value)))
            elif len(pairs) > 1:
                del pairs[place]
        records.append("{" + ",".join(f"{key}:{one}" for key, one in pairs) + "}")
    explain = draw(st.sampled_from(["", ', "explain": true', ', "explain": 1']))
    beside = draw(
        st.just("") | st.just("") | st.just("") | value.map(lambda one: f', "records": {one}')
    )
    return '{"records": [' + ", ".join(records) + f"]{explain}{beside}" + "}"


@st.composite
def spoilt(draw: st.DrawFn, body: bytes) -> bytes:
    """Return a body of which some bytes are others, more or fewer."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(body)))
        end = min(len(body), begin + draw(st.integers(0, 4)))
        body = body[:begin] + draw(st.binary(max_size=4)) + body[end:]
    return body


def bodies(record: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Return bodies from nonsense to a good request."""
    text = written(["records", "explain", *record])
    encodings = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"])
    encoded = st.builds(lambda one, name: one.encode(name, "surrogatepass"), text, encodings)
    right = json.dumps({"records": [record]}).encode()
    near = nearly_right(record).map(lambda one: one.encode("utf-8", "surrogatepass"))
    return st.binary(max_size=500) | encoded | encoded | near | near | spoilt(right)


def headers() -> st.SearchStrategy[dict[str, str]]:
    """Return headers, most often none but the usual ones."""
    given = st.fixed_dictionaries(
        {},
        optional={
            "Content_Type": st.sampled_from(TYPES), "Content_Encoding": st.sampled_from(ENCODINGS),
            "X_Request_ID": st.text(st.characters(min_codepoint=32, max_codepoint=126)),
        },
    )  # fmt: skip
    return st.just({}) | st.just({}) | st.just({}) | given


def test_no_body_is_answered_with_a_failure(
    service_port: int, good: dict[str, Any], schema: Schema
) -> None:
    """A body whose answer is slow only because the machine is busy is fast when asked again."""
    client, right, statuses = Client(service_port), good_request(good), list[int]()
    expected = client.ask(right)[1]["predictions"]

    @settings(
        max_examples=BODIES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(bodies(good["records"][0]), headers())
    def check(body: bytes, named: dict[str, str]) -> None:
        for _ in range(ATTEMPTS):
            status, answer, took = client.ask(body, **named)
            if took < SECONDS:
                break
        assert took < SECONDS
        assert status in (200, 400, 413, 415), answer
        if status == 200:
            assert all(0 <= one["probability"] <= 1 for one in answer["predictions"])
            assert math.isfinite(sum(one["probability"] for one in answer["predictions"]))
        else:
            assert set(answer) == {"error", "details", "request_id"}
            json.dumps(answer, ensure_ascii=False).encode()
        statuses.append(status)
        status, answer, _ = client.ask(right)
        assert (status, answer.get("predictions")) == (200, expected)

    check()
    print({status: statuses.count(status) for status in sorted(set(statuses))})
    assert len(statuses) >= 2_000
    assert {200, 400, 415} <= set(statuses)


@pytest.mark.parametrize("name", ["utf-16", "utf-32", "utf-8-sig"])
def test_another_encoding_is_refused(service_port: int, good: dict[str, Any], name: str) -> None:
    content = json.dumps(good).encode(name)
    assert Client(service_port).ask(content)[0] == 400
