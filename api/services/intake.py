"""Which columns of a returned file are which fields: a proposal, an officer's word, and what is remembered of it.

A file that somebody wants to look at first waits as MAPPING. Its head is read when asked, in the child process that
reads untrusted files; nothing of it is kept but, once an officer has spoken, which header is which field.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from api.catalogue.canonical import header_key
from api.catalogue.columns import known_headers
from api.catalogue.model import TypeSchema
from api.documents.header_rows import plain
from api.documents.heads import by_key, fit_columns
from api.documents.intake.looking import Look, Proposal, look, propose, signature
from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.services.returning import fail, limits_of, source_of, takes_demo
from api.services.returns import Incoming, Said, forget_file
from api.store import Session, clock
from api.store.database import read_only, unit_of_work
from api.store.locks import exclusive
from api.store.queries import intake, returns
from api.store.queries.returns import Origin, ReturnState
from api.store.tables import Return

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAPPING_MS = 7 * 86_400_000
"""So long a file waits for somebody to say which columns are which fields."""
WAITING = (ReturnState.MAPPING,)


def proposal(ctx: Context, actor: Actor, return_id: str, sheet: int | None = None) -> Proposal:
    """What the columns of a waiting file may be; without columns where a sheet has to be chosen first.

    Raises `returns.not_found`, `returns.not_mapping`, and whatever reading the file's head does.
    """
    with read_only(ctx.db) as session:
        row = _own(session, actor, return_id)
        if row.state != ReturnState.MAPPING:
            raise ApiError("returns.not_mapping", Kind.CONFLICT)
        known = intake.known_columns(session, row.party_id, row.type_code)
    return _proposal(ctx, row, known, row.sheet if sheet is None else sheet)


def _proposal(
    ctx: Context, row: Return, known: Mapping[bytes, Mapping[str, str | None]], sheet: int | None
) -> Proposal:
    schema = ctx.catalogue.ready_type(row.type_code)
    heads = {header_key(text) for one in known.values() for text in one} | known_headers(schema).keys()
    seen = look(source_of(ctx, row), heads, sheet=sheet, limits=limits_of(ctx))
    return propose(schema, seen, known.get(signature(seen.header)), demo=takes_demo(ctx))


def confirm(
    ctx: Context,
    actor: Actor,
    return_id: str,
    columns: Mapping[str, str | None],
    *,
    sheet: int | None = None,
    remember: bool = True,
    also: Also[Return] | None = None,
) -> Return:
    """Say which columns are which fields (None: left out); the worker checks the file then.

    Saying the same twice is no error. Where the file was returned with the same columns before, that return is given
    and this one ends (`returns.repeated`).

    What is said of headers that the file does not have is not kept. Raises `returns.not_found`,
    `returns.not_mapping`, `returns.several_sheets`, `returns.unknown_column`,
    `returns.duplicate_column`, `returns.missing_column`, `returns.header_is_row`, `catalogue.unknown_field`.
    """
    with read_only(ctx.db) as session:
        row = _own(session, actor, return_id)
        known = intake.known_columns(session, row.party_id, row.type_code)
    if row.state == ReturnState.MAPPING:
        seen = _proposal(ctx, row, known, sheet).look
        columns = _fitted(ctx.catalogue.ready_type(row.type_code), seen, columns)
        header: tuple[str, ...] | None = seen.header
    else:
        header, columns = None, _of(row.columns or (), columns)
    said = Said(columns=columns, sheet=sheet, origin=Origin(row.origin))
    ended = False
    with unit_of_work(ctx.db) as session:
        exclusive(session, "same returned file", row.party_id, row.file_sha256, row.type_code)
        found = returns.lock_return(session, return_id)
        assert found is not None
        before = returns.same_file(session, row.party_id, row.file_sha256, row.type_code, said.reading)
        if found.state == ReturnState.MAPPING and header is not None:
            if before is not None and before.id != found.id:
                found.state, found.error_code, found.error_facts = ReturnState.FAILED, "returns.repeated", {}
                found, ended = before, True
            else:
                found.state, found.columns, found.sheet = ReturnState.RECEIVED, dict(columns), sheet
                found.reading = said.reading
            if remember:
                intake.remember(
                    session, row.party_id, row.type_code, signature(header), _headers(columns), clock.advance(session)
                )
        elif before is None or before.id != found.id:
            raise ApiError("returns.not_mapping", Kind.CONFLICT)
        session.flush()
        if also is not None:
            also(session, found)
    if ended:
        forget_file(ctx, return_id)
    return found


def fitted(ctx: Context, type_code: str, file: Incoming, said: Said) -> Said:
    """What is said of a file that is being handed in, checked against the file's head before anything of it is kept.

    What is said of headers that the file does not have is left out. Raises as `confirm`, and whatever reading the
    file's head does.
    """
    if said.columns is None:
        return said
    schema = ctx.catalogue.ready_type(type_code)
    heads = by_key(said.columns).keys() | known_headers(schema).keys()
    seen = look(lambda: io.BufferedReader(_Again(file.file)), heads, sheet=said.sheet, limits=limits_of(ctx))
    return replace(said, columns=_fitted(schema, seen, said.columns))


class _Again(io.RawIOBase):
    """A file that was handed in, read from its beginning; whoever closes this leaves the file open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        piece = self._file.read(len(target))
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _fitted(schema: TypeSchema, seen: Look, columns: Mapping[str, str | None]) -> dict[str, str | None]:
    if not seen.header:
        raise ApiError("returns.several_sheets", sheets=len(seen.sheets))
    fit_columns(schema, seen.header, known_headers(schema), by_key(columns))
    return _of(seen.header, columns)


def _of(header: Iterable[str], columns: Mapping[str, str | None]) -> dict[str, str | None]:
    """What is said of these headers."""
    there = {header_key(one) for number, text in enumerate(header, 1) for one in (text, plain(text, number))}
    return {text: name for text, name in columns.items() if header_key(text) in there}


def has_to_ask(ctx: Context, actor: Actor, return_id: str) -> bool:
    """Whether somebody has to say which columns of a waiting file are which fields; else it goes on to be checked.

    A file that cannot be read at all ends as FAILED with its reason.
    """
    try:
        if not proposal(ctx, actor, return_id).certain:
            return True
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            return True
        if error.code not in {"returns.not_mapping", "returns.not_found"}:
            fail(ctx, return_id, error, WAITING)
        return False
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is not None and row.state == ReturnState.MAPPING:
            row.state = ReturnState.RECEIVED
    return False


def lapse(ctx: Context) -> int:
    """End returns whose columns nobody named in time, and drop their files; how many."""
    with unit_of_work(ctx.db) as session:
        late = returns.unnamed_since(session, clock.now_ms(session) - MAPPING_MS)
    # Whoever names the columns between the two transactions was in time.
    return sum(fail(ctx, return_id, ApiError("returns.mapping_lapsed"), WAITING) for return_id in late)


def fields_of(schema: TypeSchema) -> tuple[str, ...]:
    """The fields that a column can be."""
    return tuple(field.name for field in schema.fields)


def _headers(columns: Mapping[str, str | None]) -> dict[str, str | None]:
    """What is kept of headers: those that read like names. What has many digits may be a person's."""
    return {text: name for text, name in columns.items() if len(text) <= 60 and sum(map(str.isdigit, text)) < 5}


def _own(session: Session, actor: Actor, return_id: str) -> Return:
    row = returns.get_return(session, actor.party(Role.DEPARTMENT), return_id)
    if row is None:
        raise ApiError("returns.not_found", Kind.NOT_FOUND)
    return row
