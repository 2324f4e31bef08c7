"""Queries by statutory duty: a basis in law in place of consent, with quotas, and seen by whoever they were about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from api.client import operations as op
from api.client.grants import Pulled, accepted, pulled_of
from api.client.paging import paged
from api.client.reading import Document
from api.client.receipts import LogKey
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class Access:
    """A query that was made: its basis, its case, what came of it. Whom it was about is not told again."""

    id: str
    basis: str
    case_no: str
    outcome: str
    reason: str | None
    receipt: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Basis:
    """A duty by law that one's own organisation may query under, and how much of the day's quota is used."""

    code: str
    law: str
    case_example: str
    allowed: tuple[str, ...]
    quota_per_day: int
    quota_per_case: int
    used_today: int


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case of one's own organisation: its number, and the days of its opening and closing."""

    case_no: str
    opened_on: date
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class CasesTaken:
    """What a delivery of case numbers did. `came`: alarms about numbers that were missing until now."""

    added: int
    changed: int
    unchanged: int
    came: int


@dataclass(frozen=True, slots=True)
class CaseRegister:
    """One's own register of case numbers, by counts; `last_at` is None before the first delivery."""

    open: int
    closed: int
    last_at: datetime | None
    late: bool


def _basis(document: Document) -> Basis:
    return Basis(
        code=document.text("code"),
        law=document.inner("law").text("zh"),
        case_example=document.text("case_example"),
        allowed=document.texts("allowed"),
        quota_per_day=document.whole("quota_per_day"),
        quota_per_case=document.whole("quota_per_case"),
        used_today=document.whole("used_today"),
    )


def _access(document: Document) -> Access:
    return Access(
        id=document.text("id"),
        basis=document.text("basis"),
        case_no=document.text("case_no"),
        outcome=document.text("outcome"),
        reason=document.maybe_text("reason"),
        receipt=document.maybe_text("receipt"),
        at=document.moment("at"),
    )


class Statutory:
    """Queries of organisations that are registered for a duty by law."""

    def __init__(self, transport: Transport, log_key: LogKey | None) -> None:
        self._transport = transport
        self._log_key = log_key

    def query(
        self,
        *,
        basis: str,
        case_no: str,
        number: str,
        fields: Sequence[str],
        kind: str = "person",
        hidden_days: int | None = None,
        form: str = "json",
        salts: bool = False,
        idempotency_key: str | None = None,
    ) -> Pulled:
        """Query fields (`type/field`) of a holder for a case; the answer is a marked copy with its receipt.

        `hidden_days`: for how long whoever it is about does not see it, where the law allows that. Raises
        `RefusedError` (`statutory.…`): a number that nobody has looks like a holder without the certificate.
        """
        response = self._transport.call(
            op.QUERY,
            accept=accepted(form, salts=salts),
            key=idempotency_key,
            basis=basis,
            case_no=case_no,
            holder={"kind": kind, "number": number},
            fields=list(fields),
            hidden_days=hidden_days,
        )
        return pulled_of(response, form, salts=salts, log_key=self._log_key)

    def get(self, access_id: str) -> Access:
        """One query."""
        return _access(self._transport.json(op.GET_QUERY, access_id=access_id))

    def list(self) -> Iterator[Access]:
        """The organisation's queries, newest first."""
        return paged(self._transport, op.LIST_QUERIES, _access)

    def bring_cases(self, cases: Sequence[CaseNumber], *, idempotency_key: str | None = None) -> CasesTaken:
        """Bring case numbers that are new or changed, or none to say that there is nothing new.

        Raises `RefusedError` (`case_register.…`): an account that queries brings no numbers, and the other way round.
        """
        told = [
            {
                "case_no": one.case_no,
                "opened_on": one.opened_on.isoformat(),
                "closed_on": None if one.closed_on is None else one.closed_on.isoformat(),
            }
            for one in cases
        ]
        document = self._transport.json(op.BRING_CASES, key=idempotency_key, cases=told)
        return CasesTaken(*(document.whole(name) for name in ("added", "changed", "unchanged", "came")))

    def case_register(self) -> CaseRegister:
        """The organisation's register of case numbers."""
        document = self._transport.json(op.GET_CASE_REGISTER)
        return CaseRegister(
            open=document.whole("open"),
            closed=document.whole("closed"),
            last_at=document.maybe_moment("last_at"),
            late=document.flag("late"),
        )

    def bases(self) -> tuple[Basis, ...]:
        """The duties by law that the organisation may query under."""
        return tuple(_basis(one) for one in self._transport.json(op.LIST_BASES).list("items"))
