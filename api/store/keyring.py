"""Keys at rest: one private file a key under `DATA/keys/`. Pure bytes in, bytes out.

A key file is one line, `mydata-key/1 <environment> <name> <base64url of 32 bytes>`, mode 0600, in a directory of mode
0700. In development a missing key is made; in production a missing key, a key marked *development* and a file that
others may read are refused, because a key that the service could quietly make anew would make every old ciphertext,
proof and signature worthless.

Seam for a hardware module: everything else asks this class by name and gets bytes. A module that never gives a key out
replaces the users instead (`chain.ports.Signer`, `api.store.log_writer.LogWriter`, `api.store.crypto.Vault`), each of
which needs only a signature, a wrapped key or a keyed hash.
"""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from api.errors import ApiError, Kind

KEY_BYTES = 32
_SCHEMA = "mydata-key/1"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,95}")
_MASTER = re.compile(r"master-[0-9]{4}")
_FIRST_MASTER = "master-0001"
# Orders of secp256k1 and P-256; a scalar below both serves every curve that the keys are used on.
_SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def master_key_id(key: bytes) -> str:
    """`mk_` and 16 hexadecimal digits of a hash of the key: naming a master key commits to it."""
    return "mk_" + hashlib.sha256(b"mydata/master-key-id/1\x00" + key).hexdigest()[:16]


class KeyRing:
    """The keys of one installation.

    `load` reads what is there; a development ring makes what is missing on first use. Two processes that start together
    end with the same keys: a new file is written beside its name and linked to it, and the loser reads the winner's.

    Errors: `keys.missing` (production, no such file), `keys.development_in_production`, `keys.mode` (others may read
    it), `keys.malformed` (not of the form above, or another key's name), `keys.name` (no valid key name).
    """

    def __init__(self, directory: Path, *, production: bool) -> None:
        self._directory = directory
        self._production = production
        self._cache: dict[str, bytes] = {}

    @classmethod
    def load(cls, directory: Path, *, production: bool) -> "KeyRing":
        """Open the ring and read every key that each installation has, so that a missing one stops the start."""
        ring = cls(directory, production=production)
        if not production:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        administrators = ("registry-admin-1", "registry-admin-2")
        for name in ("blind-index", "log", "relay", *administrators, "session", "copy-seal", "webhook"):
            ring.key(name)
        if not ring.masters:
            raise ApiError("keys.missing", Kind.INTERNAL, name=_FIRST_MASTER)
        if not production:
            ring.key("identity-provider")
        return ring

    @property
    def production(self) -> bool:
        """Whether this ring refuses to make keys."""
        return self._production

    @property
    def masters(self) -> Mapping[str, bytes]:
        """Master keys by id, oldest first; the last one wraps new data keys. Files are `master-0001.key` and onward."""
        names = sorted(path.stem for path in self._directory.glob("master-*.key") if _MASTER.fullmatch(path.stem))
        if not names and not self._production:
            names = [_FIRST_MASTER]
        keys = [self.key(name) for name in names]
        return {master_key_id(key): key for key in keys}

    @property
    def blind_index(self) -> bytes:
        """Key of every blind index (HMAC-SHA256)."""
        return self.key("blind-index")

    @property
    def log(self) -> bytes:
        """Seed of the receipt log's Ed25519 key."""
        return self.key("log")

    @property
    def relay(self) -> bytes:
        """secp256k1 scalar of the account that pays for and sends transactions."""
        return self.key("relay")

    @property
    def registry_admins(self) -> tuple[bytes, bytes]:
        """secp256k1 scalars of the two registry administrators; admission needs both."""
        return self.key("registry-admin-1"), self.key("registry-admin-2")

    @property
    def identity_provider(self) -> bytes:
        """32 bytes for the development identity provider: an Ed25519 seed or a P-256 scalar. Refused in production."""
        if self._production:
            raise ApiError("keys.development_in_production", Kind.INTERNAL, name="identity-provider")
        return self.key("identity-provider")

    @property
    def session(self) -> bytes:
        """Key for what a session must keep secret (HMAC-SHA256)."""
        return self.key("session")

    @property
    def copy_seal(self) -> bytes:
        """Seed of the platform's seal on marked copies."""
        return self.key("copy-seal")

    @property
    def webhook(self) -> bytes:
        """Seed of the Ed25519 key that signs what entities' systems are told."""
        return self.key("webhook")

    def department(self, name: str) -> bytes:
        """secp256k1 scalar of a department in demo custody; `name` is its party id or demo code."""
        return self.key(f"department-{name}")

    def account(self, party_id: str) -> bytes:
        """secp256k1 scalar of an entity's or regulator's account in demo custody."""
        return self.key(f"account-{party_id}")

    def held(self, name: str) -> bytes | None:
        """The key of that name where its file is there, else None; never made. Errors as above."""
        return self.key(name) if name in self._cache or (self._directory / f"{name}.key").exists() else None

    def key(self, name: str) -> bytes:
        """The 32 bytes of the key of that name; in development made on first use."""
        known = self._cache.get(name)
        if known is not None:
            return known
        if not _NAME.fullmatch(name):
            raise ApiError("keys.name", Kind.INVALID)
        path = self._directory / f"{name}.key"
        if not self._production and not path.exists():
            self._create(path, name)
        key = self._read(path, name)
        self._cache[name] = key
        return key

    def _create(self, path: Path, name: str) -> None:
        line = f"{_SCHEMA} development {name} {base64.urlsafe_b64encode(_random_scalar()).decode().rstrip('=')}\n"
        draft = path.with_name(f".{name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        try:
            # link() fails where the name is taken, which rename() would not: the first key made is the key.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _read(self, path: Path, name: str) -> bytes:
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ApiError("keys.mode", Kind.INTERNAL, name=name)
            parts = path.read_text(encoding="ascii").split()
        except FileNotFoundError:
            raise ApiError("keys.missing", Kind.INTERNAL, name=name) from None
        except (OSError, UnicodeDecodeError):
            raise ApiError("keys.malformed", Kind.INTERNAL, name=name) from None
        if len(parts) != 4 or parts[0] != _SCHEMA or parts[2] != name or parts[1] not in ("development", "production"):
            raise ApiError("keys.malformed", Kind.INTERNAL, name=name)
        if self._production and parts[1] != "production":
            raise ApiError("keys.development_in_production", Kind.INTERNAL, name=name)
        try:
            key = base64.b64decode(parts[3] + "=" * (-len(parts[3]) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise ApiError("keys.malformed", Kind.INTERNAL, name=name) from None
        if len(key) != KEY_BYTES:
            raise ApiError("keys.malformed", Kind.INTERNAL, name=name)
        return key


def _random_scalar() -> bytes:
    while True:
        key = secrets.token_bytes(KEY_BYTES)
        if 0 < int.from_bytes(key, "big") < min(_SECP256K1_N, _P256_N):
            return key
