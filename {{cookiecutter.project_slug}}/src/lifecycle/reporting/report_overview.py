"""How the report begins: in a sentence what is live and how it does; then by environment."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from lifecycle.pages import web
from lifecycle.records.registry import Version
from lifecycle.reporting.report_facts import Facts, Place

STYLE = """
.cards { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
.card { background: var(--panel); border: 1px solid var(--line); border-top: 4px solid var(--dim);
  border-radius: .4rem; padding: .2rem 1rem .8rem; }
.card.is-good { border-top-color: var(--good); } .card.is-bad { border-top-color: var(--bad); }
.card.is-open { border-top-color: var(--open); }
.card h3 { margin: .6rem 0 .2rem; } .card p { margin: .2rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; margin: 0;
  font-size: .9rem; }
dt { color: var(--dim); } dd { margin: 0; min-width: 0; }
.lead { font-size: 1.15rem; border-left: .4rem solid var(--dim); padding: .3rem 0 .3rem .8rem; }
.lead.is-good { border-color: var(--good); } .lead.is-bad { border-color: var(--bad); }
.lead.is-open { border-color: var(--open); } .lead p { margin: .2rem 0; }
"""


@dataclass(frozen=True)
class Health:
    """How an environment does: `good`, `bad`, `open` (not known); in words; what to type."""

    mark: str
    words: str
    todo: str = ""


def health(place: Place) -> Health:
    """Judge an environment by its processes and by the last look of monitoring at this version."""
    live, monitor, name = place.state.live, place.monitor, place.name
    if live is None:
        return Health("", "nothing is deployed", f"make deploy{_env(name)}")
    if not place.runs:
        return Health("bad", "it does not run, no request is answered", f"make deploy{_env(name)}")
    if monitor is None:
        return Health("open", "how it does is not known yet", f"make monitor{_env(name)}")
    if monitor["version"] not in (None, live.version):
        judged = f"not judged yet; the last look was at version {monitor['version']}"
        return Health("open", judged, f"make monitor{_env(name)}")
    verdict = monitor["verdict"]
    if verdict == "could not judge":
        return Health("open", f"could not be judged: {monitor['reason']}")
    if verdict == "healthy":
        return Health("good", "healthy")
    return Health("bad", f"monitoring fires ({monitor['reason']})")


def _env(name: str) -> str:
    return "" if name == "development" else f" ENV={name}"


def headline(facts: Facts) -> tuple[str, str]:
    """Return the page's first sentence, and its mark."""
    place = facts.leading
    if place is None or place.state.live is None:
        return "Nothing is live.", ""
    found = health(place)
    return f"Version {place.state.live.version} is live in {place.name}: {found.words}.", found.mark


def lead(facts: Facts) -> str:
    """Return the verdict with which the page begins."""
    said, mark = headline(facts)
    lines = [f"<p><b{_class(mark)}>{escape(said)}</b></p>"]
    place = facts.leading
    if place is None or place.state.live is None:
        lines.append(web.sentence(_what_to_type(facts)))
    else:
        version = facts.version(place.state.live.version)
        lines.append(web.sentence(_made_of(facts, version), "dim"))
        others = [
            f"version {one.state.live.version} in {one.name} ({health(one).words})"
            for one in facts.places if one.state.live and one is not place
        ]  # fmt: skip
        if others:
            lines.append(web.sentence(f"Also live: {'; '.join(others)}."))
        if mark == "bad" and place.runs:
            lines.append('<p>What to do stands under <a href="#monitoring">Monitoring</a>.</p>')
        if todo := health(place).todo:
            lines.append(web.sentence(f"Type `{todo}`."))
    return f'<div class="lead{f" is-{mark}" if mark else ""}">{"".join(lines)}</div>'


def _class(mark: str) -> str:
    return f' class="{mark}"' if mark else ""


def _what_to_type(facts: Facts) -> str:
    if facts.evaluation is None and not facts.versions:
        return ("Nothing has run yet. Type `make lifecycle`: it goes from the source's files to a "
                "served prediction. Then type `make report` again.")  # fmt: skip
    if not facts.versions:
        return "A model was made and no version is registered: type `make release`."
    return "A version is registered and none is deployed: type `make deploy`."


def _made_of(facts: Facts, version: Version | None) -> str:
    """Say of what the live version was made, and what it reached on its holdout."""
    if version is None:
        return "It is not in the registry: what it was made of is not known."
    metric = facts.params.gate.champion.metric
    reached = version.tags.get(f"metric.{metric}")
    quality = f"{metric} {float(reached):.4f} on its holdout" if reached else "no figure is kept"
    return (f"Made of {version.tags.get('window', 'unknown months')}, "
            f"commit {version.tags.get('git_commit', 'unknown')[:12]}; {quality}; "
            f"verdict of the gate: {version.tags.get('gate_verdict', 'unknown')}.")  # fmt: skip


def cards(facts: Facts) -> str:
    """Return a card for each environment."""
    return f'<div class="cards">{"".join(_card(facts, place) for place in facts.places)}</div>'


def _card(facts: Facts, place: Place) -> str:
    found = health(place)
    todo = f": <code>{escape(found.todo)}</code>" if found.todo else ""
    pairs = [*_deployed(place), *_version(facts, place), *_served(facts, place)]
    told = "".join(f"<dt>{escape(name)}</dt><dd>{web.code(value)}</dd>" for name, value in pairs)
    return (
        f'<section class="card{f" is-{found.mark}" if found.mark else ""}">'
        f"<h3>{escape(place.name)}</h3><p><span{_class(found.mark)}>{escape(found.words)}</span>"
        f"{todo}</p>{f'<dl>{told}</dl>' if told else ''}</section>"
    )


def _deployed(place: Place) -> list[tuple[str, str]]:
    """Return what the state file says."""
    state, found = place.state, []
    if state.live:
        found.append(("live", f"version {state.live.version}"))
        found.append(("since", web.moment(state.live.since)))
    if state.previous:
        found.append(("before", f"version {state.previous.version}"))
    if state.candidate:
        share = f" {state.share:.0%}" if state.share and state.step == "canary" else ""
        found.append(("candidate", f"version {state.candidate.version} at {state.step}{share}"))
    if state.last:
        last, rule = state.last, f" ({state.last.rule})" if state.last.rule else ""
        found.append(("last rollout", f"version {last.version} {last.outcome}{rule}, "
                                      f"{web.moment(last.at)}: {last.reason}"))  # fmt: skip
    return found


def _version(facts: Facts, place: Place) -> list[tuple[str, str]]:
    """Return what the registry says of the live version."""
    live = place.state.live
    if live is None:
        return []
    version = facts.version(live.version)
    if version is None:
        return [("lineage", f"version {live.version} is not in the registry")]
    tags = version.tags
    # The one that the gate compares champions by comes first.
    first = f"metric.{facts.params.gate.champion.metric}"
    names = sorted((n for n in tags if n.startswith("metric.")), key=lambda n: (n != first, n))
    scores = [f"{name.removeprefix('metric.')} {float(tags[name]):.4f}" for name in names]
    return [
        ("data", f"{tags.get('window', 'unknown')}, hash `{tags.get('data_md5', 'unknown')[:12]}`"),
        ("commit", f"`{tags.get('git_commit', 'unknown')[:12]}`"),
        ("gate", tags.get("gate_verdict", "unknown")),
        ("on holdout", ", ".join(scores) or "no figure is kept"),
    ]


def _served(facts: Facts, place: Place) -> list[tuple[str, str]]:
    """Return what is logged, labelled and judged."""
    if place.state.live is None and place.logged is None:
        return []
    folder = facts.root / facts.params.paths.labels
    labelled = any(one.suffix in (".parquet", ".csv") for one in folder.glob("*"))
    found = [
        ("predictions", f"last logged {web.moment(place.logged)}" if place.logged
         else "the log is empty: send requests, `make predict`"),
        ("labels", f"in `{facts.params.paths.labels}`" if labelled
         else f"none in `{facts.params.paths.labels}`: quality cannot be judged"),
    ]  # fmt: skip
    if place.monitor:
        looked = f"{place.monitor['verdict']}, {web.moment(place.monitor['judged_at'])}"
        found.append(("monitor", looked))
    return found
