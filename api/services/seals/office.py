"""The seals that this service sets: from the embedded demo authority, or from PKCS#12 files and tokens of a real one.

With `MYDATA_SEALS_DIR` the files there are used: `<party id>.p12` and `copy-seal.p12` (their password in
`MYDATA_SEALS_PASSWORD_FILE`), or `.pkcs11.toml` of the same names for keys in tokens, `roots/` with root
certificates, `lists/` with current revocation lists, all DER or PEM.
Without it, in development alone, the demo authority is made on first use: keys in the key ring, certificates in the
database, so that each installation has its own and none is in any repository.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from api.documents.seals.authority import (
    AUTHORITY_ORGAN,
    Duty,
    Revoked,
    issue,
    life_of,
    make_crl,
    make_root,
    private_key,
    serial_of,
)
from api.documents.seals.checking import SealTrust
from api.documents.seals.command import read_certificates, read_lists
from api.documents.seals.devices import DemoTimeStamper, KeyDevice, SealDevice, read_pkcs12
from api.documents.seals.sealing import SealKit
from api.documents.seals.token import read_token
from api.errors import ApiError, Kind
from api.services.context import Context
from api.settings import Environment, Settings
from api.store import Session, clock, locks, read_only, unit_of_work
from api.store.queries import seals
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import SealCertificate
from chain.receipt import ReceiptKind

ROOT, ISSUING, TIMESTAMP, PLATFORM = "root", "issuing", "timestamp", "platform"
PLATFORM_NAME = "我的数据平台"
PLATFORM_ORGAN = f"{PLATFORM_NAME}（演示）"
LISTS = {ISSUING: "issuing.crl", ROOT: "root.crl"}
"""The demo authority's revocation lists, by whose they are, as they are published."""
_FRESH_S = 3600
_MS = 1000


@dataclass(frozen=True, slots=True)
class OwnSeal:
    """A party's seal as its page shows it; `demo` where the embedded authority made it."""

    serial: str
    not_after_ms: int
    demo: bool


def is_demo(settings: Settings) -> bool:
    """Whether seals come from the embedded authority. Raises `seals.not_configured` in production without files."""
    if settings.seals_dir is not None:
        return False
    if settings.environment is Environment.PRODUCTION:
        raise ApiError("seals.not_configured", Kind.UNAVAILABLE)
    return True


def kit(ctx: Context, owner: str, organ: str, *, timed: bool = True) -> SealKit:
    """All that is needed to seal as `owner`, a party's id or `PLATFORM`; not to be called in a writing transaction.

    Raises `seals.not_configured`, `seals.no_seal`, `seals.seal_ended`, `seals.seal_revoked`, `seals.pkcs12`,
    `seals.token_file`, `seals.token_pin_open`.
    """
    if not is_demo(ctx.settings):
        return _file_kit(ctx.settings, owner, timed=timed)
    ensure(ctx, owner, organ)
    _follow_on(ctx, owner, organ)
    with read_only(ctx.db) as session:
        now = _moment(clock.now_ms(session))
        rows = {name: seals.newest_certificate(session, name) for name in (ROOT, ISSUING, TIMESTAMP, owner)}
        crls = _lists(ctx, session, now)
    root, above, stamp, own = (_found(rows[name]) for name in (ROOT, ISSUING, TIMESTAMP, owner))
    chain = (above.certificate, root.certificate)
    stamper = DemoTimeStamper(_device(ctx, stamp), chain)
    stamper.fixed = now
    return SealKit(_device(ctx, own), chain, crls, stamper if timed else None)


def trust(ctx: Context) -> tuple[SealTrust, datetime]:
    """What this service itself believes of seals, and the moment of it. Raises `seals.not_configured`."""
    if not is_demo(ctx.settings):
        folder = _folder(ctx.settings)
        return SealTrust(
            read_certificates(_files(folder / "roots")), read_lists(_files(folder / "lists"))
        ), datetime.now(UTC)
    ensure(ctx, TIMESTAMP, AUTHORITY_ORGAN)
    with read_only(ctx.db) as session:
        now = _moment(clock.now_ms(session))
        root = _found(seals.newest_certificate(session, ROOT))
        return SealTrust((root.certificate,), _lists(ctx, session, now)), now


def revocation_list(ctx: Context, name: str) -> bytes:
    """A revocation list of the demo authority by its published name. Raises `seals.no_list`."""
    if name not in LISTS.values() or not is_demo(ctx.settings):
        raise ApiError("seals.no_list", Kind.NOT_FOUND)
    lists = trust(ctx)[0].crls
    return lists[list(LISTS.values()).index(name)]


def own_seal(ctx: Context, owner: str, organ: str) -> OwnSeal:
    """A party's seal. Raises as `kit`."""
    device = kit(ctx, owner, organ, timed=False).device
    ends = life_of(device.certificate)[1]
    return OwnSeal(f"{serial_of(device.certificate):x}", int(ends.timestamp() * _MS), is_demo(ctx.settings))


def renew(ctx: Context, owner: str, organ: str) -> OwnSeal:
    """Revoke a party's seal, whose key may be in other hands, and make the next one.

    What it sealed before stays good by its timestamps. Raises `seals.not_ours`: a real authority revokes its own.
    """
    if not is_demo(ctx.settings):
        raise ApiError("seals.not_ours", Kind.CONFLICT)
    ensure(ctx, owner, organ)
    with unit_of_work(ctx.db) as session:
        locks.exclusive(session, "seals")
        old, now = _found(seals.newest_certificate(session, owner)), clock.advance(session)
        draft = ReceiptDraft(
            ReceiptKind.SEAL, {"act": "revoked", "certificate": old.serial, "of": owner, "at": now // _MS}
        )
        old.revoked_at_ms, old.receipt_id = now, prepare_receipt(session, ctx.vault, draft)
        _make(ctx, session, owner, organ, _moment(now))
    ctx.log.wake()
    return own_seal(ctx, owner, organ)


def ensure(ctx: Context, owner: str, organ: str) -> None:
    """Make the authority and `owner`'s first certificate where they are not there yet."""
    if owner in ctx.seals.ready:
        return
    with read_only(ctx.db) as session:
        there = seals.newest_certificate(session, owner) is not None
    if not there:
        with unit_of_work(ctx.db) as session:
            locks.exclusive(session, "seals")
            now = _moment(clock.now_ms(session))
            for name in (ROOT, ISSUING, TIMESTAMP, owner):
                if seals.newest_certificate(session, name) is None:
                    _make(ctx, session, name, organ if name == owner else AUTHORITY_ORGAN, now)
    ctx.seals.ready.add(owner)


def _follow_on(ctx: Context, owner: str, organ: str) -> None:
    """Make the next certificate of a seal whose newest one is over."""
    with read_only(ctx.db) as session:
        now_ms = clock.now_ms(session)
        if _found(seals.newest_certificate(session, owner)).not_after_ms > now_ms:
            return
    with unit_of_work(ctx.db) as session:
        locks.exclusive(session, "seals")
        if _found(seals.newest_certificate(session, owner)).not_after_ms <= now_ms:
            _make(ctx, session, owner, organ, _moment(now_ms))


def _make(ctx: Context, session: Session, owner: str, organ: str, now: datetime) -> None:
    before = seals.newest_certificate(session, owner)
    generation = 1 if before is None else before.generation + 1
    key = private_key(ctx.keys.key(_key_name(owner, generation)))
    if owner == ROOT:
        certificate = make_root(key, now)
    else:
        parent = ROOT if owner == ISSUING else ISSUING
        above = _found(seals.newest_certificate(session, parent))
        duty = {ISSUING: Duty.ISSUING, TIMESTAMP: Duty.TIMESTAMP}.get(owner, Duty.SEAL)
        title = {
            Duty.ISSUING: "演示印章签发 Demo seal issuing",
            Duty.TIMESTAMP: "演示时间戳 Demo timestamps",
            Duty.SEAL: f"{organ[:52]} 电子印章（演示）",
        }[duty]
        certificate = issue(
            duty,
            organ,
            title,
            key.public_key(),
            above.certificate,
            private_key(ctx.keys.key(_key_name(parent, above.generation))),
            now,
            crl_url=f"{ctx.settings.base_url}/v1/seals/lists/{LISTS[parent]}",
        )
    session.add(
        SealCertificate(
            owner=owner,
            generation=generation,
            serial=f"{serial_of(certificate):x}",
            certificate=certificate,
            not_after_ms=int(life_of(certificate)[1].timestamp() * _MS),
            created_at_ms=int(now.timestamp() * _MS),
        )
    )
    session.flush()


def _key_name(owner: str, generation: int) -> str:
    if owner == PLATFORM and generation == 1:
        return "copy-seal"
    return f"seal-{owner.replace('_', '-').lower()}-{generation}"


def _device(ctx: Context, row: SealCertificate) -> KeyDevice:
    return KeyDevice(row.certificate, private_key(ctx.keys.key(_key_name(row.owner, row.generation))))


def _lists(ctx: Context, session: Session, now: datetime) -> tuple[bytes, bytes]:
    """The lists of the issuing authority and of the root; made anew each hour and after each revocation."""
    gone = seals.revoked_certificates(session)
    hour = int(now.timestamp()) // _FRESH_S
    with ctx.seals.lock:
        known = ctx.seals.lists.get((len(gone), hour))
        if known is None:
            entries = [Revoked(int(row.serial, 16), _moment(row.revoked_at_ms or 0)) for row in gone]
            made = []
            for owner, revoked in ((ISSUING, entries), (ROOT, [])):
                row = _found(seals.newest_certificate(session, owner))
                key = private_key(ctx.keys.key(_key_name(owner, row.generation)))
                made.append(make_crl(row.certificate, key, revoked, int(now.timestamp()), now))
            known = (made[0], made[1])
            ctx.seals.lists.clear()
            ctx.seals.lists[len(gone), hour] = known
        return known


def _file_kit(settings: Settings, owner: str, *, timed: bool) -> SealKit:
    folder = _folder(settings)
    device, others = _read_seal(folder, settings.seals_password_file, "copy-seal" if owner == PLATFORM else owner)
    lists = read_lists(_files(folder / "lists"))
    begins, ends = life_of(device.certificate)
    if not begins <= datetime.now(UTC) <= ends:
        raise ApiError("seals.seal_ended", Kind.UNAVAILABLE)
    serial = serial_of(device.certificate)
    if any(x509.load_der_x509_crl(one).get_revoked_certificate_by_serial_number(serial) for one in lists):
        raise ApiError("seals.seal_revoked", Kind.UNAVAILABLE)
    stamper = RequestsHTTPTimeStamper(settings.timestamp_url) if timed and settings.timestamp_url else None
    return SealKit(device, (*others, *read_certificates(_files(folder / "roots"))), lists, stamper)


def _read_seal(folder: Path, password_file: Path | None, name: str) -> tuple[SealDevice, tuple[bytes, ...]]:
    """The key of a seal, in a file or in a token, and the certificates above it."""
    file, token = folder / f"{name}.p12", folder / f"{name}.pkcs11.toml"
    if file.is_file() and token.is_file():
        raise ApiError("seals.token_file", Kind.INTERNAL)  # which of the two is meant is not ours to guess
    if token.is_file():
        return read_token(token)
    if not file.is_file():
        raise ApiError("seals.no_seal", Kind.UNAVAILABLE)
    password = b"" if password_file is None else password_file.read_bytes().strip()
    return read_pkcs12(file.read_bytes(), password)


def certificates_on_file(settings: Settings) -> list[tuple[str, bytes | None, str | None]]:
    """Of each seal in the folder whose it is and its certificate, DER; or null and the code of why it can't be read.

    A PKCS#12 file is opened anew only once it or its password has changed: opening one is slow on purpose.
    """
    folder, found = _folder(settings), []
    names = {path.name.removesuffix(end) for end in (".p12", ".pkcs11.toml") for path in folder.glob(f"*{end}")}
    for name in sorted(names):
        parts = (folder / f"{name}.p12", folder / f"{name}.pkcs11.toml", settings.seals_password_file)
        try:
            certificate, reason = _certificate_of(folder, settings.seals_password_file, name, _stamps(parts))
        except OSError:
            certificate, reason = None, "seals.unreadable"
        found.append((PLATFORM if name == "copy-seal" else name, certificate, reason))
    return found


def _stamps(paths: Iterable[Path | None]) -> tuple[tuple[int, int], ...]:
    looked = [path.stat() for path in paths if path is not None and path.exists()]
    return tuple((one.st_mtime_ns, one.st_size) for one in looked)


@lru_cache(maxsize=512)
def _certificate_of(folder: Path, password: Path | None, name: str, _: object) -> tuple[bytes | None, str | None]:
    try:
        return _read_seal(folder, password, name)[0].certificate, None
    except ApiError as error:
        return None, error.code


def _folder(settings: Settings) -> Path:
    assert settings.seals_dir is not None
    return settings.seals_dir


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file())


def _found(row: SealCertificate | None) -> SealCertificate:
    assert row is not None  # `ensure` made it, and certificates are never deleted
    return row


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / _MS, UTC)
