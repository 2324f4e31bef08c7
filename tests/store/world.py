"""A small, complete history in a store, made through the store's own functions: what the services do, without them."""

import hashlib
import os
from dataclasses import dataclass, field

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

from api.policy.states import GrantState
from api.store import Session, ids, outbox, unit_of_work
from api.store.bodies import GrantSecret, RecordBody
from api.store.crypto import DataKey, Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter, NumberedReceipt, Numberer, ReceiptDraft, prepare_receipt
from api.store.queries import copies, epochs, grants, holders, parties, receipts, records, requests, returns
from api.store.queries.holders import HolderKind
from api.store.tables import Batch, Content, Copy, Grant, GrantEvent, Party, Request, Return
from chain.grantmsg import GrantMessage, GrantStatus, binding_commitment, change_digest, grant_digest, terms_hash
from chain.identity import ChainIdentity, ContractIdentity
from chain.jose import PublicJwk
from chain.merkle import BatchTree
from chain.receipt import ReceiptKind, mark_commitment
from chain.strict import base64url

NOW_MS = 1_800_000_000_000
IDENTITY = ChainIdentity(
    chain_id=31337,
    genesis_hash=bytes(32),
    contracts={
        name: ContractIdentity(bytes([place]) * 20, bytes(32))
        for place, name in enumerate(("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog"), 1)
    },
)


def account(key: bytes) -> bytes:
    return keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[12:]


def sign(key: bytes, digest: bytes) -> bytes:
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def id_number(place: int) -> str:
    """An ID number of nobody: the region 371099 is assigned to no place."""
    body = f"371099199{place % 10}0101{place:03d}"[:17]
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


@dataclass
class World:
    """Ids of what was made, for tests to reach for."""

    db: Database
    keys: KeyRing
    vault: Vault
    department: str = ""
    entity: str = ""
    epoch: str = ""
    holder_ids: list[str] = field(default_factory=list)
    return_id: str = ""
    batch_id: str = ""
    record_ids: list[str] = field(default_factory=list)

    @property
    def log_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.keys.log)

    @property
    def log_public_key(self) -> bytes:
        return self.log_key.public_key().public_bytes_raw()

    def new_writer(self, **options: float) -> LogWriter:
        return LogWriter(self.db, self.vault, self.log_key, **options)  # type: ignore[arg-type]

    def add_parties(self) -> None:
        with unit_of_work(self.db) as session:
            self.department = self._party(session, "department", keyed=False)
            self.entity = self._party(session, "entity", keyed=True)
            self.epoch = epochs.open_next(session, self.vault, "2026", NOW_MS).id

    def _party(self, session: Session, role: str, *, keyed: bool) -> str:
        party_id = ids.new_party_id()
        jwk = PublicJwk("OKP", "Ed25519", os.urandom(32)) if keyed else None
        parties.admit(
            session,
            self.vault,
            Party(
                id=party_id,
                role=role,
                name_zh="测试机构",
                name_en="Test party",
                address=account(self.keys.department(party_id)) if role == "department" else None,
                http_key=None if jwk is None else jwk.to_json(),
                http_key_thumbprint=None if jwk is None else base64url(jwk.thumbprint),
                custody="demo",
                status="active",
                created_at_ms=NOW_MS,
            ),
        )
        return party_id

    def add_return(self, people: int, *, version: int = 1, seal: bool = True) -> str:
        """A sealed return of one batch with one record for each of so many people; its receipt is prepared."""
        return_id, batch_id = ids.new_return_id(), ids.new_batch_id()
        with unit_of_work(self.db) as session:
            row = Return(
                id=return_id,
                party_id=self.department,
                type_code="person.driving_licence",
                file_sha256=hashlib.sha256(return_id.encode()).digest(),
                file_bytes=9,
                auto_seal=True,
                state="checked",
                rows_good=people,
                created_at_ms=NOW_MS,
            )
            returns.add_chunk(session, self.vault, row, 0, b"some file")
            session.add(row)
            session.flush()
            refs = holders.find_or_create_holders(
                session, self.vault, [(HolderKind.PERSON, id_number(place)) for place in range(people)]
            )
            rows = [self._record(ref.key, place, batch_id, version) for place, ref in enumerate(refs)]
            tree = BatchTree([item.leaf_hash for item in rows])
            issuer = account(self.keys.department(self.department))
            session.add(
                Batch(
                    id=batch_id,
                    return_id=return_id,
                    seq=0,
                    issuer=issuer,
                    root=tree.root,
                    size=people,
                    tree=tree.to_bytes(),
                )
            )
            session.flush()
            records.insert_records(session, rows)
            if seal:
                self._seal(session, row, tree)
        if version == 1:
            self.holder_ids = [ref.id for ref in refs]
            self.return_id, self.batch_id = return_id, batch_id
            self.record_ids = [item.id for item in rows]
        return return_id

    def _record(self, key: DataKey, place: int, batch_id: str, version: int) -> records.NewRecord:
        body = RecordBody(
            {"id_number": id_number(place), "name": f"市民{place}", "licence_class": f"C{version}"}, os.urandom(32)
        )
        return records.NewRecord(
            id=ids.new_cert_id(),
            key=key,
            batch_id=batch_id,
            leaf_index=place,
            leaf_hash=body.leaf_hash("person.driving_licence", "1", place),
            type_code="person.driving_licence",
            rules="1",
            number_bidx=self.vault.blind_index("record", self.department, str(place)),
            content_bidx=self.vault.blind_index("content", str(place), str(version)),
            version=version,
            body=body.to_bytes(),
            created_at_ms=NOW_MS + version,
        )

    def _seal(self, session: Session, row: Return, tree: BatchTree) -> None:
        returns.seal_return(row, NOW_MS)
        session.flush()
        while (batch_id := returns.next_to_settle(session, row)) is not None:
            records.supersede_older(session, batch_id)
        details = {"return": row.id, "batches": [{"root": "0x" + tree.root.hex(), "size": tree.size}]}
        prepare_receipt(
            session,
            self.vault,
            ReceiptDraft(ReceiptKind.RETURN, details, party_id=self.department, return_id=row.id),
        )

    def add_grant(self, writer: LogWriter, place: int = 0, *, max_uses: int = 5) -> str:
        """An active grant of a person to the entity, by way of a request."""
        holder_id, grant_id, request_id = self.holder_ids[place], ids.new_grant_id(), ids.new_request_id()
        key, salt = os.urandom(32), os.urandom(32)
        begin = NOW_MS // 1000
        terms = {"schema": "mydata/terms/1", "grant": grant_id, "max_uses": max_uses}
        binding_salt = os.urandom(32)
        message = GrantMessage(
            account(key), terms_hash(salt, terms), binding_commitment(binding_salt, "token"), begin, begin + 86_400
        )
        digest = grant_digest(message, IDENTITY.chain_id, IDENTITY.address("Grants"))
        grant = Grant(
            id=grant_id,
            request_id=request_id,
            holder_id=holder_id,
            entity_id=self.entity,
            digest=digest,
            key_address=message.key,
            terms=terms,
            message={
                "key": "0x" + message.key.hex(),
                "terms": "0x" + message.terms.hex(),
                "binding": "0x" + message.binding.hex(),
                "notBefore": message.not_before,
                "notAfter": message.not_after,
            },
            signature=sign(key, digest),
            custody="custody",
            state="active",
            not_before_ms=message.not_before * 1000,
            not_after_ms=message.not_after * 1000,
            max_uses=max_uses,
            use_count=0,
            seq=0,
            created_at_ms=NOW_MS,
        )

        def work(session: Session, numberer: Numberer) -> None:
            requests.ask(
                session,
                self.vault,
                Request(
                    id=request_id,
                    entity_id=self.entity,
                    holder_id=holder_id,
                    purpose_code="p",
                    items=[],
                    cut=[],
                    wanted_days=1,
                    wanted_uses=1,
                    state=requests.RequestState.APPROVED.value,
                    created_at_ms=NOW_MS,
                    lapses_at_ms=NOW_MS + 1000,
                ),
            )
            data_key = holders.holder_key(session, self.vault, holder_id)
            grants.seal_secret(data_key, grant, GrantSecret(key, salt, binding_salt, "token"))
            session.add(grant)
            session.flush()
            event = grants.append_event(session, grant, GrantState.ACTIVE, actor="holder", at_ms=numberer.now_ms)
            outbox.put(session, "register_grant", f"grant:{grant_id}", {"grant": digest.hex()})
            numberer.add(self._about(ReceiptKind.GRANT, grant, {"grant": "0x" + digest.hex(), **self._event(event)}))

        writer.submit(work)
        return grant_id

    def _event(self, event: GrantEvent) -> dict[str, object]:
        return {"event": event.seq, "event_hash": "0x" + grants.event_hash(event).hex()}

    def _about(self, kind: ReceiptKind, grant: Grant, details: dict[str, object], **more: str) -> ReceiptDraft:
        return ReceiptDraft(
            kind,
            details,  # type: ignore[arg-type]
            holder_id=grant.holder_id,
            party_id=grant.entity_id,
            grant_id=grant.id,
            **more,  # type: ignore[arg-type]
        )

    def pull(self, session: Session, numberer: Numberer, grant_id: str, file: bytes) -> NumberedReceipt | None:
        """What a pull does in the log writer; None where the grant no longer serves."""
        grant = grants.lock_grant(session, grant_id)
        assert grant is not None
        if grant.state != "active":
            return None
        key = holders.holder_key(session, self.vault, grant.holder_id)
        content, copy, mark = self._copy(key, grant, file)
        if copies.find_copy(session, grant.id, copy.fingerprint) is None:
            session.add(content)
            session.flush()
            session.add(copy)
            session.flush()
        else:
            copy = copies.find_copy(session, grant.id, copy.fingerprint) or copy
            mark = mark_commitment(copies.open_mark_salt(key, copy), dict(copy.mark_document))
        grant.use_count += 1
        base = f"base of {file!r}"
        details = {
            "grant": "0x" + grant.digest.hex(),
            "entity": grant.entity_id,
            "copy": copy.id,
            "format": copy.media_type,
            "file_sha256": "0x" + copy.file_sha256.hex(),
            "mark": "0x" + mark.hex(),
            "request": "0x" + hashlib.sha256(base.encode()).hexdigest(),
            "records": [],
        }
        receipt = numberer.add(self._about(ReceiptKind.DELIVERY, grant, details, copy_id=copy.id))
        receipts.keep_request(session, self.vault, receipt.id, {"base": base, "signature": "00", "key": {}})
        return receipt

    def _copy(self, key: DataKey, grant: Grant, file: bytes) -> tuple[Content, Copy, bytes]:
        name = hashlib.sha256(grant.id.encode() + file).hexdigest()[:26]
        content = Content(
            id=f"cont_{name}",
            holder_id=grant.holder_id,
            media_type="text/csv",
            epoch=self.epoch,
            original_sha256=hashlib.sha256(b"original " + file).digest(),
            records=[{"record": "cert_x", "version": 1}],
            created_at_ms=NOW_MS,
        )
        copies.seal_original(key, content, b"original " + file)
        fields = ("copy", "entity", "content", "epoch", "code_sha256", "layout_sha256", "marker", "original_sha256")
        document = {name: name for name in (*fields, "file_sha256")}
        copy = Copy(
            id=f"copy_{name}",
            content_id=content.id,
            grant_id=grant.id,
            entity_id=grant.entity_id,
            fingerprint=hashlib.sha256(name.encode()).digest(),
            media_type="text/csv",
            epoch=self.epoch,
            file_sha256=hashlib.sha256(file).digest(),
            mark_document=document,
            state="held",
            created_at_ms=NOW_MS,
        )
        salt = os.urandom(32)
        copies.seal_copy(key, copy, file, salt)
        return content, copy, mark_commitment(salt, document)

    def revoke(self, session: Session, numberer: Numberer, grant_id: str) -> NumberedReceipt:
        """What a revocation does in the log writer."""
        grant = grants.lock_grant(session, grant_id)
        assert grant is not None
        key = holders.holder_key(session, self.vault, grant.holder_id)
        secret = grants.open_secret(key, grant)
        assert secret.key is not None
        digest = change_digest(
            grant.digest, GrantStatus.REVOKED, grant.seq, IDENTITY.chain_id, IDENTITY.address("Grants")
        )
        event = grants.append_event(
            session,
            grant,
            GrantState.REVOKED,
            actor="holder",
            at_ms=numberer.now_ms,
            number=grant.seq,
            signature=sign(secret.key, digest),
        )
        details = {"grant": "0x" + grant.digest.hex(), **self._event(event)}
        grant.seq += 1
        return numberer.add(self._about(ReceiptKind.CHANGE, grant, details))

    def whole(self, writer: LogWriter, people: int = 20) -> str:
        """Parties, two returns (the second supersedes), two grants, pulls, a revocation; the first grant's id."""
        self.add_parties()
        self.add_return(people)
        self.add_return(people // 2, version=2)
        writer.wake()
        first = self.add_grant(writer)
        second = self.add_grant(writer, 1)
        for number in range(3):
            writer.submit(lambda s, n, number=number: self.pull(s, n, first, b"file %d" % number))
        writer.submit(lambda s, n: self.pull(s, n, first, b"file 0"))
        writer.submit(lambda s, n: self.pull(s, n, second, b"other"))
        writer.submit(lambda s, n: self.revoke(s, n, second))
        self.settle(writer)
        return first

    def settle(self, writer: LogWriter) -> None:
        """Wait until every prepared receipt has its number."""
        import time

        from api.store import read_only

        writer.wake()
        deadline = time.monotonic() + 5
        while True:
            with read_only(self.db) as session:
                if receipts.log_size(session).prepared == 0:
                    return
            assert time.monotonic() < deadline, "prepared receipts are numbered soon"
            time.sleep(0.01)
