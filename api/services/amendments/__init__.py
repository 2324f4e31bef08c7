"""Corrections: a new version in place of a wrong one, and everybody who holds the wrong value told until it confirms.

`correcting` is the department's act, `following` the worker's share, `confirming` what whoever was told states, and
`reading` who sees how it stands.
"""

from api.services.amendments.confirming import confirm
from api.services.amendments.correcting import correct
from api.services.amendments.following import turn
from api.services.amendments.reading import (
    AmendmentView,
    Part,
    get,
    list_escalated,
    list_to_confirm,
    owing,
)

__all__ = [
    "AmendmentView",
    "Part",
    "confirm",
    "correct",
    "get",
    "list_escalated",
    "list_to_confirm",
    "owing",
    "turn",
]
