"""Sets a data directory up for development: schema, contracts, demo parties on chain and in the store, trust file."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.catalogue import load_catalogue
from api.demo.parties import OFFICES, DemoParty, demo_parties
from api.http import signatures
from api.policy.duties import Office
from api.services import offices
from api.settings import Settings
from api.store import Session, clock, unit_of_work
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.queries import parties, registrations
from api.store.queries.registrations import LegalBasis
from api.store.schema import migrate
from api.store.tables import Party
from api.wiring import CHAIN_FILE, TRUST_FILE, key_ring, log_key, provider, read_deployment, witnesses, write_private
from chain.calls import PartyProposal, Role
from chain.canonical import tagged_hash
from chain.confirmations import engine_of
from chain.deploy import Deployment, admit_party, deploy, trust_document
from chain.jose import parse_jwk
from chain.node import Web3Node
from chain.signer import LocalSigner
from chain.trustfile import IdentityProvider, PasskeyParty

ANY_NODE = "rpc"
OFFICES_FILE = "offices.json"
CHAIN_ROLES = {
    "department": Role.DEPARTMENT,
    "entity": Role.ENTITY,
    "regulator": Role.REGULATOR,
    "operator": Role.OPERATOR,
}


def party_id(party: DemoParty) -> str:
    """The demo party's identifier: fixed, so that scripts and documents may name it."""
    return "party_" + hashlib.sha256(b"mydata-demo/" + party.code.encode()).hexdigest()[:32]


def entity_key(keys: KeyRing, party: DemoParty) -> Ed25519PrivateKey:
    """The key by which a demo entity's machine signs its requests."""
    return Ed25519PrivateKey.from_private_bytes(keys.key(f"http-{party.code}"))


def provision(settings: Settings) -> Deployment:
    """Make everything that is missing; a second run changes nothing. Raises NodeError, `store.…`."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = key_ring(settings)
    db = Database(settings.store_url)
    try:
        migrate(db)
        node = Web3Node(settings.rpc_url)
        admins = (LocalSigner(keys.registry_admins[0]), LocalSigner(keys.registry_admins[1]))
        relay = LocalSigner(keys.relay)
        if (settings.data_dir / CHAIN_FILE).is_file():
            deployment = read_deployment(settings.data_dir)
            deployment.identity().check(node)
        else:
            deployment = deploy(node, relay, admins, [], engine=_engine(settings, node))
            write_private(settings.data_dir / CHAIN_FILE, deployment.to_json())
        for party in demo_parties(load_catalogue()):
            _admit(db, keys, node, deployment, admins, party)
        offices.found(db, Vault(keys), keys, {number: Office(office) for number, office, _, _ in OFFICES})
        listed = [{"role": o, "staff": number, "zh": zh, "en": en} for number, o, zh, en in OFFICES]
        write_private(settings.data_dir / OFFICES_FILE, listed)
        write_trust(settings, keys, deployment, [admin.address for admin in admins])
    finally:
        db.close()
    return deployment


def _engine(settings: Settings, node: Web3Node) -> str:
    """What the deployment's record calls the engine: as set, or, behind a plain URL, what the node says that it is."""
    if settings.engine != ANY_NODE:
        return settings.engine
    return engine_of(node.client()) or ANY_NODE


def write_trust(settings: Settings, keys: KeyRing, deployment: Deployment, admins: list[bytes]) -> Path:
    """Publish the trust file; its SHA-256 belongs in a gazette."""
    public = log_key(keys).public_key().public_bytes_raw()
    vouching = provider(settings, keys)
    document = trust_document(
        deployment,
        log_public_key=public,
        admins=admins,
        identity_providers=[
            IdentityProvider(vouching.issuer, parse_jwk(jwk, "/jwk")) for jwk in vouching.public_jwks()
        ],
        passkeys=[PasskeyParty(settings.rp_id, settings.rp_origins)],
        witnesses=witnesses(settings),
    )
    path = settings.data_dir / TRUST_FILE
    write_private(path, document)
    return path


def _admit(
    db: Database,
    keys: KeyRing,
    node: Web3Node,
    deployment: Deployment,
    admins: tuple[LocalSigner, LocalSigner],
    party: DemoParty,
) -> None:
    """On chain first, then in the store: a party that the store knows is admitted."""
    identifier = party_id(party)
    with unit_of_work(db) as session:
        if parties.get_party(session, identifier) is not None:
            return
    jwk = None
    thumbprint = bytes(32)
    if party.role == "entity":
        jwk = signatures.jwk_of(entity_key(keys, party).public_key())
        thumbprint = signatures.thumbprint_bytes(jwk)
    address = LocalSigner(_account(keys, party, identifier)).address
    metadata = tagged_hash("mydata/party/1", f"{party.name_zh}|{party.uscc or ''}".encode())
    proposal = PartyProposal(
        hashlib.sha256(identifier.encode()).digest(), CHAIN_ROLES[party.role], address, thumbprint, metadata
    )
    admit_party(node, deployment, admins, proposal)
    vault = Vault(keys)
    with unit_of_work(db) as session:
        parties.admit(
            session,
            vault,
            Party(
                id=identifier,
                role=party.role,
                name_zh=party.name_zh,
                name_en=party.name_en,
                uscc=party.uscc,
                department_code=party.department_code,
                address=address,
                http_key=jwk,
                http_key_thumbprint=None if jwk is None else signatures.thumbprint(jwk),
                custody="demo",
                contact=f"{party.code}@contact.invalid",  # a name that leads nowhere (RFC 2606)
                status="active",
                anchor_state="anchored",
                created_at_ms=clock.advance(session),
            ),
        )
        register(session, vault, identifier, party)


def register(session: Session, vault: Vault, identifier: str, party: DemoParty) -> None:
    """Register a demo party for its purposes and bases; a second time changes nothing."""
    purposes = [code for code in load_catalogue().purposes if code.startswith(party.purposes)]
    now = clock.now_ms(session)
    registrations.register(session, vault, identifier, LegalBasis.CONSENT, purposes, now)
    registrations.register(session, vault, identifier, LegalBasis.STATUTORY_DUTY, party.bases, now)


def _account(keys: KeyRing, party: DemoParty, identifier: str) -> bytes:
    """The secp256k1 key of a party; the operator's is the relay's, which sends everybody's transactions."""
    if party.role == "operator":
        return keys.relay
    if party.role == "department":
        return keys.department(identifier.replace("_", "-"))
    return keys.account(identifier)
