"""供需对接: an organisation asks for data; the catalogue answers at once, or a department within one working day.

`filing` matches and files, `acts` are the moves that people make afterwards, `course` is what time does, `reading` what
each of them sees. The states and who may bring which about stand in `api.policy.data_asks`.
"""

from api.services.data_asks.acts import answer, hand_over, order, withdraw
from api.services.data_asks.course import escalate_overdue
from api.services.data_asks.filing import NewAsk, file_ask
from api.services.data_asks.reading import (
    AskView,
    Side,
    counts,
    departments,
    get,
    late,
    list_visible,
    shown_number_of,
    waiting,
)

__all__ = [
    "AskView",
    "NewAsk",
    "Side",
    "answer",
    "counts",
    "departments",
    "escalate_overdue",
    "file_ask",
    "get",
    "hand_over",
    "late",
    "list_visible",
    "order",
    "shown_number_of",
    "waiting",
    "withdraw",
]
