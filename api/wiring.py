"""Ports wired for a process: the pieces that the service, the worker and the offline commands have in common."""

import gc
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.catalogue import load_catalogue
from api.errors import ApiError, Kind
from api.services.context import Context, IdentityProvider
from api.services.folding import RefusalFolder
from api.services.identity import DevelopmentProvider
from api.services.identity.oidc import OidcProvider, client_secret
from api.services.precedence import Precedence
from api.settings import Environment, Settings
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter
from chain.deploy import Deployment
from chain.signer import LocalSigner
from chain.trustfile import Witnesses
from watermark.confinement import warn_unlocked
from watermark.locks import undumpable

CHAIN_FILE = "chain.json"
TRUST_FILE = "trust.json"


YOUNG_OBJECTS = 50_000


def calm_collector() -> None:
    """To be called once a process stands: look for cycles seldom, and never among what it began with.

    What is imported and wired stays for good, a few hundred thousand objects; to walk them stops every thread for as
    long as several pulls take.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def guard(settings: Settings) -> None:
    """To be called first in a process that holds keys; says in the log what this system cannot do for it.

    In production no other process of its user can read its memory or environment, or attach to it.
    """
    if settings.environment is Environment.PRODUCTION:
        undumpable()
    warn_unlocked()


@dataclass(frozen=True, slots=True)
class Wired:
    """A process's context, and the deployment that it stands on."""

    ctx: Context
    deployment: Deployment


def key_ring(settings: Settings) -> KeyRing:
    """The keys of a data directory."""
    return KeyRing.load(settings.data_dir / "keys", production=settings.environment is Environment.PRODUCTION)


def log_key(keys: KeyRing) -> Ed25519PrivateKey:
    """The receipt log's signing key."""
    return Ed25519PrivateKey.from_private_bytes(keys.log)


def provider(settings: Settings, keys: KeyRing) -> IdentityProvider:
    """Who vouches for people here. Raises `auth.dev_provider_refused`, `keys.missing`, `keys.mode`."""
    if settings.identity_provider == "oidc":
        return OidcProvider(settings, client_secret(settings))
    return DevelopmentProvider(settings, keys.identity_provider)


def witnesses(settings: Settings) -> Witnesses | None:
    """The log's witnesses as the trust file names them; None where there are none."""
    return Witnesses(settings.witness_keys, settings.witness_quorum) if settings.witnesses else None


def read_deployment(data_dir: Path) -> Deployment:
    """Where the contracts stand. Raises `launch.not_deployed`."""
    path = data_dir / CHAIN_FILE
    if not path.is_file():
        raise ApiError("launch.not_deployed", Kind.UNAVAILABLE)
    return Deployment.from_json(json.loads(path.read_text(encoding="utf-8")))


def write_private(path: Path, document: object) -> None:
    """Write JSON whole or not at all: a new file beside the old one, flushed, then renamed over it."""
    data = json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
    fresh = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def wire(settings: Settings) -> Wired:
    """Everything that services need; nothing is started yet."""
    keys = key_ring(settings)
    db = Database(settings.store_url)
    vault = Vault(keys)
    deployment = read_deployment(settings.data_dir)
    ctx = Context(
        settings=settings,
        db=db,
        vault=vault,
        keys=keys,
        catalogue=load_catalogue(),
        log=LogWriter(db, vault, log_key(keys)),
        chain=deployment.identity(),
        provider=provider(settings, keys),
        refusals=RefusalFolder(),
        signer=LocalSigner,
        # One interpreter, whatever the number of processors: a second place while the first waits for disk or server.
        precedence=Precedence(2),
    )
    return Wired(ctx, deployment)
