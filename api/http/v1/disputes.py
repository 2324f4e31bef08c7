"""Disputes: a holder objects, whoever must answer does or corrects, a regulator decides; and corrections, followed."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, Credentials, allow, credentials
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute, strict_json
from api.http.v1.footprints import party_shown
from api.http.v1.grants import evidence_of
from api.policy.disputes import RecipientState
from api.services import amendments, disputes
from api.services.amendments import AmendmentView, Part
from api.services.context import Actor, Role
from api.services.copies import Statement
from api.services.disputes import DisputeView
from api.store.queries.disputes import Words
from api.store.tables import AmendmentRecipient, Dispute
from chain.canonical import canonical

router = APIRouter(tags=["disputes"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
Answerer = Annotated[Actor, allow(Role.DEPARTMENT, Role.ENTITY)]
Inspector = Annotated[Actor, allow(Role.REGULATOR)]
Concerned = Annotated[Actor, allow(Role.CITIZEN, Role.DEPARTMENT, Role.ENTITY, Role.REGULATOR)]
Overseen = Annotated[Actor, allow(Role.DEPARTMENT, Role.ENTITY, Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]
Id = Annotated[str | None, Field(min_length=1, max_length=64)]
Words1000 = Annotated[str, Field(min_length=1, max_length=1000)]
Given = Annotated[Credentials, Depends(credentials)]


class DisputeIn(Strict):
    """A certificate, one of its fields, or a line of who looked by its receipt; and what is wrong, in words."""

    statement: Words1000
    certificate: Id = None
    field: Id = None
    receipt: Id = None


class AnswerIn(Strict):
    """That the holder is right, with nothing to be corrected on a certificate; or a refusal; and why."""

    outcome: Literal["upheld", "refused"]
    text: Words1000


class CorrectionIn(Strict):
    """The fields to be corrected with what they shall say, written as in a returned file; and the answer in words."""

    values: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=4000)]] = Field(
        min_length=1, max_length=64
    )
    text: Words1000


class WhyIn(Strict):
    """Why the regulator is asked."""

    text: Words1000


class DecisionIn(Strict):
    """A regulator's decision and why; `ordered`: whoever must answer has to act."""

    outcome: Literal["ordered", "dismissed"]
    text: Words1000


def row_shown(row: Dispute) -> dict[str, Any]:
    """How a dispute stands."""
    return {
        "id": row.id,
        "number": disputes.shown_number_of(row.number),
        "subject": row.subject,
        "state": row.state,
        "opened_at": moment(row.opened_at_ms),
        "due_at": moment(row.due_at_ms),
        "plain_weekdays": row.plain,
        "overdue_since": moment(row.escalated_at_ms),
        "contest_until": None if row.contested else moment(row.contest_until_ms),
        "closed_at": moment(row.closed_at_ms),
    }


def shown(view: DisputeView) -> dict[str, Any]:
    """A dispute as JSON."""
    row = view.dispute
    return {
        **row_shown(row),
        "party": None if view.party is None else party_shown(view.party),
        "type": row.type_code,
        "certificate": row.record_id,
        "field": row.field,
        "receipt": row.receipt_id,
        "statement": view.words.get(Words.STATEMENT),
        "answer": view.words.get(Words.ANSWER),
        "contest": view.words.get(Words.CONTEST),
        "decision": view.words.get(Words.DECISION),
        "corrections": [{"id": one.id, "state": view.states[one.id].value} for one in view.amendments],
        "events": [
            {
                "state": event.state,
                "actor": event.actor,
                "note": event.note,
                "receipt": event.receipt_id,
                "at": moment(event.at_ms),
            }
            for event in view.events
        ],
    }


def recipient_shown(row: AmendmentRecipient, copies: Sequence[str]) -> dict[str, Any]:
    """How somebody who was told of a correction stands, with the copies that the reader may know of."""
    return {
        "state": row.state,
        "copies": list(copies),
        "told": row.told,
        "told_at": moment(row.told_at_ms),
        "confirmed_at": moment(row.confirmed_at_ms),
        "by": row.confirmed_by,
        "receipt": row.receipt_id,
    }


def amendment_shown(view: AmendmentView) -> dict[str, Any]:
    """A correction as JSON; whoever was told of it sees its own part alone."""
    row = view.amendment
    return {
        "id": row.id,
        "type": row.type_code,
        "fields": list(row.fields),
        "state": view.state.value,
        "issuer": None if view.issuer is None else party_shown(view.issuer),
        "dispute": None if view.own else row.dispute_id,
        "old": None if view.own else row.old_record_id,
        "new": None if view.own else row.new_record_id,
        "withdrawn_on_chain": row.revoked_block is not None,
        "due_at": moment(row.due_at_ms),
        "plain_weekdays": row.plain,
        "total": view.total,
        "confirmed": view.confirmed,
        "counts": {state.value: view.counts[state] for state in RecipientState},
        "recipients": [
            {"party": party_shown(party), **recipient_shown(recipient, view.copies_of(recipient))}
            for recipient, party in view.recipients
        ],
        "next_after": view.next_after,
        "done_at": moment(view.done_at_ms),
    }


def part_shown(part: Part) -> dict[str, Any]:
    """One's own part in a correction, or for a regulator somebody's that is overdue."""
    return {
        "correction": part.amendment.id,
        "type": part.amendment.type_code,
        "fields": list(part.amendment.fields),
        "issuer": None if part.issuer is None else party_shown(part.issuer),
        "party": None if part.party is None else party_shown(part.party),
        "due_at": moment(part.amendment.due_at_ms),
        **recipient_shown(part.recipient, [one["copy"] for one in part.recipient.copies]),
    }


@router.post("/disputes", status_code=201)
def open_dispute(
    ctx: ContextDep, request: Request, actor: Citizen, body: DisputeIn, key: IdempotencyKey = None
) -> Response:
    """Object to a certificate, a field of it, or a look; whoever stands behind it must answer in ten working days."""

    def act(answered: Answered) -> None:
        disputes.open_dispute(
            ctx,
            actor,
            body.statement,
            record_id=body.certificate,
            field=body.field,
            receipt_id=body.receipt,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("/disputes")
def list_disputes(
    ctx: ContextDep,
    actor: Concerned,
    cursor: Cursor = None,
    state: Annotated[Literal["open", "escalated"] | None, Query()] = None,
) -> dict[str, Any]:
    """One's own disputes, those that one's organisation must answer, or all for a regulator; without texts."""
    page = disputes.list_visible(ctx, actor, cursor, open_only=state == "open", escalated=state == "escalated")
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/disputes/{dispute_id}")
def get_dispute(ctx: ContextDep, actor: Concerned, dispute_id: str) -> dict[str, Any]:
    """One dispute with what was written; whoever reads it for others leaves a line with its holder."""
    return shown(disputes.get(ctx, actor, dispute_id))


@router.post("/disputes/{dispute_id}/withdraw")
def withdraw(
    ctx: ContextDep, request: Request, actor: Citizen, dispute_id: str, key: IdempotencyKey = None
) -> Response:
    """Take a dispute back."""

    def act(answered: Answered) -> None:
        disputes.withdraw(ctx, actor, dispute_id, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, None, act)


@router.post("/disputes/{dispute_id}/answer")
def answer(
    ctx: ContextDep, request: Request, actor: Answerer, dispute_id: str, body: AnswerIn, key: IdempotencyKey = None
) -> Response:
    """Answer a dispute."""

    def act(answered: Answered) -> None:
        disputes.answer(
            ctx,
            actor,
            dispute_id,
            upheld=body.outcome == "upheld",
            text=body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/disputes/{dispute_id}/correction")
def correct(
    ctx: ContextDep, request: Request, actor: Officer, dispute_id: str, body: CorrectionIn, key: IdempotencyKey = None
) -> Response:
    """Correct the certificate: a new version is returned and sealed, and all who hold the old value are told."""

    def act(answered: Answered) -> None:
        amendments.correct(
            ctx,
            actor,
            dispute_id,
            body.values,
            body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/disputes/{dispute_id}/contest")
def contest(
    ctx: ContextDep, request: Request, actor: Citizen, dispute_id: str, body: WhyIn, key: IdempotencyKey = None
) -> Response:
    """Ask the regulator to decide, once, within ten working days after the answer."""

    def act(answered: Answered) -> None:
        disputes.contest(ctx, actor, dispute_id, body.text, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, body, act)


@router.post("/disputes/{dispute_id}/decision")
def decide(
    ctx: ContextDep, request: Request, actor: Inspector, dispute_id: str, body: DecisionIn, key: IdempotencyKey = None
) -> Response:
    """Decide what nobody answered in time, or what its holder contested."""

    def act(answered: Answered) -> None:
        disputes.decide(
            ctx,
            actor,
            dispute_id,
            in_favour=body.outcome == "ordered",
            text=body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.get("/corrections")
def list_corrections(ctx: ContextDep, actor: Overseen) -> dict[str, Any]:
    """Corrections that one's organisation was told of, to be confirmed first; for a regulator those overdue."""
    if actor.role is Role.REGULATOR:
        return {"items": [part_shown(one) for one in amendments.list_escalated(ctx, actor)]}
    return {"items": [part_shown(one) for one in amendments.list_to_confirm(ctx, actor)]}


@router.get("/corrections/{correction_id}")
def get_correction(
    ctx: ContextDep,
    actor: Concerned,
    correction_id: str,
    after: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, Any]:
    """How a correction stands: who was told, who has confirmed; to whoever was told, its own part."""
    return amendment_shown(amendments.get(ctx, actor, correction_id, after=after))


@router.post("/corrections/{correction_id}/confirmation")
def confirm(
    ctx: ContextDep,
    request: Request,
    actor: Answerer,
    given: Given,
    correction_id: str,
    key: IdempotencyKey = None,
) -> Response:
    """State that the corrected value took the old one's place; the answer is the receipt. By a machine or by staff."""
    signed = evidence_of(request.state.evidence)
    text = canonical({}).decode() if signed is None else canonical(strict_json(given.body or b"{}")).decode()

    def act(answered: Answered) -> None:
        amendments.confirm(
            ctx,
            actor,
            correction_id,
            Statement(text, signed),
            also=lambda session, receipt: answered(
                session,
                {"correction": correction_id, "state": "confirmed", "receipt": receipt.id, "number": receipt.number},
            ),
        )

    return once(ctx, actor, request, key, None, act)
