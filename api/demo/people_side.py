"""The demo's steps of the people's side: acting for others, windows, consents' lives, copies' ends, who looked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

from api.client.webhooks import Notice
from api.demo import flow, flow_duty, flow_looks
from api.demo.authenticator import Authenticator
from api.demo.client import Person as Caller
from api.demo.people import Person
from api.demo.stage import ANCHOR_WAIT_S, CLAIM, Demo, each, expect, refusal_of
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State

INSURER = flow.entity("insurer-pine")
HARBOUR = flow.entity("insurer-harbour")
CLAIMS, UNDERWRITING = "insurance.motor.claims", "insurance.motor.underwriting"
LICENCE = "person.driving_licence"
MIN_OTHERS = 6
POLICE, FILE_NO = "police.investigation", "A3710024500002026110001"


def person(demo: Demo, at: int) -> Person:
    """Somebody whom no other step before asked anything; in a small city the last ones share."""
    expect(len(demo.others) >= MIN_OTHERS, "too few people with a licence for the steps of the people's side")
    return demo.others[at % len(demo.others)]


def pair(who: Person) -> tuple[str, str]:
    """Number and name."""
    return who.number, who.name


def citizen(demo: Demo, who: Person) -> Caller:
    """Somebody, signed in."""
    return demo.town.citizen(who.number, who.name)


def ask(demo: Demo, who: Person, case_no: str = "DEMO-2026-P") -> flow.Asked:
    """A claim's request to somebody."""
    return flow.ask(demo.town, INSURER, who.number, CLAIMS, CLAIM, case_no=case_no, days=30, uses=5)


def granted(demo: Demo, who: Person, case_no: str = "DEMO-2026-P") -> str:
    """Ask and approve; the grant."""
    return str(flow.approve(citizen(demo, who), ask(demo, who, case_no), days=30, uses=5)["grant"])


def pull(demo: Demo, grant: str, form: str = "json") -> flow.Envelope:
    """Pull as the insurer."""
    return flow.pull_envelope(demo.town, INSURER, grant, form)


def verdict(demo: Demo, fetch: Callable[[], dict[str, Any]], file: bytes | None = None) -> State:
    """What the chain and the trust file alone say of a bundle, once what is on its way has arrived."""
    trust = parse_trust_file((demo.folder / TRUST_FILE).read_bytes())
    deadline = time.monotonic() + ANCHOR_WAIT_S
    while True:
        state = verify_with_node(parse_bundle(canonical(fetch())), trust, demo.rpc_url, file).state
        if state is not State.PENDING or time.monotonic() > deadline:
            return state
        time.sleep(flow.POLL_S)


def delivery_verdict(demo: Demo, envelope: flow.Envelope) -> State:
    """The same of a delivery to the insurer, its values disclosed."""

    def fetch() -> dict[str, Any]:
        return flow.disclose(flow.bundle_of(demo.town, INSURER, envelope), envelope)

    return verdict(demo, fetch, envelope.file)


def holders(demo: Demo) -> tuple[int, str]:
    """An agent decides for an elder until the mandate ends; a representative for a firm."""
    elder, agent = person(demo, 0), person(demo, 1)
    mandate = flow.appoint_agent(citizen(demo, elder), pair(agent))
    acting = Caller(demo.town.url)
    try:
        acting.sign_in(role="citizen", kind="person", number=agent.number, name=agent.name)
        flow.accept_mandate(acting, mandate)
        flow.act_for(acting, mandate)
        grant = str(flow.approve(acting, ask(demo, elder), days=30, uses=5)["grant"])
        terms = citizen(demo, elder).get(f"/v1/grants/{grant}")["terms"]
        expect(terms["relation"] == "agent", "the terms do not say that an agent decided")
        flow.end_mandate(citizen(demo, elder), mandate)
        code = refusal_of(lambda: acting.get("/v1/certificates"))
        expect(code.startswith("mandate."), f"an agent whose mandate has ended got {code}")
    finally:
        acting.close()
    firm = demo.city.enterprises[0]
    office = demo.town.department("market_regulation")
    represents = flow.register_mandate(
        office,
        "legal_representative",
        (firm.uscc, firm.name),
        pair(firm.owner),
        "enterprise_register",
        "企登 2026-17",
    )
    boss = Caller(demo.town.url)
    try:
        boss.sign_in(role="citizen", kind="person", number=firm.owner.number, name=firm.owner.name)
        flow.act_for(boss, represents)
        expect(len(boss.get("/v1/certificates")["items"]) > 0, "the firm's certificates do not show")
    finally:
        boss.close()
    return 2, "an agent decided until the mandate ended; a legal representative saw the firm's certificates"


def counter(demo: Demo) -> tuple[int, str]:
    """Somebody without a phone agrees and declines at a window, and takes the printed receipt home."""
    who = person(demo, 2)
    desk = flow.at_counter(demo.town, "civil_affairs")
    first, second = ask(demo, who), ask(demo, who)
    visit = flow.open_visit(desk, pair(who))
    flow.decide_at_counter(desk, visit, first)
    flow.decide_at_counter(desk, visit, second, agree=False)
    slip = flow.print_slip(desk, visit)
    expect(slip.startswith(b"%PDF"), "no receipt was printed")
    desk.post(f"/v1/counter/visits/{visit}/close")
    return 2, f"a yes and a no said at a window; a receipt of {len(slip)} bytes printed"


def less(demo: Demo) -> tuple[int, str]:
    """A field is asked where a claim suffices: what the holder sees is cut to the claim, and only that leaves."""
    who = person(demo, 3)
    items = ((LICENCE, "licence_class", True), (LICENCE, "age_over_22", True), (LICENCE, "address", False))
    asked = flow.ask(demo.town, INSURER, who.number, UNDERWRITING, items, case_no="DEMO-Q", days=30, uses=5)
    shown = citizen(demo, who).get(f"/v1/requests/{asked.id}")
    grant = str(flow.approve(citizen(demo, who), asked, days=30, uses=5)["grant"])
    (record,) = json.loads(pull(demo, grant).file)["records"]
    expect(record.get("age_over_22") in {"true", "false"}, "the claim was not delivered")
    expect("birth_date" not in record, "a date of birth left, too")
    expect(set(record) - {"type", "record"} == {item["field"] for item in shown["items"]}, "other fields left")
    return len(items), f"{len(shown['cut'])} notes of what was cut; an age of 22 proven without the date of birth"


def consent(demo: Demo) -> tuple[int, str]:
    """A consent is held up, goes on, and is extended by a new one in its place."""
    who = person(demo, 4)
    grant = granted(demo, who)
    pull(demo, grant)
    flow.change_grant(citizen(demo, who), grant, "pause")
    code = refusal_of(lambda: pull(demo, grant))
    expect(code == "pull.grant_paused", f"while it was paused the answer was {code}")
    flow.change_grant(citizen(demo, who), grant, "resume")
    pull(demo, grant)
    newer = flow.extend_grant(citizen(demo, who), grant, days=60, uses=5)
    code = refusal_of(lambda: pull(demo, grant))
    expect(code == "pull.grant_superseded", f"after its extension the answer was {code}")
    pull(demo, newer)
    return 3, "paused, resumed and extended; each effective at once"


def bindings(demo: Demo) -> tuple[int, str]:
    """A consent confirmed by a passkey, and one under a key that the holder alone has; evidence verifies for both."""
    who, town = person(demo, 5), demo.town
    me = citizen(demo, who)
    device = Authenticator(town.settings.rp_origins[0], town.settings.rp_id)
    me.post("/v1/passkeys", {"label": "手机", "credential": device.create(me.post("/v1/passkeys/options"))})
    ticked = [f"{LICENCE}/name"]
    draft = flow.prepare_draft(me, ask(demo, who), days=30, uses=5, ticked=ticked)
    answer = device.get(me.post(f"/v1/drafts/{draft['id']}/passkey"))
    bound = me.post(f"/v1/drafts/{draft['id']}/binding", {"credential": answer})
    expect(bound["binding"] == "webauthn", "the passkey's answer was not kept")
    grants = [str(flow.complete_draft(me, draft)["grant"])]
    own = Account.create()
    draft = flow.prepare_draft(me, ask(demo, who), days=30, uses=5, ticked=ticked, key=own.address)
    signed = own.sign_message(encode_typed_data(full_message=draft["typed_data"])).signature.hex()
    grants.append(str(flow.complete_draft(me, draft, "0x" + signed.removeprefix("0x"))["grant"]))
    for grant in grants:
        envelope = pull(demo, grant)
        state = delivery_verdict(demo, envelope)
        expect(state is State.VALID, f"the evidence of {grant} is {state.value}")
    return len(grants), "by passkey, and under a key of the holder's own; the evidence of both verifies"


def duty(demo: Demo) -> tuple[int, str]:
    """The police query by statutory duty, with a case number; the person sees by which law."""
    who = person(demo, 6)
    officer = demo.town.department("public_security")
    fields = [f"{LICENCE}/name", f"{LICENCE}/licence_class"]
    flow_duty.query(officer, POLICE, FILE_NO, who.number, fields)
    lines = flow_looks.footprints_of(citizen(demo, who), kind="delivered")
    seen = [line for line in lines if line["basis"] == "statutory" and line["case_no"] == FILE_NO]
    expect(len(seen) == 1, f"the person sees {len(seen)} lines of it")
    return 1, "without consent, with its law and case number in the person's own list"


def contest(demo: Demo) -> tuple[int, str]:
    """This was not me: the consent is frozen at once, a regulator decides, and it serves again."""
    who, regulator = person(demo, 7), demo.town.regulator()
    grant = granted(demo, who)
    envelope = pull(demo, grant)
    case = flow_looks.contest(citizen(demo, who), "这不是我办的，请查。", receipt=envelope.receipt)
    code = refusal_of(lambda: pull(demo, grant))
    expect(code == "pull.grant_frozen", f"a contested consent answered {code}")
    flow_looks.move_case(regulator, case["id"], "review")
    regulator.get(f"/v1/cases/{case['id']}")
    flow_looks.decide_case(regulator, case["id"], "dismissed", "查明系本人办理。")
    pull(demo, grant)
    return 1, "frozen at once, decided by the regulator, served again"


def deletion(demo: Demo) -> tuple[int, str]:
    """Copies of revoked consents are destroyed; the receipts verify, the holder sees it."""
    ended = [story for story in demo.stories if story.purpose == CLAIMS]
    copies = [(story, envelope) for story in ended for envelope in story.pulled.values()]
    for story, envelope in copies:
        flow.wait_for_copy(demo.town.machine(story.entity), envelope.copy, ("delete_due",))
    answers = each(
        demo, "销毁 / delete", copies, lambda item: flow.delete_copy(demo.town, item[0].entity, item[1].copy)
    )
    machine = demo.town.machine(ended[0].entity)
    state = verdict(demo, lambda: machine.get(f"/v1/receipts/{answers[0]['receipt']}/evidence"), copies[0][1].file)
    expect(state is State.VALID, f"the receipt of a deletion is {state.value}")
    mine = flow.copies_of(citizen(demo, ended[0].person))
    gone = [copy for copy in mine if copy["state"] == "deleted"]
    expect(len(gone) == len(ended[0].pulled), f"the holder sees {len(gone)} of {len(ended[0].pulled)} destroyed")
    return len(copies), f"{len(gone)} of {len(mine)} on one holder's page; a signed receipt each"


@contextmanager
def receiver(demo: Demo) -> Iterator[tuple[str, list[Notice]]]:
    """An entity's system that is told: its address, and what it was told, signatures verified."""
    keys = demo.town.client(INSURER).webhooks.keys()
    told: list[Notice] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.append(keys.verify(address, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}/told"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address, told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def notices(demo: Demo) -> tuple[int, str]:
    """An entity's system is told of a consent's life by signed notices."""
    who = person(demo, 8)
    wanted = ["granted", "paused", "resumed", "revoked", "deletion_due"]
    with receiver(demo) as (address, told):
        hook = flow.register_webhook(demo.town, INSURER, address, wanted)
        grant = granted(demo, who)
        pull(demo, grant)
        for move in ("pause", "resume", "revoke"):
            flow.change_grant(citizen(demo, who), grant, move)
        deadline = time.monotonic() + ANCHOR_WAIT_S
        while {one.kind for one in told if one.grant == grant} != set(wanted) and time.monotonic() < deadline:
            time.sleep(flow.POLL_S)
        demo.town.machine(INSURER).post(f"/v1/webhooks/{hook}/remove", {})
    kinds = [one.kind for one in sorted(told, key=lambda one: one.seq) if one.grant == grant]
    expect(list(dict.fromkeys(kinds)) == wanted, f"told were {kinds}")
    return len(told), "verified by the published key, in the order of their numbers"


def looked(demo: Demo) -> tuple[int, str]:
    """Everybody who looked stands in the holder's list; the notices, too."""
    who = citizen(demo, person(demo, 7))
    lines = flow_looks.footprints_of(who)
    for kind in ("delivered", "refused", "official"):
        expect(len(flow_looks.footprints_of(who, kind=kind)) > 0, f"nothing of the kind {kind} is in the list")
    told = flow_looks.notices_of(who)
    topics = {one["topic"] for one in told}
    expect({"request", "case"} <= topics, f"notices came about {sorted(topics)}")
    return len(lines), f"deliveries, refusals and officials; {len(told)} notices about {len(topics)} topics"


def replay(demo: Demo) -> tuple[int, str]:
    """Every decision, made again from history as of its time, gives the same answer."""
    decided = 0
    for story in demo.stories[6:]:
        me = citizen(demo, story.person)
        for line in [one for kind in ("delivered", "refused") for one in flow_looks.footprints_of(me, kind=kind)]:
            found = me.get(f"/v1/receipts/{line['receipt']}/decision")
            expect(found["agrees"] and found["history_holds"], f"{line['receipt']}: {found['recorded']} differs")
            decided += 1
    expect(decided > 0, "nothing was decided")
    return decided, "deliveries and refusals: same answers, unbroken history"


def erase(demo: Demo) -> tuple[int, str]:
    """A holder has everything erased; afterwards nothing is served, and other people's proofs hold."""
    who, other = person(demo, 9), person(demo, 4)
    grant = granted(demo, who)
    pull(demo, grant)
    kept = granted(demo, other)
    envelope = pull(demo, kept)
    me = citizen(demo, who)
    plan = flow.erasure_plan(me)
    wish = flow.ask_erasure(me)
    done = flow.wait_for_erasure(demo.town, wish["id"], ANCHOR_WAIT_S)
    code = refusal_of(lambda: pull(demo, grant))
    expect(code.startswith("pull."), f"an erased person's consent answered {code}")
    state = delivery_verdict(demo, envelope)
    expect(state is State.VALID, f"somebody else's proof is {state.value}")
    detail = f"{len(plan['erased'])} kinds erased, {len(plan['kept'])} kept by law; receipt {done['receipt_number']}"
    return 1, detail


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {
    "holders": holders,
    "counter": counter,
    "less": less,
    "consent": consent,
    "bindings": bindings,
    "duty": duty,
    "contest": contest,
    "delete": deletion,
    "notices": notices,
    "looked": looked,
    "replay": replay,
    "erase": erase,
}
"""The steps in their order, by name."""
