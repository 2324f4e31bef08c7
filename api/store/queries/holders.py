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
from api.store.ids import HolderId, new_holder_id
from api.store.inserts import insert_ignore
from api.store.tables import Base, Holder

_CHUNK = 1024

# Built once: building a statement costs as much as running it.
_HOLDERS = Base.metadata.tables[Holder.__tablename__].c
_KEY = select(
    _HOLDERS.kind, _HOLDERS.number_bidx, _HOLDERS.wrapped_key, _HOLDERS.master_key_id, _HOLDERS.key_commitment
).where(_HOLDERS.id == bindparam("id"))


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


def find_or_create_holders(
    session: Session, vault: Vault, numbers: Sequence[tuple[HolderKind, str]]
) -> list[HolderRef]:
    """The holders of these numbers, in their order, repeats included; who is unknown is created with a new data key."""
    keys = [(kind.value, number_index(vault, kind, number)) for kind, number in numbers]
    known = _load(session, keys)
    now = clock.now_ms(session)
    fresh: dict[tuple[str, bytes], dict[str, object]] = {}
    for key in keys:
        if key in known or key in fresh:
            continue
        holder_id = new_holder_id()
        wrapped, _ = vault.new_data_key(holder_id, _bound(*key))
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
    if fresh:
        # Another process may create the same holder between the look-up and here; then its row stands and ours does
        # not.
        insert_ignore(session, Holder, list(fresh.values()))
        known |= _load(session, list(fresh))
    opened = {key: vault.data_key(holder_id, wrapped) for key, (holder_id, wrapped) in known.items()}
    return [
        HolderRef(HolderId(known[key][0]), kind, opened[key], key in fresh and fresh[key]["id"] == known[key][0])
        for key, (kind, _) in zip(keys, numbers, strict=True)
    ]


def holder_key(session: Session, vault: Vault, holder_id: str) -> DataKey:
    """A holder's open data key. Raises ApiError `store.no_holder`, `store.erased`, `store.key_commitment`."""
    row = session.connection().execute(_KEY, {"id": holder_id}).one_or_none()
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
        for start in range(0, len(wanted), _CHUNK):
            rows = session.execute(
                select(
                    Holder.number_bidx, Holder.id, Holder.wrapped_key, Holder.master_key_id, Holder.key_commitment
                ).where(Holder.kind == kind.value, Holder.number_bidx.in_(wanted[start : start + _CHUNK]))
            )
            for index, holder_id, wrapped_key, master_key_id, commitment in rows:
                wrapped = WrappedKey(wrapped_key, master_key_id, commitment, _bound(kind.value, index))
                found[kind.value, index] = (holder_id, wrapped)
    return found


def _bound(kind: str, number_bidx: bytes) -> bytes:
    return bound_columns(kind, number_bidx)
