"""Holders: persons and enterprises, found by blind index, each with a data key of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import clock
from api.store.crypto import DataKey, Purpose, Vault, WrappedKey, bound_columns
from api.store.database import connected
from api.store.ids import HolderId, new_holder_ids
from api.store.inserts import insert_ignore
from api.store.lookups import Lookup
from api.store.tables import Base, Holder

# Built once: building a statement costs as much as running it.
_HOLDERS = Base.metadata.tables[Holder.__tablename__].c
_KEY = select(
    _HOLDERS.kind, _HOLDERS.number_bidx, _HOLDERS.wrapped_key, _HOLDERS.master_key_id, _HOLDERS.key_commitment
).where(_HOLDERS.id == bindparam("id"))

_BY_NUMBER = Lookup(
    select(
        _HOLDERS.number_bidx, _HOLDERS.id, _HOLDERS.wrapped_key, _HOLDERS.master_key_id, _HOLDERS.key_commitment
    ).where(_HOLDERS.kind == bindparam("kind")),
    _HOLDERS.number_bidx,
)


class HolderKind(StrEnum):
    """A natural person (resident identity number) or an enterprise (USCC)."""

    PERSON = "person"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class HolderRef:
    """A holder ready for use: its id and open data key; `created` where this call made it."""

    id: HolderId
    kind: HolderKind
    key: DataKey
    created: bool


def number_index(vault: Vault, kind: HolderKind, number: str) -> bytes:
    """The blind index of a resident identity number or USCC."""
    return vault.blind_index(f"holder/{kind.value}", number)


def find_holder(session: Session, vault: Vault, kind: HolderKind, number: str) -> HolderId | None:
    """The id of the holder with that number, or None."""
    found = session.execute(
        select(Holder.id).where(Holder.kind == kind.value, Holder.number_bidx == number_index(vault, kind, number))
    ).scalar_one_or_none()
    return None if found is None else HolderId(found)


@dataclass(frozen=True, slots=True)
class HolderPlan:
    """Holders looked up, and those to be created, outside the transaction that needs them; see `carry_out`."""

    refs: Sequence[HolderRef]
    known: Mapping[tuple[str, bytes], tuple[str, WrappedKey]]
    fresh: Sequence[Mapping[str, object]]


def plan_holders(session: Session, vault: Vault, numbers: Sequence[tuple[HolderKind, str]]) -> HolderPlan:
    """The holders of these numbers, in their order, repeats included; who is unknown gets a data key and is not stored.

    Making keys takes longer than storing them, and a reading session holds nobody up.
    """
    keys = [(kind.value, number_index(vault, kind, number)) for kind, number in numbers]
    known = _load(session, keys)
    now = clock.now_ms(session)
    fresh: dict[tuple[str, bytes], dict[str, object]] = {}
    opened = {key: vault.data_key(holder_id, wrapped) for key, (holder_id, wrapped) in known.items()}
    missing = [key for key in dict.fromkeys(keys) if key not in known]
    for key, holder_id in zip(missing, new_holder_ids(len(missing)), strict=True):
        wrapped, opened[key] = vault.new_data_key(holder_id, _bound(*key))
        fresh[key] = {
            "id": holder_id,
            "kind": key[0],
            "number_bidx": key[1],
            "wrapped_key": wrapped.wrapped_key,
            "master_key_id": wrapped.master_key_id,
            "key_commitment": wrapped.key_commitment,
            "profile_enc": None,
            "created_at_ms": now,
        }
    refs = [
        HolderRef(HolderId(opened[key].holder_id), kind, opened[key], key in fresh)
        for key, (kind, _) in zip(keys, numbers, strict=True)
    ]
    return HolderPlan(refs, known, list(fresh.values()))


def carry_out(session: Session, plan: HolderPlan) -> bool:
    """Store whom a plan creates; False where anybody in it was created, changed or erased since: then plan anew.

    What it has stored by then are sound holders, which the next plan finds.
    """
    return _load(session, list(plan.known)) == plan.known and insert_ignore(session, Holder, plan.fresh)


def find_or_create_holders(
    session: Session, vault: Vault, numbers: Sequence[tuple[HolderKind, str]]
) -> list[HolderRef]:
    """The holders of these numbers, in their order, repeats included; who is unknown is created with a new data key."""
    plan = plan_holders(session, vault, numbers)
    if carry_out(session, plan):
        return list(plan.refs)
    # Another process created one of them between the look-up and here; then its row stands and ours does not.
    made = {ref.id for ref in plan.refs if ref.created}
    again = plan_holders(session, vault, numbers)
    assert not again.fresh, "whoever was unknown is stored by now, by one or the other"
    return [HolderRef(ref.id, ref.kind, ref.key, ref.id in made) for ref in again.refs]


def holder_key(session: Session, vault: Vault, holder_id: str) -> DataKey:
    """A holder's open data key. Raises ApiError `store.no_holder`, `store.erased`, `store.key_commitment`."""
    row = connected(session).execute(_KEY, {"id": holder_id}).one_or_none()
    if row is None:
        raise ApiError("store.no_holder", Kind.NOT_FOUND)
    return vault.data_key(
        holder_id,
        WrappedKey(row.wrapped_key, row.master_key_id, row.key_commitment, _bound(row.kind, row.number_bidx)),
    )


def get_holder(session: Session, holder_id: str) -> Holder | None:
    """The row of one holder."""
    return session.get(Holder, holder_id)


def set_profile(session: Session, key: DataKey, profile: Mapping[str, str]) -> None:
    """Seal and store what the holder's own page and forms show: name, number, and so on."""
    plain = json.dumps(dict(profile), ensure_ascii=False, sort_keys=True).encode()
    sealed = key.seal(Purpose.PROFILE, key.holder_id, plain)
    session.execute(
        update(Holder)
        .where(Holder.id == key.holder_id)
        .values(profile_enc=sealed)
        .execution_options(synchronize_session=False)
    )


def profile(session: Session, key: DataKey) -> dict[str, str]:
    """The holder's profile, empty where none was set. Raises ApiError `store.ciphertext`."""
    sealed = session.execute(select(Holder.profile_enc).where(Holder.id == key.holder_id)).scalar_one_or_none()
    if sealed is None:
        return {}
    document: dict[str, str] = json.loads(key.open(Purpose.PROFILE, key.holder_id, sealed))
    return document


def _load(session: Session, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], tuple[str, WrappedKey]]:
    found: dict[tuple[str, bytes], tuple[str, WrappedKey]] = {}
    for kind in HolderKind:
        wanted = list(dict.fromkeys(index for key_kind, index in keys if key_kind == kind.value))
        for index, holder_id, wrapped_key, master_key_id, commitment in _BY_NUMBER.rows(
            session, wanted, kind=kind.value
        ):
            wrapped = WrappedKey(wrapped_key, master_key_id, commitment, _bound(kind.value, index))
            found[kind.value, index] = (holder_id, wrapped)
    return found


def _bound(kind: str, number_bidx: bytes) -> bytes:
    return bound_columns(kind, number_bidx)
