"""A second office of a department that keeps its keys itself: admitted by its public parts alone, as any would be."""

import hashlib

from api.agent.keys import Keys
from api.catalogue import load_catalogue
from api.client.signing import unbase64url
from api.settings import Settings
from api.store import clock, unit_of_work
from api.store.crypto import Vault
from api.store.database import Database
from api.store.queries import parties
from api.store.tables import Party
from api.wiring import key_ring, read_deployment
from chain.calls import PartyProposal, Role
from chain.canonical import tagged_hash
from chain.deploy import admit_party
from chain.node import Web3Node
from chain.signer import LocalSigner

AGENT = "agent"


def admit(settings: Settings, department_code: str, keys: Keys) -> str:
    """Admit it on chain and in the store, by both administrators of the demo; its id. Raises NodeError, `store.…`."""
    department = load_catalogue().departments[department_code]
    ring, deployment = key_ring(settings), read_deployment(settings.data_dir)
    identifier = "party_" + hashlib.sha256(f"mydata-demo/agent/{keys.address}".encode()).hexdigest()[:32]
    admins = (LocalSigner(ring.registry_admins[0]), LocalSigner(ring.registry_admins[1]))
    name_zh, name_en = f"{department.demo_zh}（自行签名）", f"{department.demo_en} (own agent)"
    metadata = tagged_hash("mydata/party/1", f"{name_zh}|".encode())
    named = hashlib.sha256(identifier.encode()).digest()
    proposal = PartyProposal(named, Role.DEPARTMENT, keys.account.address, unbase64url(keys.thumbprint), metadata)
    admit_party(Web3Node(settings.rpc_url), deployment, admins, proposal)
    db = Database(settings.store_url)
    try:
        with unit_of_work(db) as session:
            parties.admit(
                session,
                Vault(ring),
                Party(
                    id=identifier,
                    role="department",
                    name_zh=name_zh,
                    name_en=name_en,
                    uscc=None,
                    department_code=department_code,
                    address=keys.account.address,
                    http_key=keys.jwk,
                    http_key_thumbprint=keys.thumbprint,
                    custody=AGENT,
                    contact="agent-office@contact.invalid",
                    status="active",
                    anchor_state="anchored",
                    created_at_ms=clock.advance(session),
                ),
            )
    finally:
        db.close()
    return identifier
