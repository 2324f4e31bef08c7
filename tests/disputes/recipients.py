"""Many organisations that hold one value: each with a key and an address of its own, some of them down for a while.

One process serves all addresses, a path each. Whoever is told of a correction takes note, and its system confirms over
HTTP under its own signature; those that are down answer 503 or close the line first.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.demo.client import Machine
from api.http import signatures
from api.policy.requests import AskedItem
from api.services import grants, pulls, requests, webhooks
from api.services.context import Actor, Role
from api.services.grants import Approval
from api.services.notices import NoticeKind
from api.services.requests import NewRequest
from api.store import clock, ids, unit_of_work
from api.store.queries import parties, registrations
from api.store.queries.holders import HolderKind
from api.store.queries.registrations import LegalBasis
from api.store.tables import Party
from tests.town import LICENCE, Named, Service

JSON = "application/json"
PURPOSE = "insurance.motor.claims"
WANTED = ((LICENCE, "licence_class"), (LICENCE, "valid_until"))
CLOSE = 0
"""Instead of a status: the line is closed without an answer."""


@dataclass(frozen=True)
class Organisation:
    """One recipient: what it is here, and its system's key."""

    party_id: str
    key: Ed25519PrivateKey

    @property
    def actor(self) -> Actor:
        return Actor(Role.ENTITY, f"machine:{self.party_id}", party_id=self.party_id)


@dataclass
class Receivers:
    """All their systems. `manners`: what a party's address answers to the next messages before it takes one in."""

    service_url: str
    manners: dict[str, list[int]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    organisations: dict[str, Organisation] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator["Receivers"]:
        receivers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receivers.take(self)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.http = httpx.Client(base_url=self.service_url, timeout=600, trust_env=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            self.http.close()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        party = handler.path.rsplit("/", 1)[1]
        message = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        waiting = self.manners.get(party)
        if waiting:
            self.refused[party] += 1
            status = waiting.pop(0)
            if status == CLOSE:
                handler.close_connection = True
                handler.connection.close()
                return
            self.answer(handler, status)
            return
        self.told[party] += 1
        self.answer(handler, 204)
        if party not in self.silent:
            self.confirm(self.organisations[party], message["facts"]["correction"])

    def confirm(self, who: Organisation, correction: str) -> None:
        machine = Machine.__new__(Machine)  # its own connection would cost more than all of the call
        machine.http, machine.url, machine.key = self.http, self.service_url, who.key
        for last in (False, False, True):
            # A system whose line broke confirms again; a thousand threads on one client break one now and then.
            try:
                found = machine.send("POST", f"/v1/corrections/{correction}/confirmation", {})
                break
            except httpx.TransportError as error:
                if last:
                    self.failures.append(repr(error))
                    raise
        if found.status_code not in {200, 409}:
            self.failures.append(found.text)

    def answer(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        handler.send_response(status)
        handler.send_header("content-length", "0")
        handler.end_headers()


def admit(service: Service, count: int) -> list[Organisation]:
    """So many insurers, each with a key of its own, registered for claims."""
    found = []
    with unit_of_work(service.ctx.db) as session:
        now = clock.advance(session)
        for at in range(count):
            key, party_id = Ed25519PrivateKey.generate(), ids.new_party_id()
            jwk = signatures.jwk_of(key.public_key())
            parties.admit(
                session,
                service.ctx.vault,
                Party(
                    id=party_id,
                    role="entity",
                    name_zh=f"测试财产保险公司{at + 1:04d}",
                    name_en=f"Test Insurance {at + 1:04d}",
                    http_key=jwk,
                    http_key_thumbprint=signatures.thumbprint(jwk),
                    custody="demo",
                    status="active",
                    anchor_state="anchored",
                    created_at_ms=now,
                ),
            )
            registrations.register(session, service.ctx.vault, party_id, LegalBasis.CONSENT, [PURPOSE], now)
            found.append(Organisation(party_id, key))
    return found


def take_copies(service: Service, person: Named, holder: Actor, organisations: list[Organisation]) -> None:
    """Each asks the person for the class of the licence, is granted it and takes a copy."""
    ctx = service.ctx
    items = [AskedItem(type_code, name, necessary=True) for type_code, name in WANTED]
    for at, who in enumerate(organisations):
        asked = requests.create(
            ctx,
            who.actor,
            NewRequest(
                number=person.number,
                holder_kind=HolderKind.PERSON,
                purpose=PURPOSE,
                items=items,
                days=30,
                uses=5,
                case_no=f"CL-{at}",
            ),
        )
        grant, _ = grants.approve(ctx, holder, asked.id, Approval(frozenset(WANTED), days=30, uses=5))
        pulls.pull(ctx, who.actor, grant.id, JSON)


def listen(service: Service, receivers: Receivers, organisations: list[Organisation]) -> None:
    """Each names its address."""
    for who in organisations:
        receivers.organisations[who.party_id] = who
        webhooks.register(service.ctx, who.actor, f"{receivers.url}/{who.party_id}", [NoticeKind.CORRECTED])
