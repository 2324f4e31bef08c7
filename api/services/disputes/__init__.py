"""异议投诉: a holder objects to a certificate, a field of it, or a look; answered in time, or the regulator has it.

`acts` are the moves that people make, `reading` is what each of them sees, `course` what time does. The states and who
may bring which about stand in `api.policy.disputes`; a correction and all who must follow it in
`api.services.amendments`.
"""

from api.services.disputes.acts import answer, contest, decide, open_dispute, withdraw
from api.services.disputes.course import escalate_overdue
from api.services.disputes.reading import DisputeView, get, list_visible, shown_number, shown_number_of, waiting

__all__ = [
    "DisputeView",
    "answer",
    "contest",
    "decide",
    "escalate_overdue",
    "get",
    "list_visible",
    "open_dispute",
    "shown_number",
    "shown_number_of",
    "waiting",
    "withdraw",
]
