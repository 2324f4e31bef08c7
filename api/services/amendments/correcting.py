"""A department corrects what a dispute is about: a return of one row, which makes the new version like any other.

The row is the present version with the corrected fields, checked before anything is promised. Then one transaction of
the log writer moves the dispute, notes the correction and lets the return be sealed by itself.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from api.catalogue.canonical import OPEN_END
from api.catalogue.fields import Field, FieldKind
from api.catalogue.model import TypeSchema
from api.documents.tables import RowBad, read_department_csv
from api.errors import ApiError, Kind
from api.policy.disputes import AmendmentState, DisputeState, Mover, Subject, check_move, corrects
from api.services import returns
from api.services.context import Actor, Also, Context, Role
from api.services.disputes.record import checked_text, locked, moved
from api.services.grants.events import DEMO_CUSTODY
from api.settings import Environment
from api.store import Session, ids, read_only
from api.store.ids import ReceiptId
from api.store.numbering import Numberer
from api.store.queries import amendments, disputes, holders, parties, records
from api.store.queries import returns as return_rows
from api.store.queries.disputes import Words
from api.store.queries.returns import RecordStatus, ReturnState
from api.store.receipts import ReceiptDraft
from api.store.tables import Amendment, Dispute

CITY_TIME = timedelta(hours=8)
OPEN_ENDED = "长期"


def correct(
    ctx: Context,
    actor: Actor,
    dispute_id: str,
    values: Mapping[str, str],
    text: str,
    *,
    also: Also[Dispute] | None = None,
) -> Dispute:
    """Correct fields of the certificate that a dispute is about; `values` by field name, `text` is the answer.

    Raises `disputes.not_found`, `disputes.transition`, `disputes.bad_text`, `disputes.nothing_to_correct`,
    `disputes.superseded`, `disputes.correction_under_way`, `disputes.identity_field`, `disputes.same_value`,
    `disputes.bad_value`, `disputes.own_signer` (a department whose key is not in custody here),
    `catalogue.unknown_field`, and what `returns.receive` raises.
    """
    party_id = actor.party(Role.DEPARTMENT)
    said = checked_text(text)
    with read_only(ctx.db) as session:
        row = disputes.get_dispute(session, dispute_id)
        if row is None or row.party_id != party_id:
            raise ApiError("disputes.not_found", Kind.NOT_FOUND)
        check_move(DisputeState(row.state), DisputeState.CORRECTING, Mover.PARTY, contested=row.contested)
        if not corrects(Subject(row.subject)) or row.record_id is None or row.type_code is None:
            raise ApiError("disputes.nothing_to_correct", Kind.CONFLICT)
        party = parties.get_party(session, party_id)
        if party is None or party.custody != DEMO_CUSTODY:
            # The service cannot seal for it, and what its own signer seals later would be nobody's correction here.
            raise ApiError("disputes.own_signer", Kind.CONFLICT)
        schema = ctx.catalogue.ready_type(row.type_code)
        _refuse_second(session, row.record_id)
        before, record_id = _present(ctx, session, row)
        tried = len(disputes.events_of(session, row.id))
    fields = _fields(schema, values)
    file = _file(ctx, schema, before, fields, f"{dispute_id}/{tried}")
    returned = returns.receive(ctx, actor, schema.code, returns.incoming(io.BytesIO(file)), auto_seal=False)

    def work(session: Session, numberer: Numberer) -> Dispute:
        now = numberer.now_ms
        row = locked(session, dispute_id)
        check_move(DisputeState(row.state), DisputeState.CORRECTING, Mover.PARTY, contested=row.contested)
        _refuse_second(session, record_id)
        if _present(ctx, session, row)[1] != record_id:
            raise ApiError("disputes.superseded", Kind.CONFLICT)
        handed_in = return_rows.lock_return(session, returned.id)
        known = amendments.of_return(session, returned.id)
        if handed_in is None or handed_in.state == ReturnState.FAILED or known is not None:
            raise ApiError("store.conflict", Kind.CONFLICT)
        handed_in.auto_seal = True
        disputes.seal_words(holders.holder_key(session, ctx.vault, row.holder_id), row, Words.ANSWER, said)
        session.add(
            Amendment(
                id=ids.new_amendment_id(),
                dispute_id=row.id,
                holder_id=row.holder_id,
                party_id=party_id,
                type_code=schema.code,
                fields=sorted(fields),
                old_record_id=record_id,
                return_id=returned.id,
                state=AmendmentState.RETURNING.value,
                plain=False,
                created_at_ms=now,
            )
        )
        session.flush()

        def add(draft: ReceiptDraft) -> ReceiptId:
            return numberer.add(draft).id

        more = {"return": returned.id, "fields": [*sorted(fields)]}
        moved(session, row, DisputeState.CORRECTING, Mover.PARTY, now, add, said=said, more=more)
        if also is not None:
            also(session, row)
        return row

    return ctx.log.submit(work)


def _present(ctx: Context, session: Session, row: Dispute) -> tuple[dict[str, str], str]:
    """The columns of the newest version of the certificate that a dispute is about, and that version's id.

    A newer one may have come since the dispute was opened, for other reasons; it is the one to be corrected then.
    """
    assert row.record_id is not None
    versions = records.history(session, row.holder_id, row.record_id)
    newest = versions[0] if versions else None
    if newest is None or newest.status == RecordStatus.REVOKED:
        raise ApiError("disputes.superseded", Kind.CONFLICT)
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    schema = ctx.catalogue.ready_type(newest.record.type_code)
    body = records.open_body(key, newest.record).fields
    return {one.name: body.get(one.name, "") for one in schema.fields}, newest.record.id


def _refuse_second(session: Session, record_id: str) -> None:
    """`disputes.correction_under_way`: made of the version that shows, a second correction would undo the first."""
    if amendments.under_way(session, record_id):
        raise ApiError("disputes.correction_under_way", Kind.CONFLICT)


def _fields(schema: TypeSchema, values: Mapping[str, str]) -> dict[str, str]:
    """What is to be corrected, by field; the fields by which a certificate and its holder are known are not."""
    if not values:
        raise ApiError("disputes.nothing_to_correct")
    for name in values:
        if not schema.has_column(name):
            raise ApiError("catalogue.unknown_field", Kind.NOT_FOUND, field=name[:64], type=schema.code)
        if name in {*schema.natural_key, schema.holder_field}:
            raise ApiError("disputes.identity_field", Kind.CONFLICT, field=name)
    return dict(values)


def _file(ctx: Context, schema: TypeSchema, before: Mapping[str, str], values: Mapping[str, str], key: str) -> bytes:
    """The file of one row that corrects, as the department would send it. Raises `disputes.bad_value`, `.same_value`.

    The order of its columns follows from `key`: a value that is corrected to and fro is a file of its own each time,
    while the same attempt repeated is the same file.
    """
    order = sorted(schema.fields, key=lambda one: hashlib.sha256(f"{key}/{one.name}".encode()).digest())
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([one.zh for one in order])
    writer.writerow([values[one.name] if one.name in values else _written(one, before[one.name]) for one in order])
    data = buffer.getvalue().encode()
    table = read_department_csv(
        data,
        schema,
        demo=ctx.settings.environment is Environment.DEVELOPMENT,
        today=(datetime.now(UTC) + CITY_TIME).date(),
    )
    (checked,) = tuple(table.rows())
    if isinstance(checked, RowBad):
        problem = checked.problems[0]
        raise ApiError("disputes.bad_value", field=problem.field or "", reason=problem.reason)
    if all(checked.values[name] == before[name] for name in values):
        raise ApiError("disputes.same_value", Kind.CONFLICT)
    return data


def _written(field: Field, value: str) -> str:
    """A canonical value as a department's file has it."""
    if field.kind is FieldKind.ENUM and value:
        return next(choice.zh for choice in field.choices if choice.code == value)
    if field.kind is FieldKind.DATE and value == OPEN_END:
        return OPEN_ENDED
    return value
