"""The page on which terms are confirmed before they are given."""

from dataclasses import dataclass

from api.portals.views.common import FormError, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a key of the holder's own is to sign: the data themselves, as a picture of a code, and as a file.

    `key` is the public address of the key that must sign; `network` the number that key software may ask for.
    """

    typed_data: str
    code_url: str
    file_url: str
    key: str | None
    network: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """A change of a consent under the holder's own key. `to` is active, paused or revoked.

    `possible`: it may be made now; `number` counts the changes that this key signs.
    """

    id: str
    to: str
    entity: str
    purpose: str
    possible: bool
    number: int
    signing: Signing
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Terms laid out and not given yet.

    `provider_url` leads to the identity provider where that must be asked; `passkey` is the host name that passkeys
    belong to, and where they work, for holders who have one. `own_key`: the holder's own key signs; `signing` is what,
    once somebody was present.
    """

    id: str
    request_id: str
    extends: str | None
    entity: str
    purpose: str
    items: tuple[Item, ...]
    until_ms: int
    uses: int
    confirmed: bool
    provider_url: str | None
    passkey: tuple[str, str] | None
    expires_at_ms: int
    error: FormError | None
    own_key: bool = False
    signing: Signing | None = None
