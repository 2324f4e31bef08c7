"""Subjects see their own only, pages hold still, sealed rows belong to their columns."""

import os

import pytest
from sqlalchemy import func, select

from api.errors import ApiError
from api.store import ids, read_only, unit_of_work
from api.store.crypto import Vault
from api.store.log_writer import LogWriter
from api.store.queries import (
    chain_status,
    copies,
    grants,
    holders,
    idempotency,
    paging,
    parties,
    provenance,
    receipts,
    requests,
    sessions,
    traces,
)
from api.store.queries.holders import HolderKind
from api.store.tables import Copy, Holder, Request, Trace, UserSession
from chain.receipt import ReceiptKind
from tests.store.world import NOW_MS, World, id_number

# Holders


def test_holders_are_found_or_made(world: World) -> None:
    numbers = [(HolderKind.PERSON, id_number(place)) for place in (1, 2, 1, 3)]
    with unit_of_work(world.db) as session:
        first = holders.find_or_create_holders(session, world.vault, numbers)
    assert [ref.created for ref in first] == [True] * 4
    assert first[0].id == first[2].id
    assert len({ref.id for ref in first}) == 3
    with unit_of_work(world.db) as session:
        again = holders.find_or_create_holders(
            session, world.vault, [*numbers, (HolderKind.ENTERPRISE, numbers[0][1]), (HolderKind.PERSON, id_number(9))]
        )
        assert session.execute(select(func.count()).select_from(Holder)).scalar_one() == 5
        assert holders.find_holder(session, world.vault, HolderKind.PERSON, id_number(1)) == first[0].id
        assert holders.find_holder(session, world.vault, HolderKind.PERSON, id_number(8)) is None
    assert [ref.id for ref in again[:4]] == [ref.id for ref in first]
    assert [ref.created for ref in again] == [False] * 4 + [True] * 2
    assert again[4].id not in {ref.id for ref in first}, "one number, two kinds, two holders"


def test_profiles(world: World) -> None:
    with unit_of_work(world.db) as session:
        (ref,) = holders.find_or_create_holders(session, world.vault, [(HolderKind.PERSON, id_number(1))])
        assert holders.profile(session, ref.key) == {}
        holders.set_profile(session, ref.key, {"name": "市民一", "number": id_number(1)})
        assert holders.profile(session, ref.key) == {"name": "市民一", "number": id_number(1)}
    with read_only(world.db) as session, pytest.raises(ApiError, match=r"store\.no_holder"):
        holders.holder_key(session, world.vault, "hold_none")


# Pages


def test_pages_hold_still_while_rows_are_added(returned: World) -> None:
    world = returned
    mine = world.holder_ids[0]

    def ask(number: int) -> None:
        with unit_of_work(world.db) as session:
            session.add(
                Request(
                    id=f"req_{number:03d}",
                    entity_id=world.entity,
                    holder_id=mine,
                    purpose_code="p",
                    items=[],
                    cut=[],
                    wanted_days=1,
                    wanted_uses=1,
                    state="requested",
                    created_at_ms=NOW_MS + number // 3,
                    lapses_at_ms=NOW_MS + 10 + number,
                )
            )

    for number in range(11):
        ask(number)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        with read_only(world.db) as session:
            page = requests.requests_to_holder(session, mine, cursor=cursor, limit=4)
        seen += [row.id for row in page.items]
        ask(50 + len(seen))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"req_{number:03d}" for number in reversed(range(11))]
    with unit_of_work(world.db) as session:
        assert requests.count_open(session, mine, NOW_MS + 15) == 8
        lapsed = [row.id for row in requests.lapse_requests(session, NOW_MS + 15)]
        assert sorted(lapsed) == [f"req_{number:03d}" for number in range(6)]
        assert requests.lapse_requests(session, NOW_MS + 15) == []
        assert requests.request_of_entity(session, world.entity, "req_001").state == "lapsed"  # type: ignore[union-attr]
        assert requests.request_of_entity(session, world.department, "req_001") is None
        assert requests.request_to_holder(session, world.holder_ids[1], "req_001") is None
        assert requests.request_to_holder(session, mine, "req_001", lock=True) is not None
        assert len(requests.requests_of_entity(session, world.entity, limit=500).items) == 14


@pytest.mark.parametrize("cursor", ["x", "====", "MTIz", "é", "YTpi"])
def test_bad_cursors(cursor: str) -> None:
    from api.store.tables import Receipt

    with pytest.raises(ApiError, match=r"store\.cursor"):
        paging.after(cursor, Receipt.at_ms, Receipt.id)


def test_page_size_is_bounded() -> None:
    assert [paging.clamp(limit) for limit in (-1, 0, 1, 200, 10**9)] == [1, 1, 1, 200, 200]


# Grants, copies, receipts


def test_grants_copies_and_receipts_by_subject(returned: World, writer: LogWriter) -> None:
    world = returned
    mine, other = world.holder_ids[0], world.holder_ids[1]
    grant_id = world.add_grant(writer)
    pulled = writer.submit(lambda s, n: world.pull(s, n, grant_id, b"file"))
    assert pulled is not None
    with read_only(world.db) as session:
        grant = grants.grant_of_holder(session, mine, grant_id)
        assert grant is not None
        assert grants.grant_of_holder(session, other, grant_id) is None
        assert grants.grant_to_entity(session, world.entity, grant_id) is grant
        assert grants.grant_to_entity(session, world.department, grant_id) is None
        assert grants.grant_by_digest(session, grant.digest) is grant
        assert grants.grant_of_request(session, grant.request_id) is grant
        assert [item.id for item in grants.grants_of_holder(session, mine).items] == [grant_id]
        assert grants.grants_of_holder(session, other).items == []
        assert len(grants.grants_to_entity(session, world.entity).items) == 1
        assert grants.count_active(session, mine) == 1
        assert grants.run_out(session, grant.not_after_ms - 1) == []
        assert grants.run_out(session, grant.not_after_ms) == [grant_id]
        (copy,) = copies.copies_of_grant(session, grant_id)
        key = holders.holder_key(session, world.vault, mine)
        assert copies.open_file(key, copy) == b"file"
        assert copies.open_original(key, copies.content_of_copy(session, copy)) == b"original file"
        assert copies.copy_of_entity(session, world.entity, copy.id) is copy
        assert copies.copy_of_entity(session, world.department, copy.id) is None
        assert [item.id for item in copies.copies_of_holder(session, mine).items] == [copy.id]
        assert copies.copies_of_holder(session, other).items == []
        assert [item.id for item in copies.copies_by_file(session, copy.file_sha256)] == [copy.id]
        assert [item.id for item in copies.copies_of_contents(session, [copy.content_id])] == [copy.id]
        footprints = receipts.receipts_of_holder(session, mine).items
        assert [item.kind for item in footprints if item.kind != "request"] == ["delivery", "grant"]
        assert len(receipts.receipts_of_holder(session, mine, kinds=[ReceiptKind.GRANT]).items) == 1
        assert receipts.receipts_of_holder(session, other).items == []
        assert receipts.receipt_of_holder(session, other, pulled.id) is None
        assert receipts.receipt_of_party(session, world.entity, pulled.id) is not None
        assert receipts.receipt_of_party(session, world.department, pulled.id) is None
        assert [item.id for item in receipts.receipts_of_copy(session, copy.id)] == [pulled.id]
        assert len(receipts.receipts_of_grant(session, grant_id, ReceiptKind.DELIVERY)) == 1
        assert receipts.receipt_of_return(session, world.return_id) is not None
        assert receipts.kept_request(session, world.vault, pulled.id)["base"] == "base of b'file'"  # type: ignore[index]


def test_all_copies_are_streamed(returned: World, writer: LogWriter) -> None:
    world = returned
    grant_id = world.add_grant(writer, max_uses=50)
    for number in range(7):
        writer.submit(lambda s, n, number=number: world.pull(s, n, grant_id, b"file %d" % number))
    with read_only(world.db) as session:
        every = [copy.id for copy in copies.all_copies(session, ["text/csv"], chunk=3)]
        assert len(every) == len(set(every)) == 7
        assert list(copies.all_copies(session, ["application/pdf"])) == []


def test_columns_of_sealed_rows_are_bound(returned: World, writer: LogWriter) -> None:
    world = returned
    grant_id = world.add_grant(writer)
    writer.submit(lambda s, n: world.pull(s, n, grant_id, b"file"))
    with read_only(world.db) as session:
        key = holders.holder_key(session, world.vault, world.holder_ids[0])
        grant = grants.grant_of_holder(session, world.holder_ids[0], grant_id)
        (copy,) = copies.copies_of_grant(session, grant_id)
        assert grant is not None
        grants.open_secret(key, grant)
        grant.max_uses += 1
        with pytest.raises(ApiError, match=r"store\.ciphertext"):
            grants.open_secret(key, grant)
        copy.entity_id = world.department
        with pytest.raises(ApiError, match=r"store\.ciphertext"):
            copies.open_file(key, copy)
        session.rollback()
        assert isinstance(session.get_one(Copy, copy.id), Copy)


# Sessions, nonces, idempotency


def test_sessions(world: World) -> None:
    with unit_of_work(world.db) as session:
        token = sessions.open_session(
            session,
            world.vault,
            role="citizen",
            subject="pseudonym",
            display="市民一",
            holder_id=None,
            party_id=None,
            life_ms=60_000,
        )
        ended = sessions.open_session(
            session, world.vault, role="entity", subject="s", display="", holder_id=None, party_id=None, life_ms=0
        )
    with unit_of_work(world.db) as session:
        found = sessions.find_session(session, world.vault, token)
        assert found is not None
        assert (found.role, found.display, found.subject) == ("citizen", "市民一", "pseudonym")
        assert sessions.find_session(session, world.vault, ended) is None
        assert sessions.find_session(session, world.vault, "guess") is None
        row = session.get_one(UserSession, found.token_hash)
        assert token.encode() not in bytes(row.token_hash) + row.display_enc
        row.role = "operator"
        session.flush()
        with pytest.raises(ApiError, match=r"store\.ciphertext"):
            sessions.find_session(session, world.vault, token)
        row.role = "citizen"
        session.flush()
        sessions.close_session(session, found.token_hash)
    with read_only(world.db) as session:
        assert sessions.find_session(session, world.vault, token) is None


def test_nonces_are_used_once(world: World) -> None:
    with unit_of_work(world.db) as session:
        assert sessions.use_nonce(session, "thumb", "n1", NOW_MS)
        assert not sessions.use_nonce(session, "thumb", "n1", NOW_MS)
        assert sessions.use_nonce(session, "other", "n1", NOW_MS + 1)
        assert sessions.purge_run_out(session, NOW_MS) == 1
        assert sessions.use_nonce(session, "thumb", "n1", NOW_MS)


def test_idempotency(world: World, vault: Vault) -> None:
    same, other = b"\1" * 32, b"\2" * 32
    answer = idempotency.StoredAnswer(201, b'{"id": "req_1"}', {"content-type": "application/json"})
    with unit_of_work(world.db) as session:
        assert idempotency.begin(session, vault, "party_1", "key", same, NOW_MS) is None
        with pytest.raises(ApiError, match=r"idempotency\.running"):
            idempotency.begin(session, vault, "party_1", "key", same, NOW_MS + 59_000)
        with pytest.raises(ApiError, match=r"idempotency\.other_request"):
            idempotency.begin(session, vault, "party_1", "key", other, NOW_MS)
        assert idempotency.begin(session, vault, "party_2", "key", other, NOW_MS) is None
        idempotency.finish(session, vault, "party_1", "key", answer)
    with unit_of_work(world.db) as session:
        assert idempotency.begin(session, vault, "party_1", "key", same, NOW_MS + 1) == answer
        with pytest.raises(ApiError, match=r"idempotency\.other_request"):
            idempotency.begin(session, vault, "party_1", "key", other, NOW_MS)
        assert idempotency.begin(session, vault, "party_2", "key", other, NOW_MS + 61_000) is None, "its process died"
        idempotency.forget(session, "party_1", "key")
        assert idempotency.begin(session, vault, "party_1", "key", same, NOW_MS) == answer, "an answer is kept"
        idempotency.forget(session, "party_2", "key")
        assert idempotency.begin(session, vault, "party_2", "key", same, NOW_MS + 62_000) is None
        assert idempotency.purge(session, NOW_MS + 1) == 1
        idempotency.finish(session, vault, "party_1", "key", answer)


# The rest


def test_provenance(returned: World, writer: LogWriter) -> None:
    world = returned
    grant_id = world.add_grant(writer)
    for name in (b"a", b"b"):
        writer.submit(lambda s, n, name=name: world.pull(s, n, grant_id, name))
    tags = [os.urandom(16) for _ in range(700)]
    with unit_of_work(world.db) as session:
        first, second = (copy.content_id for copy in copies.copies_of_grant(session, grant_id))
        provenance.add_tags(session, first, [*tags, tags[0]])
        provenance.add_tags(session, first, tags[:3])
        provenance.add_tags(session, second, tags[:10])
        assert provenance.contents_with(session, [*tags, tags[0]]) == {first: 700, second: 10}
        assert provenance.contents_by_tag(session, tags[9:11]) == {
            tags[9]: sorted([first, second]),
            tags[10]: [first],
        }
        assert provenance.contents_with(session, []) == {}


def test_parties(returned: World) -> None:
    world = returned
    with read_only(world.db) as session:
        party = parties.get_party(session, world.entity)
        assert party is not None
        assert party.http_key_thumbprint is not None
        found = parties.machine_key(session, party.http_key_thumbprint)
        assert found is not None and tuple(found) == (party.id, party.role, party.status, party.http_key)
        assert parties.machine_key(session, "none") is None
        department = parties.get_party(session, world.department)
        assert department is not None
        assert department.address is not None
        assert parties.party_by_address(session, department.address) is department
        assert parties.party_by_uscc(session, "none") is None
        assert len(parties.list_parties(session)) == 2
        assert parties.list_parties(session, parties.PartyRole.ENTITY) == [party]


def test_traces(returned: World) -> None:
    world = returned
    with unit_of_work(world.db) as session:
        for number in range(3):
            session.add(
                Trace(
                    id=ids.new_trace_id(),
                    party_id=world.entity,
                    file_sha256=bytes(32),
                    outcome="none",
                    report={},
                    created_at_ms=number,
                )
            )
    with read_only(world.db) as session:
        page = traces.list_traces(session, world.entity, limit=2)
        assert [row.created_at_ms for row in page.items] == [2, 1]
        assert traces.get_trace(session, world.department, page.items[0].id) is None
        assert traces.get_trace(session, world.entity, page.items[0].id) is not None
        rest = traces.list_traces(session, world.entity, limit=2, cursor=page.next_cursor)
        assert ([row.created_at_ms for row in rest.items], rest.next_cursor) == ([0], None)


def test_chain_status(world: World) -> None:
    state = chain_status.ChainState
    with unit_of_work(world.db) as session:
        assert chain_status.get_chain_status(session) is None
        chain_status.set_chain_status(session, state.OK, now_ms=1, head=10)
        row = chain_status.set_chain_status(session, state.OK, now_ms=5, head=11)
        assert (row.state, row.since_ms, row.head, row.last_ok_ms) == ("ok", 1, 11, 5)
        row = chain_status.set_chain_status(session, state.DELAYED, now_ms=9, reason="chain.node.unreachable")
        assert (row.state, row.since_ms, row.head, row.last_ok_ms) == ("delayed", 9, 11, 5)


def test_identifiers() -> None:
    makers = {
        "cert_": ids.new_cert_id,
        "grant_": ids.new_grant_id,
        "copy_": ids.new_copy_id,
        "req_": ids.new_request_id,
        "ret_": ids.new_return_id,
        "rcpt_": ids.new_receipt_id,
        "party_": ids.new_party_id,
        "hold_": ids.new_holder_id,
        "cont_": ids.new_content_id,
        "trace_": ids.new_trace_id,
        "batch_": ids.new_batch_id,
    }
    for prefix, make in makers.items():
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert all(name.startswith(prefix) and len(name) == len(prefix) + 26 and name.isascii() for name in made)
