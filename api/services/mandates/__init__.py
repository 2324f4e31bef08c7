"""Acting for others: agents that a holder appoints, and representatives that a department registers.

Every beginning and every end is a receipt, which the holder sees among the footprints. A proposal that nobody accepted
never let anybody act and leaves none.
"""

from api.services.mandates.acts import SUBJECTS, NewAgent, Registration, answer, appoint, end, register
from api.services.mandates.course import end_all_of, expire_due
from api.services.mandates.views import (
    Mandates,
    MandateView,
    list_own,
    list_registered,
    principal_kind,
    registers,
)

__all__ = [
    "SUBJECTS",
    "MandateView",
    "Mandates",
    "NewAgent",
    "Registration",
    "answer",
    "appoint",
    "end",
    "end_all_of",
    "expire_due",
    "list_own",
    "list_registered",
    "principal_kind",
    "register",
    "registers",
]
