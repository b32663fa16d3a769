"""Three-valued decisions: met, unmet or unknown, with reasons; missing data is never read as "no"."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(StrEnum):
    """Result of one condition or of a whole rule (Kleene's strong three-valued logic)."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one condition came out as it did.

    Parameters
    ----------
    outcome : Outcome
        Of this condition alone.
    fact : str
        Id of the indicator or attribute that was read.
    text : str
        The condition in plain words, for the person concerned.
    value : object
        What was known; ``None`` when nothing was.
    bound : object
        What was asked for.
    settles : str
        For unknown or unmet: the one item, question or change that would settle it. Empty when met.
    """

    outcome: Outcome
    fact: str
    text: str
    value: object = None
    bound: object = None
    settles: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome of a rule with the reason of each condition, and the rule's name and version."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = field(default=())
    rule: str = ""
    version: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the rule is certainly fulfilled."""
        return self.outcome is Outcome.MET

    @property
    def missing(self) -> tuple[Reason, ...]:
        """Conditions that are unknown: what to ask next."""
        return tuple(reason for reason in self.reasons if reason.outcome is Outcome.UNKNOWN)


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Kleene conjunction: unmet if any is unmet, else unknown if any is unknown, else met."""
    seen = set(outcomes)
    if Outcome.UNMET in seen:
        return Outcome.UNMET
    return Outcome.UNKNOWN if Outcome.UNKNOWN in seen else Outcome.MET


def any_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Kleene disjunction: met if any is met, else unknown if any is unknown, else unmet."""
    seen = set(outcomes)
    if Outcome.MET in seen:
        return Outcome.MET
    return Outcome.UNKNOWN if Outcome.UNKNOWN in seen else Outcome.UNMET


def negate(outcome: Outcome) -> Outcome:
    """Kleene negation: unknown stays unknown."""
    return {Outcome.MET: Outcome.UNMET, Outcome.UNMET: Outcome.MET, Outcome.UNKNOWN: Outcome.UNKNOWN}[outcome]
