"""Pages of the citizen."""

from dataclasses import dataclass

from api.portals.views.common import CopyLine, Delay, Delivery, FormError, Item, Pager, Proof
from api.portals.views.consents import Life
from api.portals.views.mandates import Switcher


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCard:
    """A request that waits for the citizen."""

    id: str
    entity: str
    purpose: str
    asked_at_ms: int
    lapses_at_ms: int
    fields: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCard:
    """A certificate in the list. `state` is anchored, pending, delayed, expired, superseded or revoked.

    `tail` = last four characters of its number, for types of which one may have several.
    """

    id: str
    type_name: str
    issuer: str
    state: str
    valid_until: str | None
    tail: str | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """我的证件."""

    name: str
    requests: tuple[RequestCard, ...]
    certificates: tuple[CertificateCard, ...]
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """A field with its value; `value` is None while a sensitive field is masked. `used_by` names who took it."""

    name: str
    label: str
    value: str | None
    sensitive: bool
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """A fact derived from a certificate, by which one need not show the field behind it. `value` None: unknown now."""

    label: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One line of 足迹. `kind` as in the log; `what` are field labels; `reason` is words, for refusals.

    `through` is as what somebody acted for the holder, None where the holder did it. `basis` is in words. A masked
    line has the day of its release and the law that keeps it back, and nothing else.
    """

    at_ms: int
    kind: str
    who: str
    what: tuple[str, ...]
    purpose: str | None
    reason: str | None
    repeats: int
    receipt_number: int | None
    anchored: bool
    evidence_url: str | None
    through: str | None = None
    why_url: str | None = None
    basis: str | None = None
    object_url: str | None = None
    contest_url: str | None = None
    released_ms: int | None = None
    law: str | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate, opened. `elc` = its e-certificate identifier."""

    id: str
    type_name: str
    issuer: str
    state: str
    valid_until: str | None
    received_at_ms: int
    version: int
    custody: str
    fields: tuple[FieldLine, ...]
    elc: str | None = None
    looks: tuple[Footprint, ...]
    proof: Proof
    pdf_url: str
    old_entry: bool | None = None  # entered by hand from old papers: whether a second officer has reviewed it
    unsealed: str | None = None  # why it cannot be saved yet: other departments have to seal it as well
    claims: tuple[ClaimLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests that wait, and how earlier ones were decided."""

    waiting: tuple[RequestCard, ...]
    decided: tuple["DecidedRequest", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedRequest:
    """A request of the past. `state` is approved, denied or lapsed."""

    id: str
    entity: str
    purpose: str
    state: str
    at_ms: int
    grant_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The screen on which a citizen agrees or not. `until` and its limits are days.

    A sensitive item or a trade secret needs a tick of its own, also a necessary one. `notes` say what else was changed
    of the request: a field answered by what follows from it, days and uses brought into fair use. `key` is the public
    address of a key that the holder brings, as it was typed; None on the usual screen.
    """

    id: str
    entity: str
    entity_uscc: str
    purpose: str
    purpose_text: str
    scenario: str | None
    case_no: str | None
    necessary: tuple[Item, ...]
    optional: tuple[Item, ...]
    sensitive: tuple[Item, ...]
    cut: tuple[Item, ...]
    missing: tuple[Item, ...]
    ticked: frozenset[str]
    until: str
    until_min: str
    until_max: str
    uses: int
    uses_max: int
    keep_days: int
    asked_at_ms: int
    lapses_at_ms: int
    error: FormError | None
    until_presets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    service_item: str | None = None
    passkeys: bool = False
    guardian_decides: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCard:
    """A grant in the list."""

    id: str
    entity: str
    purpose: str
    state: str
    until_ms: int
    uses: int
    max_uses: int
    fields: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """授权: what is in force, what has ended."""

    active: tuple[GrantCard, ...]
    ended: tuple[GrantCard, ...]
    waiting: int
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant with its terms, copies and deliveries."""

    id: str
    entity: str
    entity_uscc: str
    purpose: str
    case_no: str | None
    state: str
    from_ms: int
    until_ms: int
    ended_at_ms: int | None
    uses: int
    max_uses: int
    keep_days: int
    custody: str
    items: tuple[Item, ...]
    copies: tuple[CopyLine, ...]
    deliveries: tuple[Delivery, ...]
    proof: Proof
    can_revoke: bool
    life: Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The footprints of one day."""

    day: str
    footprints: tuple[Footprint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """我. `certificates` and `grants` are None where nothing may be seen, such as under a mandate that has ended."""

    name: str
    certificates: int | None
    grants: int | None
    switcher: Switcher


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyLine:
    """A passkey of one's own."""

    id: str
    label: str
    created_at_ms: int
    used_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkeys:
    """One's passkeys. `rp_id` is the host name that they belong to, `origin` where pages may use them."""

    passkeys: tuple[PasskeyLine, ...]
    rp_id: str
    origin: str
    today: str
