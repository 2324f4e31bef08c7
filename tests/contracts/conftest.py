"""A deployed world, made once; each test gets its own fork of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from eth_hash.auto import keccak

from chain.abi import Artifact
from tests.contracts.harness import Contract, Evm, Signer

NO_ACCOUNT = bytes(20)
NO_KEY = bytes(32)
DEPARTMENT, ENTITY, REGULATOR, OPERATOR = 1, 2, 3, 4


def party_id(label: str) -> bytes:
    return keccak(b"party " + label.encode())


def thumbprint(label: str) -> bytes:
    return keccak(b"key " + label.encode())


PROPOSAL_LIFE_S = 7 * 86_400
META = keccak(b"metadata")


@dataclass
class World:
    """All contracts; two departments, an operator, a regulator and an entity without an account."""

    evm: Evm
    registry: Contract
    anchors: Contract
    grants: Contract
    log: Contract
    admins: tuple[Signer, Signer, Signer] = field(
        default_factory=lambda: (Signer("admin 1"), Signer("admin 2"), Signer("admin 3"))
    )
    department: Signer = field(default_factory=lambda: Signer("department"))
    other_department: Signer = field(default_factory=lambda: Signer("other department"))
    operator: Signer = field(default_factory=lambda: Signer("operator"))
    regulator: Signer = field(default_factory=lambda: Signer("regulator"))
    stranger: Signer = field(default_factory=lambda: Signer("stranger"))

    def fork(self) -> "World":
        evm = self.evm.fork()
        return World(evm, self.registry.on(evm), self.anchors.on(evm), self.grants.on(evm), self.log.on(evm))

    def admit(self, label: str, role: int, account: bytes, key: bytes = NO_KEY) -> bytes:
        """Proposed by the first administrator, admitted by the second."""
        content = (party_id(label), role, account, key, META)
        self.registry.send(self.admins[0], "propose", *content)
        self.registry.send(self.admins[1], "admit", *content)
        return content[0]

    def rotate(self, label: str, account: bytes, key: bytes) -> None:
        self.registry.send(self.admins[0], "proposeRotation", party_id(label), account, key)
        self.registry.send(self.admins[1], "rotate", party_id(label), account, key)


def deploy_world(altered: Mapping[str, Artifact] | None = None) -> World:
    """The contracts, or those `altered`, with three administrators and one party of each kind (departments: two)."""
    altered = altered or {}
    evm = Evm()
    deployer = Signer("deployer")
    admins = [Signer(f"admin {n}").address for n in (1, 2, 3)]
    books = [evm.address_of(deployer, n) for n in (1, 2, 3)]
    registry = evm.deploy("PartyRegistry", deployer, admins, *books, artifact=altered.get("PartyRegistry"))
    names = ("CertificateAnchors", "Grants", "ReceiptLog")
    others = [evm.deploy(name, deployer, registry.address, artifact=altered.get(name)) for name in names]
    world = World(evm, registry, *others)
    world.admit("department", DEPARTMENT, world.department.address, thumbprint("department"))
    world.admit("other department", DEPARTMENT, world.other_department.address)
    world.admit("operator", OPERATOR, world.operator.address)
    world.admit("regulator", REGULATOR, world.regulator.address)
    world.admit("insurer", ENTITY, NO_ACCOUNT, thumbprint("insurer"))
    return world


@pytest.fixture(scope="session")
def deployed() -> World:
    return deploy_world()


@pytest.fixture
def world(deployed: World) -> World:
    return deployed.fork()
