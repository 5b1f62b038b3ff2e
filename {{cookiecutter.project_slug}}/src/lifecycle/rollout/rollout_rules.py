"""What a candidate must hold at every step of a rollout: plain functions of what was counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lifecycle.records.expected import Expected, Figure
from lifecycle.rollout import figures
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.settings import RolloutSettings

# Quicker than this, three times slower is no harm to anybody.
QUICK_SECONDS = 0.02
# A difference of samples is only believed beyond so many standard errors. Rows of one request are
# of one hour and are alike: what is counted for the error is requests, not rows.
STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold, and what was measured."""

    rule: str
    reason: str


def errors(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Limit the share of requests that the candidate does not answer."""
    asked = candidate.requests + live.not_answered
    failed = candidate.failed + live.not_answered
    share = failed / asked if asked else 0.0
    if share <= params.maximum_error_share:
        return None
    return Broken("error share", f"{failed:.0f} of {asked:.0f} requests failed ({share:.1%}), "
                  f"{params.maximum_error_share:.1%} may")  # fmt: skip


def missing(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Limit how much more often than at live a feature is missing."""
    if not candidate.rows or not live.rows:
        return None
    for name in sorted(candidate.missing):
        ours = candidate.missing[name] / candidate.rows
        theirs = live.missing[name] / live.rows
        both = (candidate.missing[name] + live.missing[name]) / (candidate.rows + live.rows)
        noise = math.sqrt(both * (1 - both) * (1 / candidate.requests + 1 / live.requests))
        if ours - theirs > params.maximum_missing_increase + STANDARD_ERRORS * noise:
            return Broken(
                "missing features",
                f"{name} is missing in {ours:.1%} of the rows, at live in {theirs:.1%}",
            )
    return None


def latency(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Limit the time in which 95 % of the requests are answered, absolutely and against live."""
    ours, theirs = (figures.quantile(each.seconds, 0.95) for each in (candidate, live))
    if ours * 1000 > params.maximum_milliseconds:
        return Broken("latency", f"95 % of the requests took up to {ours * 1000:.0f} ms, "
                      f"{params.maximum_milliseconds:.0f} ms are allowed")  # fmt: skip
    bound = params.maximum_latency_ratio * max(theirs, QUICK_SECONDS)
    if theirs and ours > bound:
        return Broken(
            "latency",
            f"95 % of the requests took up to {ours * 1000:.0f} ms, at live {theirs * 1000:.0f} ms",
        )
    return None


def changed(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Limit the share of decisions that are not those of live on the same rows.

    To what the gate has measured, in either direction; where it has not, to a fixed share.
    """
    if not live.compared or not candidate.requests:
        return None
    share, asked = live.changed / live.compared, min(live.compared, candidate.requests)
    if expected is None:
        figure, season = Figure(0.0, 0.0), params.maximum_changed_decisions
        usual = season
    else:
        figure, season = expected.changed, params.season_changed_decisions
        usual = figure.mean
    noise = math.sqrt(usual * (1 - usual) / asked)
    low, high = figure.limits(season, noise, STANDARD_ERRORS)
    if low <= share <= high:
        return None
    return Broken(
        "changed decisions",
        f"{share:.1%} of {live.compared:.0f} rows were decided otherwise than by live, "
        + (f"{season:.1%} may be" if expected is None
           else f"{max(low, 0):.1%} to {min(high, 1):.1%} were expected (on the holdout it was "
                f"{figure.mean:.1%})"),
    )  # fmt: skip


def shift(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Limit how far the mean of what is predicted lies from that of live, in its task's unit.

    In either direction from what the gate has measured, or from zero where it has not. Not how
    they are spread: a better model tells the rows apart better than the one before.
    """
    if not candidate.rows or not live.rows:
        return None
    ours, theirs = candidate.predicted / candidate.rows, live.predicted / live.rows
    noise = math.hypot(
        figures.spread(candidate.predictions) / math.sqrt(candidate.requests),
        figures.spread(live.predictions) / math.sqrt(live.requests),
    )
    if expected is None:
        figure, season = Figure(0.0, 0.0), params.maximum_prediction_shift
    else:
        figure, season = expected.shift, params.season_prediction_shift
    low, high = figure.limits(season, noise, STANDARD_ERRORS)
    if low <= ours - theirs <= high:
        return None
    return Broken(
        "prediction shift",
        f"the mean prediction is {ours:.3f}, at live {theirs:.3f}: "
        + (f"{season:.2f} apart is allowed" if expected is None
           else f"{low:+.3f} to {high:+.3f} was expected (on the holdout it was "
                f"{figure.mean:+.3f})"),
    )  # fmt: skip


def known(
    candidate: Figures, live: Figures, params: RolloutSettings, expected: Expected | None
) -> Broken | None:
    """Let no row be answered otherwise than the pipeline did, however a request is made up.

    However much a candidate may differ from live: how it answers these rows is known to a bit.
    """
    if not candidate.wrong:
        return None
    return Broken("known answers", f"{candidate.wrong:.0f} of {candidate.known:.0f} rows of its "
                  "smoke request, asked anew, were not answered as the pipeline did")  # fmt: skip


BY_STEP = {
    "shadow": (errors, missing, latency, changed, shift, known),
    # Requests are not copied any more.
    "canary": (errors, missing, latency, shift, known),
    # Nor has live any, with whose rows those of the candidate could be compared.
    "full": (errors, latency, known),
}  # fmt: skip


def check(
    candidate: Figures,
    live: Figures,
    params: RolloutSettings,
    step: str,
    expected: Expected | None = None,
) -> Broken | None:
    """Return the first of a step's rules that does not hold, causes before what follows."""
    for rule in BY_STEP[step]:
        if broken := rule(candidate, live, params, expected):
            return broken
    return None
