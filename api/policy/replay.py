"""Deciding again: what a decision saw, kept with its receipt, and the same rules applied to history as of then. Pure.

`DECIDERS` keeps each version of the rules that ever decided, so that a decision of years ago is judged by the rules of
its time. A rule that changes answers gets a new number; the old function stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.policy.decide import Deny, GrantView, Permit, PullAsk, decide
from api.policy.fair_use import TOO_FREQUENT, Used
from chain.canonical import Json

POLICY = 1
"""The version of the rules that decides now."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision was made on, beyond the grant's unchanging terms.

    `at_ms` is the service's time; `event` the newest event of the grant that had happened, `party_event` that of its
    recipient (0: none yet); `position` the size of the log, so that earlier deliveries are those numbered below it;
    `asked` the fields as `type/field`; `repeat` whether a counted use was answered again; `caps` the most uses in a day
    and in 30 days by fair use, None where nothing binds.
    """

    at_ms: int
    event: int
    party_event: int
    position: int
    asked: tuple[str, ...]
    repeat: bool
    caps: tuple[int, int] | None
    policy: int = POLICY

    def to_json(self) -> dict[str, Json]:
        """As receipts keep it; docs/formats.md."""
        return {
            "policy": self.policy,
            "at": self.at_ms,
            "event": self.event,
            "party_event": self.party_event,
            "position": self.position,
            "asked": list(self.asked),
            "repeat": self.repeat,
            "caps": None if self.caps is None else list(self.caps),
        }

    @classmethod
    def from_json(cls, document: object) -> "Seen | None":
        """Read back; None for what is no such document."""
        if not isinstance(document, Mapping):
            return None
        try:
            caps = document["caps"]
            return cls(
                int(document["at"]),
                int(document["event"]),
                int(document["party_event"]),
                int(document["position"]),
                tuple(str(item) for item in document["asked"]),
                document["repeat"] is True,
                None if caps is None else (int(caps[0]), int(caps[1])),
                int(document["policy"]),
            )
        except (KeyError, TypeError, ValueError, IndexError):
            return None


@dataclass(frozen=True, slots=True)
class AsOf:
    """A grant and its recipient as history says that they were, and what had been used by then."""

    view: GrantView
    used: Used


def _first(then: AsOf, seen: Seen) -> Permit | Deny:
    """Version 1: the grant's standing and terms, then fair use, which a repeat does not meet again."""
    verdict = decide(then.view, PullAsk(then.view.entity_id, items_of(seen.asked)), seen.at_ms)
    if isinstance(verdict, Permit) and seen.caps is not None and not seen.repeat:
        day, month = seen.caps
        if then.used.day >= day or then.used.month >= month:
            return TOO_FREQUENT
    return verdict


DECIDERS: Mapping[int, Callable[[AsOf, Seen], Permit | Deny]] = {1: _first}


def decide_again(then: AsOf, seen: Seen) -> Permit | Deny | None:
    """The decision by the rules of its time; None where this release does not know them."""
    decider = DECIDERS.get(seen.policy)
    return None if decider is None else decider(then, seen)


def items_of(asked: Sequence[str]) -> frozenset[tuple[str, str]]:
    """`type/field` as pairs."""
    return frozenset((type_code, name) for type_code, _, name in (item.partition("/") for item in asked))
