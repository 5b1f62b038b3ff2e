"""The owner's files as they will be: all made before the first of them is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifecycle.adopt import names, placed, proposal
from lifecycle.adopt.asked import Asked, Said
from lifecycle.adopt.plan import Plan
from lifecycle.adopt.proposal import MISSING, Merged
from lifecycle.contract.files import json_text, read_json
from lifecycle.contract.section import plain
from lifecycle.pages import web

RECORD = "expectations/.adopted.json"
SCHEMA, SUITE, PARAMS = "schema.yaml", "expectations/suite.yaml", "params.yaml"
FEATURES, REQUEST, README = (
    "src/project/features.py",
    "tests/project/requests/example.json",
    "README.md",
)
SECTION = "## The data"
# What of the example speaks of its columns: it goes at the first adoption.
EXAMPLE = (
    "notebooks/explore.ipynb",
    "tests/project/test_behaviour.py",
    "tests/project/test_expectations.py",
    "tests/project/test_flights.py",
    "tests/project/test_notebook.py",
)
# Keys that another plan may lack, and that are taken out then.
OPTIONAL = ("prepare.holdout_days", "prepare.holdout_share", "evaluate.threshold")

Files = dict[str, str | None]


def record(root: Path) -> dict[str, Any]:
    """Return what adopt wrote last, empty where it never did."""
    path = root / RECORD
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return found


def files(root: Path, plan: Plan, asked: Asked, said: Said) -> Files:
    """Return the text of each file that changes, and None for one that goes."""
    last = record(root)
    texts: Files = {}
    if last:
        texts |= _proposed(root, last, plan, said)
    else:
        texts |= _first(root, plan)
    texts[README] = _readme(root, last, plan, asked, said)
    texts[RECORD] = json_text({
        "asked": {key: value for key, value in vars(asked).items() if value},
        "schema": plan.schema, "suite": plan.suite, "params": plan.params,
        "request": plan.request, "section": _section(plan, asked, said),
    })  # fmt: skip
    return {
        name: text for name, text in texts.items() if text is None or _is_other(root / name, text)
    }


def _is_other(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_bytes() != text.encode("utf-8")


def _read(root: Path, name: str) -> str:
    # Of bytes: reading a text would make its line ends those of this system.
    return (root / name).read_bytes().decode("utf-8")


def _first(root: Path, plan: Plan) -> Files:
    """Return every file as the plan has it."""
    params = _read(root, PARAMS)
    for key, value in _params(plan).items():
        params = placed.put(params, key, value)
    for dotted in OPTIONAL:
        if dotted not in plan.params:
            params = placed.taken(params, tuple(dotted.split(".")))
    return {
        SCHEMA: _head(_read(root, SCHEMA)) + placed.entry("columns", plan.schema) + "\n",
        SUITE: _suite(_head(_read(root, SUITE)), plan.suite),
        PARAMS: params,
        FEATURES: web.render("adopt/templates/features.txt"),
        REQUEST: json_text(plan.request),
        **{name: None for name in EXAMPLE if (root / name).is_file()},
    }


def _params(plan: Plan) -> dict[tuple[str, ...], Any]:
    """Return parameters by their paths; the sections `data` as a whole, with its comments."""
    own = {key.removeprefix("data."): value for key, value in plan.params.items()
           if key.startswith("data.")}  # fmt: skip
    rest = {tuple(key.split(".")): value for key, value in plan.params.items()
            if not key.startswith("data.")}  # fmt: skip
    return {("data",): own, **rest}


def _head(text: str) -> str:
    """Return the comments that a file begins with."""
    found = re.match(r"(?:#.*\n|\n)*", text)
    return found[0] if found else ""


def _suite(head: str, suite: Mapping[str, Any]) -> str:
    return head + placed.entry("expectations", suite["expectations"]) + "\n"


def _proposed(root: Path, last: Mapping[str, Any], plan: Plan, said: Said) -> Files:
    """Return what changes in files that the owner may have edited."""
    texts: Files = {SCHEMA: _proposed_schema(_read(root, SCHEMA), last["schema"], plan, said)}
    text = _read(root, PARAMS)
    base, theirs = _leaves(last["params"]), _leaves(plan.params)
    ours = {path: _at(plain(text), path) for path in {*base, *theirs}}
    merged = proposal.merge(base, ours, theirs)
    texts[PARAMS] = changed(text, merged, ())
    said.unsure += [f"params.yaml, {line}" for line in merged.kept]
    text = _read(root, SUITE)
    now = plain(text).get("expectations") or []
    wanted = proposal.items(last["suite"]["expectations"], now, plan.suite["expectations"])
    texts[SUITE] = text if wanted == now else placed.put(text, ("expectations",), wanted)
    path = root / REQUEST
    if path.is_file() and read_json(path) == last["request"]:
        texts[REQUEST] = json_text(plan.request)
    return texts


def _proposed_schema(text: str, last: Mapping[str, Any], plan: Plan, said: Said) -> str:
    """Return schema.yaml with what is new; a column that the source lost goes, if it is as it was.

    Of a column that the owner took out nothing comes back.
    """
    now = plain(text)["columns"]
    for name in [name for name in last if name in now and name not in plan.schema]:
        if now[name] == last[name]:
            text = placed.taken(text, ("columns", name))
        else:
            said.unsure.append(f"schema.yaml, {name}: the source has it no more; you edited it, so "
                               "it stays")  # fmt: skip
    for name in [name for name in plan.schema if name not in last and name not in now]:
        text = placed.put(text, ("columns", name), plan.schema[name])
    sides = ({name: side[name] for name in plan.schema if name in last and name in now}
             for side in (last, now, plan.schema))  # fmt: skip
    merged = proposal.merge(*(proposal.leaves(one, 2) for one in sides))
    said.unsure += [f"schema.yaml, {line}" for line in merged.kept]
    return changed(text, merged, ("columns",))


def _leaves(params: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return parameters by their paths; each limit of the gate by its own."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in params.items():
        path = tuple(key.split("."))
        if path[0] == "gate" and isinstance(value, dict):
            found |= {(*path, *rest): one for rest, one in proposal.leaves(value, 3).items()}
        else:
            found[path] = value
    return found


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return MISSING
        tree = tree[part]
    return tree


def changed(text: str, merged: Merged, above: tuple[str, ...]) -> str:
    """Return a text with the changes of a merge below a key."""
    for path, value in merged.changes.items():
        whole = (*above, *path)
        if value is not MISSING:
            text = placed.put(text, whole, value)
            continue
        # With the last limit of a metric the metric goes: it would limit nothing.
        siblings = _at(plain(text), whole[:-1])
        alone = len(path) > 1 and isinstance(siblings, dict) and set(siblings) <= {whole[-1]}
        text = placed.taken(text, whole[:-1] if alone else whole)
    return text


def _section(plan: Plan, asked: Asked, said: Said) -> str:
    renamed = [(names.in_markdown(raw), name) for raw, name in plan.renamed.items()]
    return web.render("adopt/templates/section.md", facts=plan.facts, source=asked.source,
                      flagged=[names.in_one_line(one) for one in said.flagged],
                      renamed=renamed)  # fmt: skip


def _readme(root: Path, last: Mapping[str, Any], plan: Plan, asked: Asked, said: Said) -> str:
    """Return the README with the section about the data, unless the owner has edited that."""
    text, section = _read(root, README), _section(plan, asked, said)
    found = re.search(rf"(?ms)^{SECTION}\n.*?(?=^## |\Z)", text)
    if found is None:
        return text
    if last and found[0].strip() != last["section"].strip():
        said.unsure.append("README.md: the section about the data is yours, so it stays")
        return text
    return text[: found.start()] + section.strip() + "\n\n" + text[found.end() :]
