"""The agent's two keys, in files that its user alone may read: the account that signs roots, and the HTTP key."""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.client.signing import public_jwk, thumbprint
from api.errors import ApiError, Kind
from chain.signer import LocalSigner

ACCOUNT, HTTP = "account.key", "http.key"
KEY_BYTES = 32
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True)
class Keys:
    """The department's keys. What the operator is told of them: `address`, `jwk`, `thumbprint`."""

    account: LocalSigner
    http: Ed25519PrivateKey

    @property
    def address(self) -> str:
        """The account that PartyRegistry admits (`0x…`)."""
        return "0x" + self.account.address.hex()

    @property
    def jwk(self) -> dict[str, str]:
        """The public HTTP key (RFC 8037)."""
        return public_jwk(self.http.public_key())

    @property
    def thumbprint(self) -> str:
        """The HTTP key's RFC 7638 thumbprint."""
        return thumbprint(self.http.public_key())


def make(folder: Path) -> Keys:
    """Draw both keys; what is there stays. Raises ApiError as `load`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (ACCOUNT, HTTP):
        path = folder / name
        if not path.exists():
            drawn = secrets.token_bytes(KEY_BYTES)
            while not 0 < int.from_bytes(drawn, "big") < _ORDER:
                drawn = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(drawn.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
    return load(folder)


def load(folder: Path) -> Keys:
    """Read both keys. Raises ApiError `agent.keys` where one is missing, malformed, or readable by others."""
    return Keys(LocalSigner(_read(folder / ACCOUNT)), Ed25519PrivateKey.from_private_bytes(_read(folder / HTTP)))


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(key) == KEY_BYTES and not stat.S_IMODE(path.stat().st_mode) & 0o077:
            return key
    except (OSError, ValueError):
        pass
    raise ApiError("agent.keys", Kind.INTERNAL, name=path.name)
