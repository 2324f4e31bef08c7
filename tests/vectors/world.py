"""One small world with fixed keys: a department, an insurer, a grant, a delivery and the log that holds it.

Everything in it is made up, and everything is the same on every run, so that the vectors are.
"""

import base64
import copy
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

from chain.binding import Binding
from chain.bundle import (
    Bundle,
    CertificateEvidence,
    CertificateLeaf,
    Custody,
    Delivery,
    Disclosed,
    GrantChange,
    GrantEvidence,
    LogEvidence,
    MarkEvidence,
    ReceiptEvidence,
    RecordRef,
    RequestEvidence,
)
from chain.canonical import canonical, field_commitment, field_salt, leaf_bytes
from chain.checks.case import party_id
from chain.grantmsg import (
    GrantMessage,
    GrantStatus,
    authority_digest,
    binding_commitment,
    binding_nonce,
    change_digest,
    counter_digest,
    grant_digest,
    terms_hash,
)
from chain.jose import PublicJwk
from chain.merkle import BatchTree, leaf_hash
from chain.note import Checkpoint, sign_checkpoint
from chain.receipt import (
    ReceiptKind,
    details_commitment,
    log_id,
    mark_commitment,
    receipt_leaf_bytes,
    sign_promise,
)
from chain.strict import base64url, hex0x
from chain.terms import parse_terms
from chain.trustfile import IdentityProvider, TrustedContract, TrustFile, Witnesses

DEPARTMENT_ID = "party_dept"
ENTITY_ID = "party_insurer"
CHAIN_ID = 20_250


@dataclass(frozen=True)
class Times:
    """When what happened, in seconds since 1970, counted from the day that the chain began."""

    start: int = 1_760_000_000

    @property
    def anchored(self) -> int:
        return self.start + 100

    @property
    def requested(self) -> int:
        return self.start + 1_000

    @property
    def approved(self) -> int:
        return self.start + 2_000

    @property
    def signed(self) -> int:
        return self.start + 2_990

    @property
    def delivered(self) -> int:
        return self.start + 3_000

    @property
    def logged(self) -> int:
        return self.start + 3_002

    @property
    def now(self) -> int:
        return self.start + 4_000

    @property
    def end(self) -> int:
        return self.start + 90 * 86_400


TIMES = Times()
NOW = TIMES.now
FILE = "姓名,年度应缴\r\n张示例,1200.00\r\n".encode()


def secret(name: str) -> bytes:
    """32 fixed bytes for `name`."""
    return hashlib.sha256(f"mydata test vector {name}".encode()).digest()


def address(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


def sign(key: PrivateKey, digest: bytes) -> bytes:
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def jwk(key: Ed25519PrivateKey) -> PublicJwk:
    return PublicJwk("OKP", "Ed25519", key.public_key().public_bytes_raw())


def token(key: Ed25519PrivateKey, claims: dict[str, Any]) -> str:
    head = base64url(canonical({"alg": "EdDSA", "typ": "JWT"}))
    signed = f"{head}.{base64url(canonical(claims))}"
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


class World:
    """Keys, and the parts of a bundle, made anew from what a case changes."""

    def __init__(
        self, *, chain_id: int = CHAIN_ID, contracts: dict[str, bytes] | None = None, times: Times = TIMES
    ) -> None:
        self.chain_id, self.times = chain_id, times
        self.department_key = PrivateKey(secret("department"))
        self.grant_key = PrivateKey(secret("grant key"))
        self.admins = [address(PrivateKey(secret(f"admin {n}"))) for n in (1, 2, 3)]
        self.stranger = address(PrivateKey(secret("stranger")))
        self.log_key = Ed25519PrivateKey.from_private_bytes(secret("log"))
        self.http_key = Ed25519PrivateKey.from_private_bytes(secret("insurer http"))
        self.idp_key = Ed25519PrivateKey.from_private_bytes(secret("identity provider"))
        self.forger_key = Ed25519PrivateKey.from_private_bytes(secret("forger"))
        self.issuer = address(self.department_key)
        self.contracts = contracts or {
            name: secret(name)[:20] for name in ("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog")
        }
        self.log = log_id(self.log_key.public_key().public_bytes_raw())
        self.certificates = (
            self.certificate("medical_insurance", 5, 3, {"name": "张示例", "amount_due": "1200.00", "year": "2025"}),
            self.certificate("resident_card", 300, 299, {"name": "张示例", "district": "示范区"}),
        )
        self.grant = self.make_grant()
        self.grant_digest = grant_digest(self.grant.message, self.chain_id, self.contracts["Grants"])

    def trust(self, witnesses: Witnesses | None = None) -> TrustFile:
        return TrustFile(
            self.chain_id,
            secret("genesis"),
            "embedded",
            {name: TrustedContract(at, secret(f"code {name}")) for name, at in self.contracts.items()},
            frozenset(self.admins),
            self.log_key.public_key().public_bytes_raw(),
            (IdentityProvider("https://idp.test", jwk(self.idp_key)),),
            witnesses=witnesses,
        )

    def certificate(self, code: str, size: int, index: int, values: dict[str, str]) -> CertificateEvidence:
        """A certificate in a batch of otherwise made-up leaves, showing every field but `year`."""
        seed = secret(f"seed {code}")
        commitments = {name: field_commitment(field_salt(seed, name), name, value) for name, value in values.items()}
        leaf = CertificateLeaf(code, "2025.1", index, commitments)
        leaves = [leaf_hash(secret(f"leaf {code} {n}")) for n in range(size)]
        leaves[index] = leaf_hash(leaf_bytes(leaf.to_json()))
        tree = BatchTree(leaves)
        disclosed = {name: Disclosed(value, field_salt(seed, name)) for name, value in values.items() if name != "year"}
        return CertificateEvidence(
            leaf, disclosed, size, tuple(tree.inclusion(index)), tree.root, self.issuer, Custody.DEMO
        )

    def terms(self) -> dict[str, Any]:
        return {
            "schema": "mydata/terms/1",
            "grant": "grant_1",
            "request": "req_1",
            "extends": None,
            "entity": {"id": ENTITY_ID, "uscc": "91350211M000100Y43", "name": "示例保险"},
            "holder": "pairwise-1",
            "relation": "self",
            "authority": None,
            "legal_basis": "consent",
            "purpose": {"code": "claims", "version": 1},
            "scenario": "claims_settlement",
            "case_no": None,
            "item_code": None,
            "use_cause": "核对参保情况，办理本次理赔。",
            "kind": "one_off",
            "frequency": {"per_day": 1, "per_month": 1},
            "storage": "CN",
            "items": [
                {"type": code, "field": field, "necessary": True, "sensitive": False}
                for code, field in (
                    ("medical_insurance", "name"),
                    ("medical_insurance", "amount_due"),
                    ("resident_card", "name"),
                    ("resident_card", "district"),
                )
            ],
            "mode": "STORE",
            "max_uses": 1,
            "not_before": self.times.approved,
            "not_after": self.times.end,
            "data_life_days": 30,
            "onward_transfer": False,
            "notice": {
                "language": "zh-Hans",
                "version": 1,
                "sha256": hex0x(secret("notice")),
                "indication": "button",
            },
            "custody": "custody",
            "requested_at": self.times.requested,
            "approved_at": self.times.approved,
        }

    def make_grant(
        self,
        terms: dict[str, Any] | None = None,
        *,
        idp: Ed25519PrivateKey | None = None,
        issuer: str = "https://idp.test",
        nonce: str | None = None,
    ) -> GrantEvidence:
        """A grant over `terms`, bound by a token of `idp`, signed by the grant's key."""
        document = parse_terms(terms or self.terms(), "/grant/terms")
        salt, binding_salt = secret("terms salt"), secret("binding salt")
        committed = terms_hash(salt, document.document)
        claims = {
            "iss": issuer,
            "nonce": nonce or binding_nonce(committed),
            "sub": "pairwise-1",
            "iat": self.times.approved,
        }
        binding = Binding(token(idp or self.idp_key, claims), binding_salt)
        message = GrantMessage(
            address(self.grant_key),
            committed,
            binding_commitment(binding_salt, binding.token),
            document.not_before,
            document.not_after,
        )
        signature = sign(self.grant_key, grant_digest(message, self.chain_id, self.contracts["Grants"]))
        return GrantEvidence(message, signature, document, salt, binding)

    def make_access(self, *, signer: PrivateKey | None = None, signed: bool = True, **changes: Any) -> GrantEvidence:
        """An access by statutory duty of the department itself, signed by its account (or by `signer`)."""
        department = {"id": DEPARTMENT_ID, "uscc": None, "name": "示例部门"}
        basis = {"legal_basis": "statutory_duty", "custody": "authority", "case_no": "CASE-1", "entity": department}
        document = parse_terms(self.terms() | basis | changes, "/grant/terms")
        salt, binding_salt = secret("terms salt"), secret("binding salt")
        committed = terms_hash(salt, document.document)
        statement = hex0x(sign(signer or self.department_key, authority_digest(committed))) if signed else ""
        message = GrantMessage(
            address(self.grant_key),
            committed,
            binding_commitment(binding_salt, statement),
            document.not_before,
            document.not_after,
        )
        signature = sign(self.grant_key, grant_digest(message, self.chain_id, self.contracts["Grants"]))
        binding = Binding(statement, binding_salt, "authority") if signed else None
        return GrantEvidence(message, signature, document, salt, binding)

    def make_visit(
        self, *, signer: PrivateKey | None = None, nothing: bool = False, kind: str = "counter", **changes: Any
    ) -> GrantEvidence:
        """A grant given at the department's counter, signed by its account (by `signer`, or with `nothing`)."""
        authority = {"kind": "counter", "mandate": "pairwise-v", "evidence": hex0x(secret("visit"))}
        document = parse_terms(self.terms() | {"relation": "counter", "authority": authority} | changes, "/grant/terms")
        salt, binding_salt = secret("terms salt"), secret("binding salt")
        committed = terms_hash(salt, document.document)
        statement = bytes(65) if nothing else sign(signer or self.department_key, counter_digest(committed))
        binding = Binding(hex0x(statement), binding_salt, kind)
        if kind == "counter":
            binding = replace(binding, office=DEPARTMENT_ID, custody="signer")
        message = GrantMessage(
            address(self.grant_key),
            committed,
            binding_commitment(binding_salt, binding.token),
            document.not_before,
            document.not_after,
        )
        signature = sign(self.grant_key, grant_digest(message, self.chain_id, self.contracts["Grants"]))
        return GrantEvidence(message, signature, document, salt, binding)

    def change(self, status: GrantStatus, seq: int, key: PrivateKey | None = None) -> GrantChange:
        digest = change_digest(self.grant_digest, status, seq, self.chain_id, self.contracts["Grants"])
        return GrantChange(status, seq, sign(key or self.grant_key, digest))

    def request(
        self,
        *,
        created: int | None = None,
        key: Ed25519PrivateKey | None = None,
        method: str = "POST",
        target: str = "https://service.test/v1/pulls",
        digest: str = "A" * 43 + "=",
    ) -> RequestEvidence:
        signer, created = key or self.http_key, created or self.times.signed
        covered = '("@method" "@target-uri" "content-digest" "accept" "idempotency-key")'
        rest = f'keyid="{base64url(jwk(signer).thumbprint)}";alg="ed25519";nonce="n1";tag="mydata-v1"'
        base = "\n".join(
            (
                f'"@method": {method}',
                f'"@target-uri": {target}',
                f'"content-digest": sha-256=:{digest}:',
                '"accept": application/json',
                '"idempotency-key": 6f2c',
                f'"@signature-params": {covered};created={created};{rest}',
            )
        )
        return RequestEvidence(base, signer.sign(base.encode()), jwk(signer))

    def mark(self, entity: str = ENTITY_ID) -> MarkEvidence:
        document = {name: hex0x(secret(name)) for name in ("code_sha256", "layout_sha256", "original_sha256")}
        document |= {"copy": "copy_1", "entity": entity, "content": "content_1", "epoch": "2025-10", "marker": "1"}
        return MarkEvidence(document | {"file_sha256": hex0x(hashlib.sha256(FILE).digest())}, secret("mark salt"))

    def delivery(self, grant: bytes, request: RequestEvidence | None, mark: MarkEvidence) -> Delivery:
        return Delivery(
            grant,
            str(mark.document["entity"]),
            "copy_1",
            "text/csv",
            hashlib.sha256(FILE).digest(),
            mark_commitment(mark.salt, mark.document),
            None if request is None else hashlib.sha256(request.base.encode()).digest(),
            tuple(RecordRef(c.issuer, c.root, c.leaf.index) for c in self.certificates),
        )

    def receipt(
        self,
        details: dict[str, Any],
        *,
        kind: ReceiptKind = ReceiptKind.DELIVERY,
        time_s: int | None = None,
        key: Ed25519PrivateKey | None = None,
        size: int = 7,
    ) -> tuple[ReceiptEvidence, LogEvidence, Checkpoint]:
        """A receipt as number 4 of a log of `size` otherwise made-up receipts, promised and checkpointed by `key`."""
        signer, number, salt = key or self.log_key, 4, secret("receipt salt")
        time_s = time_s or self.times.delivered
        log = log_id(signer.public_key().public_bytes_raw())
        commitment = details_commitment(salt, details)
        leaf = leaf_hash(receipt_leaf_bytes(kind, log, number, time_s, commitment))
        leaves = [leaf_hash(secret(f"receipt {n}")) for n in range(size)]
        leaves[number] = leaf
        tree = BatchTree(leaves)
        checkpoint = Checkpoint(log, size, tree.root)
        receipt = ReceiptEvidence(
            kind, log, number, time_s, commitment, details, salt, sign_promise(signer, log, number, leaf)
        )
        evidence = LogEvidence(sign_checkpoint(checkpoint, signer), tuple(tree.inclusion(number)))
        return receipt, evidence, checkpoint

    def bundle(
        self,
        *,
        grant: GrantEvidence | None = None,
        request: RequestEvidence | None = None,
        on_screen: bool = False,
        time_s: int | None = None,
        log_key: Ed25519PrivateKey | None = None,
    ) -> Bundle:
        """Evidence of a delivery of both certificates."""
        grant = grant or self.grant
        mark = self.mark(grant.terms.entity_id if grant.terms.custody == "authority" else ENTITY_ID)
        request = None if on_screen else request or self.request()
        digest = grant_digest(grant.message, self.chain_id, self.contracts["Grants"])
        details = self.delivery(digest, request, mark).to_json()
        receipt, log, _ = self.receipt(dict(details), time_s=time_s, key=log_key)
        return Bundle(self.chain_id, self.contracts, self.certificates, grant, receipt, mark, log, request)

    def view(self, bundle: Bundle) -> dict[str, Any]:
        """What an honest chain says of `bundle`: everything in it stands there."""
        department, entity = hex0x(party_id(DEPARTMENT_ID)), hex0x(party_id(ENTITY_ID))
        pair = [hex0x(admin) for admin in self.admins[:2]]
        data: dict[str, Any] = {
            "silent": [],
            "block": [120, self.times.now - 5],
            "chain_id": self.chain_id,
            "genesis_hash": hex0x(secret("genesis")),
            "code_hash": {hex0x(at): hex0x(secret(f"code {name}")) for name, at in self.contracts.items()},
            "account": {hex0x(self.issuer): {"party": department, "since": self.times.start, "until": None}},
            "key": {hex0x(jwk(self.http_key).thumbprint): {"party": entity, "since": self.times.start, "until": None}},
            "party": {
                department: {"role": 1, "suspended": False, "admitted_at": self.times.start},
                entity: {"role": 2, "suspended": False, "admitted_at": self.times.start},
            },
            "admission": {department: pair, entity: pair},
            "anchor": {f"{hex0x(c.issuer)}/{hex0x(c.root)}": [c.size, self.times.anchored] for c in self.certificates},
            "is_revoked": [],
            "grant": {},
            "checkpoint": {},
            "log_head": [0, 1, self.times.start],
        }
        if bundle.grant is not None:
            message = bundle.grant.message
            digest = grant_digest(message, self.chain_id, self.contracts["Grants"])
            data["grant"][hex0x(digest)] = {
                "key": hex0x(message.key),
                "not_before": message.not_before,
                "not_after": message.not_after,
                "status": 1,
                "suspended": False,
                "seq": 0,
            }
        if bundle.log is not None:
            size, root = _checkpoint_of(bundle.log.checkpoint)
            data["checkpoint"][f"{size}/{hex0x(root)}"] = [size, 1, self.times.logged]
            data["log_head"] = [size, 1, self.times.logged]
        return data


def _checkpoint_of(note: str) -> tuple[int, bytes]:
    _origin, size, root, *_rest = note.split("\n")
    return int(size), base64.b64decode(root)


def as_json(bundle: Bundle) -> dict[str, Any]:
    """The bundle as plain data that a case may change."""
    document: dict[str, Any] = json.loads(bundle.to_bytes())
    return copy.deepcopy(document)
