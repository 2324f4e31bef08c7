"""Grants: the holder's yes, everything that may become of it, and its end.

Each change takes effect here at once, with an event, a receipt and, where the contract has one, an effect on the chain
that waits in the outbox; none waits for the chain. `begin` makes grants, `changes` moves them, `ends` is the worker's
share, `reading` shows them.
"""

from api.services.grants.begin import Approval, approve
from api.services.grants.changes import (
    CASE_MAX,
    freeze,
    invalidate,
    invalidate_within,
    pause,
    resume,
    revoke,
    terminate,
    unfreeze,
)
from api.services.grants.extension import ask_extension, extend, prepare_extension
from api.services.grants.reading import GrantPage, get, list_of_holder, list_to_entity, shown_state
from api.services.grants.record import record
from api.services.grants.replay import Replayed, replay, replay_at

__all__ = [
    "CASE_MAX",
    "Approval",
    "GrantPage",
    "Replayed",
    "approve",
    "ask_extension",
    "extend",
    "freeze",
    "get",
    "invalidate",
    "invalidate_within",
    "list_of_holder",
    "list_to_entity",
    "pause",
    "prepare_extension",
    "record",
    "replay",
    "replay_at",
    "resume",
    "revoke",
    "shown_state",
    "terminate",
    "unfreeze",
]
