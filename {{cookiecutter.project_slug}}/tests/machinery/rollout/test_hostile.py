"""The largest body of every hostile shape is answered at once, and nobody else waits for it.

Against a real worker behind the real proxy, while others ask.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from rollout.served import Client

from lifecycle.core.params import Params

# For a megabyte, as a body may have unless params.yaml says otherwise.
SECONDS, ATTEMPTS = 0.5, 3
# The part of a body that is repeated may depend on how often it was.
Part = bytes | Callable[[int], bytes]


def filled(begin: bytes, part: Part, end: bytes, size: int, join: bytes = b",") -> bytes:
    """Return a body of at most `size` bytes: as many parts as there is room for."""
    parts, left = list[bytes](), size - len(begin) - len(end)
    while True:
        one = part(len(parts)) if callable(part) else part
        left -= len(one) + len(join)
        if left < 0:
            return begin + join.join(parts) + end
        parts.append(one)


def new_key(number: int) -> bytes:
    return b'"%x":1' % number


def same_hash(number: int) -> bytes:
    """Return a key whose characters are those of every other, in another order."""
    return b'"%s":1' % format(number, "020b").encode()


# What stands before the parts, the part, and what stands after them.
FILLED: dict[str, tuple[bytes, Part, bytes]] = {
    "keys, the last one twice": (b"{", new_key, b',"last":1,"last":1}'),
    "keys with an escape, the last one twice": (
        b"{",
        lambda n: b'"\\u0061%x":1' % n,
        b',"last":1,"last":1}',
    ),
    "keys in a record, the last one twice": (
        b'{"records":[{',
        new_key,
        b',"last":1,"last":1}]}',
    ),
    "one key again and again": (b"{", b'"a":1', b"}"),
    "objects with a key twice": (b'{"records":[', b'{"a":1,"a":1}', b"]}"),
    "keys that nobody knows": (b"{", new_key, b"}"),
    "keys that nobody knows, with spaces": (b"{", lambda n: b'"%x" : 1' % n, b"}"),
    "keys that nobody knows in a record": (b'{"records":[{', new_key, b"}]}"),
    "keys that are like each other": (b'{"records":[{', same_hash, b"}]}"),
    "keys of an object for records": (b'{"records":{', new_key, b"}}"),
    "long keys": (b'{"records":[{', lambda n: b'"%x%s":1' % (n, b"k" * 50), b"}]}"),
    "empty records": (b'{"records":[', b"{}", b"]}"),
    "records with a key that nobody knows": (b'{"records":[', b'{"":1}', b"]}"),
    "records that are numbers": (b'{"records":[', b"1", b"]}"),
    "records that are nulls": (b'{"records":[', b"null", b"]}"),
    "records that are text": (b'{"records":[', b'""', b"]}"),
    "lists": (b"[", b"[]", b"]"),
    "deep lists": (b'{"records":[', b"[" * 190 + b"]" * 190, b"]}"),
    "deeper lists": (b'{"records":[', b"[" * 900 + b"]" * 900, b"]}"),
    "deep objects": (b'{"records":[', b'{"a":' * 190 + b"1" + b"}" * 190, b"]}"),
    "numbers of as many digits as may be": (b'{"records":[', b"9" * 4300, b"]}"),
    "numbers of one digit more": (b'{"records":[', b"9" * 4301, b"]}"),
    "keys with numbers of many digits": (
        b'{"records":[{',
        lambda n: new_key(n) + b"9" * 4200,
        b"}]}",
    ),
    "fractions of many digits": (b'{"records":[', b"0." + b"1" * 1000, b"]}"),
    "fractions that are hard to round": (b'{"records":[', b"2.2250738585072011e-308", b"]}"),
    "numbers beyond every float": (b'{"records":[', b"1e999", b"]}"),
    "not a number": (b'{"records":[', b"NaN", b"]}"),
    "values of explain": (b'{"records":[],"explain":[', b"1", b"]}"),
    "commas and brackets in text": (b'{"records":["', b"[{,", b'"]}'),
    "half characters": (b'{"records":["', b"\\ud800", b'"]}'),
    "keys with half a character": (b'{"records":[{', lambda n: b'"\\ud800%x":1' % n, b"}]}"),
    "whole characters in halves": (b'{"records":["', b"\\ud83d\\ude00", b'"]}'),
    "quotes": (b"", b'"', b""),
    "commas and quotes": (b"", b',"', b""),
    "text of a quote": (b"[1", b',"\\"', b"]"),
    "text of a backslash": (b"[1", b',"\\\\"', b"]"),
    "opened objects with an empty key": (b"", b'{"":', b""),
    "quotes in text": (b'["' + b"," * 20_000, b'\\"', b'"]'),
    "backslashes": (b'"', b"\\", b""),
    "text without an end": (b'{"records":"', b"a", b""),
    "spaces": (b"", b" ", b""),
    "lines": (b"", b"\n", b'{"records":[]}'),
    "opened lists": (b"", b"[", b""),
    "opened objects": (b"", b'{"a":', b""),
    "commas": (b"[", b",", b"]"),
    "digits": (b'{"records":', b"9", b"}"),
    "digits after the point": (b'{"records":0.', b"9", b"}"),
    "digits of an exponent": (b'{"records":1e', b"9", b"}"),
    "noughts": (b'{"records":[0.', b"0", b"1]}"),
    "nothing": (b"", b"\0", b""),
    "no UTF-8": (b"", b"\xff", b""),
    "the begin of characters": (b'"', b"\xf0\x9f", b'"'),
    "one key as long as may be": (b'{"', b"k", b'":1}'),
}
# Between their parts stands nothing.
RUNS = {
    "commas and brackets in text", "half characters", "whole characters in halves", "quotes",
    "commas and quotes", "text of a quote", "text of a backslash",
    "opened objects with an empty key", "quotes in text",
    "backslashes", "text without an end", "spaces", "lines", "opened lists", "opened objects",
    "commas", "digits", "digits after the point", "digits of an exponent", "noughts", "nothing",
    "no UTF-8", "the begin of characters", "one key as long as may be",
}  # fmt: skip


def just_allowed(real_params: Params, fields: int) -> dict[str, bytes]:
    """Return bodies of as many values as are looked at: the most work that one can ask for."""
    rows, size = real_params.serve.maximum_rows, real_params.serve.maximum_body_bytes
    values = (rows + 2) * (fields + 2) - 10
    empty = b",".join([b"{}"] * (rows - 1))
    names = b",".join(new_key(number) for number in range(values - 2 * rows))
    each = b"{" + b",".join(new_key(number) for number in range(fields)) + b"}"
    cut = {
        "no record has a field": b'{"records":[' + empty + b",{}]}",
        "all mistakes in one record": b'{"records":[{' + names + b"}," + empty + b"]}",
        "every record wrong": b'{"records":[' + b",".join([each] * rows) + b"]}",
        "all mistakes beside the records": b"{" + names + b"}",
        "lists of lists": b'{"records":[' + b",".join([b"[" * 900 + b"]" * 900] * (values // 900))
        + b"]}",
    }  # fmt: skip
    # Of many columns and few bytes a body may not have as many values.
    cut = {name: body for name, body in cut.items() if len(body) <= size}
    # And as long as a body may be.
    return cut | {f"{name}, in spaces": body.ljust(size) for name, body in cut.items()}


class Others:
    """Somebody who asks all the time, in a thread; knows how long the longest answer took."""

    def __init__(self, port: int, body: bytes) -> None:
        self._client, self._body = Client(port), body
        self.expected = self._client.ask(body)[1]["predictions"]
        self.longest, self.asked, self.wrong = 0.0, 0, list[Any]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            try:
                status, answer, took = self._client.ask(self._body)
            except OSError as error:
                self.wrong.append(error)
                return
            self.longest, self.asked = max(self.longest, took), self.asked + 1
            if status != 200 or answer["predictions"] != self.expected:
                self.wrong.append((status, answer))

    def __enter__(self) -> Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def shapes(real_params: Params, schema: Any) -> dict[str, bytes]:
    size = real_params.serve.maximum_body_bytes
    whole = {
        name: filled(*shape, size, b"" if name in RUNS else b",") for name, shape in FILLED.items()
    }
    return {**whole, **just_allowed(real_params, len(schema.request))}


def test_no_body_holds_the_service_up(
    service_port: int, shapes: dict[str, bytes], good: dict[str, Any], real_params: Params
) -> None:
    """What is slow only because the machine is busy is fast when asked again."""
    allowed = SECONDS * max(1.0, real_params.serve.maximum_body_bytes / 1_000_000)
    client, slow = Client(service_port), {}
    for name, body in shapes.items():
        for _ in range(ATTEMPTS):
            with Others(service_port, json.dumps(good).encode()) as others:
                status, answer, took = client.ask(body)
            assert status == 400, (name, status, answer)
            assert set(answer) == {"error", "details", "request_id"}, name
            assert len(json.dumps(answer)) < 20_000, name
            assert not others.wrong, (name, others.wrong)
            slow[name] = max(took, others.longest)
            if slow[name] < allowed:
                break
    print(*(f"{took:.3f} s {name}" for name, took in slow.items()), sep="\n")
    assert {name: took for name, took in slow.items() if took >= allowed} == {}
