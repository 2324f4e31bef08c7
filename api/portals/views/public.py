"""Pages for everybody, sign-in, errors, and the operator's page."""

from dataclasses import dataclass

from api.portals.views.common import Delay, FormError, WitnessLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The first page. `development` shows the warning that identities are invented."""

    development: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An invented person or officer whom one may become during development."""

    subject: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The door of one role.

    In development its invented identities, and for citizens `by_number`, to become anybody by number; otherwise
    `start_url`, which leads to the identity provider. `passkey` (the host name that passkeys belong to, and where they
    work) offers citizens to sign in with one.
    """

    role: str
    identities: tuple[Identity, ...]
    next_url: str
    by_number: bool
    error: FormError | None
    start_url: str | None = None
    passkey: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Back from the identity provider, signed in or with terms `confirmed`; leads on to `next_url` by itself."""

    next_url: str
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One numbered step of a verification. `state` as in docs/formats.md, or NOT_CLAIMED."""

    number: int
    name: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One aspect (integrity, issuer, grant, status, time); `verdict` as in docs/formats.md, or NOT_CLAIMED."""

    name: str
    verdict: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """A field that the bundle discloses and that was proven."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Upload a bundle, read a verdict. `overall` is None before one was uploaded."""

    overall: str | None
    aspects: tuple[Aspect, ...]
    checks: tuple[Check, ...]
    disclosed: tuple[Disclosed, ...]
    trust_sha256: str
    max_bytes: int
    record_id: str | None
    notes: tuple[str, ...]
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """A signed head of the log."""

    size: int
    root: str
    at_ms: int
    state: str
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log as the public sees it."""

    log_id: str
    size: int
    checkpoints: tuple[CheckpointLine, ...]
    witnesses: tuple[WitnessLine, ...]
    trust_url: str
    trust_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """An error page: what happened, in words, and a short code."""

    status: int
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the service. `name` is a code of `wording.PARTS`; `state` is ok, delayed, halted or unknown.

    `detail` says what is counted of it; where something is wrong, `reason` says it in words, `code` names it for
    technicians and `since_ms` is since when.
    """

    name: str
    state: str
    detail: str
    since_ms: int | None = None
    reason: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A certificate or list that ends; `state` is good, soon, ended or unknown, and then `code` says why."""

    kind: str
    owner: str
    state: str
    ends_ms: int | None
    left: str
    reason: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What one organisation may ask data for: purposes, by consent, and duties by law, without."""

    organisation: str
    purposes: tuple[str, ...]
    duties: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """An epoch of marking keys. `state` is a code of the badges `epoch`; `number` is its entry's in the log."""

    id: str
    key_sha256: str
    opened_at_ms: int
    closed_at_ms: int | None
    number: int | None
    state: str
    proof_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Health of parts; nothing about any person."""

    parts: tuple[Part, ...]
    receipts_waiting: int
    log_size: int
    anchored_size: int
    registered: tuple[Registered, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    queues: tuple[tuple[str, int], ...] = ()
    keys: tuple[KeyLine, ...] = ()
    delay: Delay | None = None
