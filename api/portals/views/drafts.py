"""The page on which terms are confirmed before they are given."""

from dataclasses import dataclass

from api.portals.views.common import FormError, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Terms laid out and not given yet.

    `provider_url` leads to the identity provider where that must be asked; `passkey` is the host name that passkeys
    belong to, and where they work, for holders who have one.
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
