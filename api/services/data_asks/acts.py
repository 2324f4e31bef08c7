"""The moves that people make: take back, answer, hand on to another department, order."""

from api.errors import ApiError, Kind
from api.policy.data_asks import AskMover, AskState, check_move
from api.services.context import Actor, Also, Context, Role
from api.services.data_asks.filing import ASKERS
from api.services.data_asks.record import HANDED, checked_text, locked, moved
from api.store import Session, clock, unit_of_work
from api.store.queries import data_asks, parties
from api.store.queries.parties import PartyRole, PartyStatus
from api.store.tables import DataAsk


def withdraw(ctx: Context, actor: Actor, ask_id: str, *, also: Also[DataAsk] | None = None) -> None:
    """Take an ask of one's own back. Raises `data_asks.not_found`, `data_asks.transition`."""
    asker_id = actor.party(*ASKERS)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), locked(session, ask_id)
        if row.asker_id != asker_id:
            # To whoever has to answer it is there, but not theirs to take back; to everybody else there is none.
            if row.party_id == asker_id:
                raise ApiError("auth.forbidden", Kind.FORBIDDEN)
            raise ApiError("data_asks.not_found", Kind.NOT_FOUND)
        check_move(AskState(row.state), AskState.WITHDRAWN, AskMover.ASKER)
        moved(ctx, session, row, AskState.WITHDRAWN, AskMover.ASKER, now, by=actor.subject)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def answer(
    ctx: Context, actor: Actor, ask_id: str, *, agreed: bool, text: str, also: Also[DataAsk] | None = None
) -> None:
    """Agree, with the conditions, or refuse, with the reason: the department that has it, or the regulator's desk.

    Raises `data_asks.not_found`, `data_asks.transition`, `data_asks.bad_text`, `data_asks.personal`.
    """
    mover, said = _mover(actor), checked_text(text, what="text")
    state = AskState.AGREED if agreed else AskState.REFUSED
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), _theirs(session, actor, ask_id)
        check_move(AskState(row.state), state, mover)
        moved(ctx, session, row, state, mover, now, by=actor.subject, text=said)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def hand_over(
    ctx: Context, actor: Actor, ask_id: str, department_id: str, text: str, *, also: Also[DataAsk] | None = None
) -> None:
    """Give an ask to the department that has the data; the first time alone it gets a new working day.

    By the department that has it, or by the regulator's desk. Nobody gets it twice. Raises `data_asks.not_found`,
    `data_asks.transition`, `data_asks.no_department`, `data_asks.had_before`, `data_asks.bad_text`,
    `data_asks.personal`.
    """
    mover, said = _mover(actor), checked_text(text, what="text")
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), _theirs(session, actor, ask_id)
        check_move(AskState(row.state), AskState.WAITING, mover)
        _check_department(session, row, department_id)
        if department_id in data_asks.had_before(session, row.id):
            raise ApiError("data_asks.had_before", Kind.CONFLICT)
        row.party_id = department_id
        moved(ctx, session, row, AskState.WAITING, mover, now, by=actor.subject, text=said, note=HANDED)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def order(
    ctx: Context,
    actor: Actor,
    ask_id: str,
    text: str,
    *,
    department_id: str | None = None,
    also: Also[DataAsk] | None = None,
) -> None:
    """A regulator orders the department that was late, or another one, to provide what is asked.

    Raises `data_asks.not_found`, `data_asks.transition`, `data_asks.no_department` (also where none has it and none is
    named), `data_asks.bad_text`, `data_asks.personal`.
    """
    actor.party(Role.REGULATOR)
    said = checked_text(text, what="text")
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), locked(session, ask_id)
        check_move(AskState(row.state), AskState.ORDERED, AskMover.REGULATOR)
        chosen = department_id or row.party_id
        if chosen is None:
            raise ApiError("data_asks.no_department")
        _check_department(session, row, chosen)
        row.party_id = chosen
        moved(ctx, session, row, AskState.ORDERED, AskMover.REGULATOR, now, by=actor.subject, text=said)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def _mover(actor: Actor) -> AskMover:
    actor.party(Role.DEPARTMENT, Role.REGULATOR)
    return AskMover.REGULATOR if actor.role is Role.REGULATOR else AskMover.DEPARTMENT


def _theirs(session: Session, actor: Actor, ask_id: str) -> DataAsk:
    """An ask that the actor has to answer, locked: its department's, or any for the regulator."""
    row = locked(session, ask_id)
    if actor.role is Role.REGULATOR or row.party_id == actor.party_id:
        return row
    if row.asker_id == actor.party_id:
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    raise ApiError("data_asks.not_found", Kind.NOT_FOUND)


def _check_department(session: Session, row: DataAsk, party_id: str) -> None:
    party = parties.get_party(session, party_id)
    there = party is not None and party.role == PartyRole.DEPARTMENT and party.status == PartyStatus.ACTIVE
    if not there or party_id == row.asker_id:
        raise ApiError("data_asks.no_department")
