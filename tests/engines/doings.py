"""What people do through the service while its chain misbehaves, and what must come of it in the end."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.demo import flow
from api.errors import ApiError
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.errors import ChainError
from chain.node import Web3Node
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.engines.places import PATIENCE_S
from tests.flow.files import licences, table
from tests.town import HARBOUR, LICENCE, Service, until

PEOPLE = itertools.count()


@dataclass(frozen=True)
class Newcomer:
    """Somebody whom a return of this module brought."""

    number: str
    name: str


@dataclass
class Doings:
    """What people did through the service, and what must come of it on the chain."""

    service: Service
    returns: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    pulled: list[Any] = field(default_factory=list)
    turn: Callable[[], object] = lambda: None
    person: Newcomer = field(init=False)

    def go(self) -> None:
        """A return that brings somebody new, two consents, a delivery under each, and one taken back."""
        service = self.service
        (row,) = licences(next(PEOPLE), 1)
        self.person = Newcomer(row["id_number"], row["name"])
        officer = service.town.department(service.ctx.catalogue.ready_type(LICENCE).department)
        made = officer.upload("/v1/returns", "a.csv", table([row]), type=LICENCE, seal="true")["id"]
        self.returns.append(made)
        service.work()
        assert officer.get(f"/v1/returns/{made}")["sealed_at"] is not None
        keep, back = (service.grant(self.person, case_no=f"CL-{made[-8:]}-{at}") for at in range(2))
        self.pulled.append(flow.pull_envelope(service.town, HARBOUR, keep, "json"))
        flow.pull_envelope(service.town, HARBOUR, back, "json")
        assert service.citizen(self.person).post(f"/v1/grants/{back}/revoke")["state"] == "revoked"
        with pytest.raises(ApiError, match=r"pull\.grant_revoked"):
            flow.pull_envelope(service.town, HARBOUR, back, "json")
        self.kept.append(keep)
        self.taken_back.append(back)

    def said(self) -> dict[str, Any]:
        """How far the newest consent is, in the service's words."""
        found: dict[str, Any] = self.service.citizen(self.person).get(f"/v1/grants/{self.kept[-1]}")["anchoring"]
        return found

    def page(self) -> str:
        """The holder's page of that consent, in words."""
        claims = {"role": "citizen", "kind": "person", "number": self.person.number, "name": self.person.name}
        with httpx.Client(base_url=self.service.url, timeout=60, trust_env=False) as reader:
            assert reader.post("/v1/sessions", json=claims).status_code == 201
            answer = reader.get(f"/citizen/grants/{self.kept[-1]}", headers={"Accept-Language": "zh"})
        assert answer.status_code == 200, answer.text
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))

    def landed(self) -> bool:
        """Whether all of it stands on the chain as far as the service knows."""
        service, every = self.service, [*self.kept, *self.taken_back]
        states = {row[0] for grant in every for row in service.rows(GRANT_STATE, id=grant)}
        states |= {row[0] for one in self.returns for row in service.rows(_RETURN_STATE, id=one)}
        revoked = [row[0] for grant in self.taken_back for row in service.rows(_REVOKED, id=grant)]
        ((waiting,),) = service.rows("SELECT count(*) FROM outbox WHERE done_at_ms IS NULL")
        ((numbered,),) = service.rows("SELECT count(*) FROM receipts WHERE number IS NOT NULL")
        ((anchored,),) = service.rows("SELECT max(size) FROM checkpoints WHERE anchor_state = 'anchored'")
        return states == {"anchored"} and None not in revoked and not waiting and numbered == anchored

    def check(self, url: str) -> None:
        """Wait until all is on the chain; then ask another node whether it is, and whether anything is there twice."""

        def landed() -> bool:
            self.turn()
            return self.landed()

        until(landed, "all that was done is on the chain", PATIENCE_S, retry=ChainError)
        service = self.service
        assert service.rows("SELECT key FROM chain_txs WHERE state = 'failed'") == []
        numbers = [row[0] for row in service.rows("SELECT number FROM receipts ORDER BY number")]
        assert numbers == list(range(len(numbers)))
        trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
        for envelope in self.pulled:
            document = flow.disclose(flow.bundle_of(service.town, HARBOUR, envelope), envelope)

            def valid(document: Any = document, file: bytes = envelope.file) -> bool:
                verdict = verify_with_node(parse_bundle(canonical(document)), trust, url, file)
                assert verdict.state is not State.INVALID, [one.code for one in verdict.findings]
                return verdict.state is State.VALID

            until(valid, "the other node knows it too", PATIENCE_S)
        node = Web3Node(url, timeout_s=10.0)
        try:
            told = node.logs(service.ctx.chain.first_block, node.block_number(), _addresses(service))
        finally:
            node.close()
        # Each event of these contracts stands for one fact; one fact twice would be two with the same content.
        facts = [(one.address, *one.topics, one.data) for one in told]
        assert len(facts) == len(set(facts))


GRANT_STATE = "SELECT anchor_state FROM grants WHERE id = :id"
_RETURN_STATE = "SELECT state FROM returns WHERE id = :id"
_REVOKED = "SELECT anchored_block FROM grant_events WHERE grant_id = :id AND state = 'revoked'"


def _addresses(service: Service) -> list[bytes]:
    return [service.ctx.chain.address(name) for name in ("CertificateAnchors", "Grants", "ReceiptLog")]


def told(service: Service) -> tuple[str, str | None]:
    """What the service says of its chain, and why; "unknown" before the worker's first look."""
    seen = httpx.get(f"{service.url}/v1/log", trust_env=False).json()["chain"]
    return ("unknown", None) if seen is None else (seen["state"], seen["reason"])
