"""How long certificates and lists that the service lives by still last, for the operator's side. Nothing of anybody.

Keys that do not end (the log's, the accounts', the marking epochs') are not here: the epochs have a table of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from api.documents.seals.authority import life_of
from api.errors import ApiError
from api.services.context import OPERATORS_SIDE, Actor, Context
from api.services.seals import office
from api.store import clock, read_only
from api.store.queries import seals

PLATFORM_SEAL, DEPARTMENT_SEAL, AUTHORITY, LIST = (
    "platform_seal",
    "department_seal",
    "seal_authority",
    "revocation_list",
)
KINDS = (PLATFORM_SEAL, DEPARTMENT_SEAL, AUTHORITY, LIST)
"""Every kind there is: a closed list, for labels."""
SOON_DAYS = 30
"""From so many days before its end on it is said."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class KeyDate:
    """Something that ends. `owner`: a party's id, or which of the authorities or lists.

    `ends_ms` is null where it can't be read, and `reason` then the code of why.
    """

    kind: str
    owner: str
    ends_ms: int | None
    days_left: int | None
    reason: str | None = None


def listed(ctx: Context, actor: Actor) -> Sequence[KeyDate]:
    """All of them, the soonest first, for the operator's side."""
    actor.party(*OPERATORS_SIDE)
    return dates(ctx)


def dates(ctx: Context) -> list[KeyDate]:
    """All of them, the soonest first. Without seals in production there are none. Raises `store.unavailable`."""
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
    try:
        demo = office.is_demo(ctx.settings)
    except ApiError:
        return []
    found = _of_demo(ctx, now) if demo else _of_files(ctx, now)
    return sorted(found, key=lambda one: (one.ends_ms or 0, one.kind, one.owner))


def _of_demo(ctx: Context, now: int) -> list[KeyDate]:
    """What the embedded authority has made so far; it makes its lists anew by itself, and its seals on first use."""
    with read_only(ctx.db) as session:
        rows = seals.newest_certificates(session)
    found = []
    for row in rows:
        kind = AUTHORITY if row.owner in {office.ROOT, office.ISSUING, office.TIMESTAMP} else DEPARTMENT_SEAL
        kind = PLATFORM_SEAL if row.owner == office.PLATFORM else kind
        found.append(_date(kind, row.owner, row.not_after_ms, now))
    if any(row.owner == office.ROOT for row in rows):
        found += [
            _date(LIST, name, _ends(data), now)
            for name, data in zip(office.LISTS, office.trust(ctx)[0].crls, strict=True)
        ]
    return found


def _of_files(ctx: Context, now: int) -> list[KeyDate]:
    found = []
    for owner, certificate, reason in office.certificates_on_file(ctx.settings):
        kind = PLATFORM_SEAL if owner == office.PLATFORM else DEPARTMENT_SEAL
        ends = None if certificate is None else int(life_of(certificate)[1].timestamp() * 1000)
        found.append(_date(kind, owner, ends, now, reason))
    try:
        trust = office.trust(ctx)[0]
    except (ValueError, OSError):
        return [*found, _date(LIST, "", None, now, "seals.unreadable")]
    found += [
        _date(AUTHORITY, str(at), int(life_of(one)[1].timestamp() * 1000), now) for at, one in enumerate(trust.roots, 1)
    ]
    return found + [_date(LIST, str(at), _ends(one), now) for at, one in enumerate(trust.crls, 1)]


def _ends(crl: bytes) -> int | None:
    """When a list is to be followed by the next one; null where it does not say."""
    ends = x509.load_der_x509_crl(crl).next_update_utc
    return None if ends is None else int(ends.timestamp() * 1000)


def _date(kind: str, owner: str, ends: int | None, now: int, reason: str | None = None) -> KeyDate:
    return KeyDate(kind, owner, ends, None if ends is None else (ends - now) // _DAY_MS, reason)
