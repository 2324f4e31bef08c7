"""The demo's step of seals: a sealed certificate, what a check says of it, and one that two departments seal."""

from api.catalogue import load_catalogue
from api.demo import flow_seals
from api.demo.client import Person as Caller
from api.demo.parties import demo_parties
from api.demo.people_side import LICENCE, citizen, person
from api.demo.provision import party_id
from api.demo.stage import Demo, expect, refusal_of

ISSUER, SECOND = "public_security", "civil_affairs"
FLIPS = 5


def seal(demo: Demo) -> tuple[int, str]:
    """Save sealed, check as anybody, flip bytes, seal together in turn."""
    who, whose = citizen(demo, person(demo, 8)), citizen(demo, person(demo, 9))
    alone = _licence(who)
    file = flow_seals.sealed_certificate(who, alone)
    answer = flow_seals.check_sealed(demo.town.url, file)
    expect((answer["outcome"], answer["compared"]) == ("valid", True), f"the sealed file is {answer['outcome']}")
    expect(flow_seals.sealed_certificate(who, alone) == file, "saved again it is another file")
    for place in range(FLIPS):
        flipped = bytearray(file)
        flipped[(place + 1) * len(file) // (FLIPS + 1)] ^= 1
        said = flow_seals.check_sealed(demo.town.url, bytes(flipped))["outcome"]
        expect(said == "invalid", f"with one byte flipped the file is {said}")
    seals = _together(demo, whose)
    return 1 + FLIPS + seals, f"sealed file valid, {FLIPS} flipped bytes refused, {seals} seals in turn"


def _together(demo: Demo, holder: Caller) -> int:
    """Two departments seal the holder's licence; how many seals it has."""
    first, second = demo.town.department(ISSUER), demo.town.department(SECOND)
    other = next(one for one in demo_parties(load_catalogue()) if one.department_code == SECOND)
    flow_seals.agree_on_seals(first, LICENCE, [party_id(other)], 1)
    record = _licence(holder)
    code = refusal_of(lambda: flow_seals.sealed_certificate(holder, record))
    expect(code == "seals.waiting", f"before the second seal the certificate was refused with {code}")
    number = next(one["document"] for one in flow_seals.seal_tasks(second) if one["my_turn"])
    code = refusal_of(lambda: flow_seals.set_seal(first, number))
    expect(code == "seals.step_done", f"sealing twice was refused with {code}")
    flow_seals.set_seal(second, number)
    answer = flow_seals.check_sealed(demo.town.url, flow_seals.sealed_certificate(holder, record))
    expect(answer["outcome"] == "valid", f"the jointly sealed file is {answer['outcome']}")
    flow_seals.end_agreement(first, LICENCE)
    return len(answer["seals"])


def _licence(holder: Caller) -> str:
    return str(next(one["id"] for one in holder.get("/v1/certificates")["items"] if one["type"] == LICENCE))
