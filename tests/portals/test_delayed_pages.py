"""What people see of a chain that is really away: delayed, why, and since when; and that it passes."""

import re
from dataclasses import dataclass

import pytest

from api.demo import flow
from api.portals import recorded
from api.portals.wording import DELAYS
from api.services import anchoring
from api.services.anchoring import Anchoring, AnchorWord
from api.store import clock, unit_of_work
from api.store.queries import chain_status
from api.store.queries.chain_status import ChainState
from tests.api.calls import Caller, caller
from tests.flow.files import licences, table
from tests.portals.test_pages import CHAIN_WORDS
from tests.portals.test_staff_pages import page
from tests.town import HARBOUR, LICENCE, Named, Service, chain_loop, until

LATE = {"zh-Hans": "存证推迟", "en": "Recording delayed"}
SINCE = {"zh-Hans": r"自 \d{4}年\d{1,2}月\d{1,2}日 \d{2}:\d{2} 起", "en": r"ince \d{1,2} \w{3} \d{4}, \d{2}:\d{2}"}
# In lists a few words, on a return's page the whole sentence.
WHY = {
    "zh-Hans": "(：暂时无法连接|推迟。已保存并生效，但存证系统暂时无法连接)",
    "en": r"(: cannot be reached for now|\. Stored and in effect, but the public record cannot be reached)",
}
AWAY = {"zh-Hans": "暂时无法连接", "en": "cannot be reached for now"}


@dataclass(frozen=True)
class Newcomer:
    """Somebody whose first certificate comes while the chain is away."""

    number: str
    name: str


def signed_in(service: Service, person: Named) -> Caller:
    claims = {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
    return Caller("citizen", service, claims)


def visible(html: str) -> str:
    """The words of a page's main part."""
    main = html[html.index("<main") : html.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def seen_by(service: Service, person: Newcomer, grant: str, returned: str) -> dict[str, tuple[Caller, list[str]]]:
    """Every page that shows how far something is, by who opens it."""
    citizen = signed_in(service, person)
    (licence,) = [one for one in citizen.http.get("/v1/certificates").json()["items"] if one["type"] == LICENCE]
    return {
        "citizen": (
            citizen,
            [f"/citizen/certificates/{licence['id']}", f"/citizen/grants/{grant}", "/citizen/footprints", "/citizen"],
        ),
        "department": (
            caller(service, "department"),
            ["/department/returns", f"/department/returns/{returned}"],
        ),
        "entity": (caller(service, "entity"), [f"/entity/grants/{grant}"]),
        "regulator": (caller(service, "regulator"), [f"/regulator/grants/{grant}", "/regulator/log"]),
        "operator": (caller(service, "operator"), ["/operator"]),
        "public": (caller(service, "stranger"), ["/log"]),
    }


@pytest.mark.slow
def test_every_page_says_delayed_why_and_since_when_while_the_chain_is_down(service: Service) -> None:
    service.settle()
    with chain_loop(service):
        until(lambda: chain_state(service) == "ok", "the chain is seen")
        service.chain.kill()
        until(lambda: chain_state(service) == "delayed", "the worker notices")
        rows = licences(0, 3)
        person = Newcomer(rows[0]["id_number"], rows[0]["name"])
        officer = service.town.department(service.ctx.catalogue.ready_type(LICENCE).department)
        returned = officer.upload("/v1/returns", "a.csv", table(rows), type=LICENCE, seal="true")["id"]
        service.work()
        assert newest(service, person) == "delayed"
        grant = service.grant(person)
        flow.pull_envelope(service.town, HARBOUR, grant, "json")
        service.citizen(person).post(f"/v1/grants/{grant}/revoke")
        seen = seen_by(service, person, grant, returned)
        late: dict[str, list[str]] = {}
        for who, (reader, paths) in seen.items():
            for path in paths:
                for lang in ("zh-Hans", "en"):
                    text = visible(page(reader, path, lang))
                    if who == "citizen":
                        assert not CHAIN_WORDS.search(text), (path, lang)
                    if LATE[lang].lower() in text.lower():
                        assert re.search(SINCE[lang] + WHY[lang], text), (path, lang, text)
                        late.setdefault(who, []).append(path)
        wanted = {who: [path for path in paths for _ in range(2)] for who, (_, paths) in seen.items()}
        # What the log's heads say depends on whether one was signed before the chain went; the rest is certain.
        for paths in (late, wanted):
            for who, path in (("public", "/log"), ("operator", "/operator"), ("regulator", "/regulator/log")):
                paths[who] = [one for one in paths.get(who, []) if one != path]
        assert late == wanted
        operator = visible(page(seen["operator"][0], "/operator", "en"))
        assert "chain.node.unreachable" in operator
        assert re.search(r"since \d{1,2} \w{3} \d{4}, \d{2}:\d{2}", operator)
        told = visible(page(seen["regulator"][0], "/regulator/log"))
        assert "暂时连不上区块链节点" in told
        progress = seen["department"][0].http.get(f"/department/returns/{returned}/progress").json()
        assert "推迟" in progress["text"] or "Delayed since" in progress["text"]
        service.chain.start()
        until(lambda: chain_state(service) == "ok", "it is back")
        until(lambda: newest(service, person) == "anchored", "the certificate lands")
    service.settle()
    for reader, paths in seen.values():
        for path in paths:
            for lang in ("zh-Hans", "en"):
                text = visible(page(reader, path, lang))
                assert LATE[lang].lower() not in text.lower(), path
                assert AWAY[lang] not in text, path


def newest(service: Service, person: Newcomer) -> str:
    found = service.citizen(person).get("/v1/certificates")["items"]
    return next(str(one["anchoring"]["state"]) for one in found if one["type"] == LICENCE)


def chain_state(service: Service) -> str:
    return str(caller(service, "stranger").http.get("/v1/log").json()["chain"]["state"])


REASONS = {
    (ChainState.DELAYED, "chain.node.unreachable"): anchoring.UNREACHABLE,
    (ChainState.DELAYED, "chain.standing"): anchoring.STANDING,
    (ChainState.HALTED, "chain.reset"): anchoring.HALTED,
}


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_each_reason_has_words_of_its_own(service: Service, lang: str) -> None:
    grant = service.grant(service.driver(5))
    citizen = signed_in(service, service.driver(5))
    operator, texts = caller(service, "operator"), set()
    try:
        for (state, code), reason in REASONS.items():
            with unit_of_work(service.ctx.db) as session:
                chain_status.set_chain_status(session, state, now_ms=clock.now_ms(session), head=1, reason=code)
            text = visible(page(citizen, f"/citizen/grants/{grant}", lang))
            found = recorded.record(service.ctx, "en" if lang == "en" else "zh-Hans").of("pending", 0)
            assert found.delay is not None
            assert found.delay.why in text, reason
            assert found.delay.text in text, reason
            texts.add((found.delay.why, found.delay.text))
            assert code in visible(page(operator, "/operator", lang))
    finally:
        with unit_of_work(service.ctx.db) as session:
            chain_status.set_chain_status(session, ChainState.OK, now_ms=clock.now_ms(session), head=1)
    assert len(texts) == len(REASONS)


def test_the_words_cover_every_reason() -> None:
    known = {
        getattr(anchoring, name)
        for name in vars(anchoring)
        if name.isupper() and str(getattr(anchoring, name)).startswith("anchoring.")
    }
    assert set(DELAYS) == known
    assert len(set(DELAYS.values())) == len(known) == 5


def test_what_is_not_delayed_has_no_reason() -> None:
    record = recorded.Record(7, anchoring.Outlook(1_000, None, 0, {}), "en")
    assert record.of_number(6, 900) == recorded.Seen("anchored")
    assert record.of_number(7, 900) == recorded.Seen("pending")
    assert record.of_number(None, 900).state == "pending"
    late = record._said(Anchoring(AnchorWord.DELAYED, 500, anchoring.SLOW))
    assert late.delay is not None
    assert (late.state, late.delay.since_ms, late.anchored) == ("delayed", 500, False)
