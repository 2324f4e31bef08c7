"""PartyRegistry: admission, suspension and rotation, each with its two persons."""

import pytest

from tests.contracts.conftest import (
    DEPARTMENT,
    ENTITY,
    META,
    NO_ACCOUNT,
    NO_KEY,
    OPERATOR,
    PROPOSAL_LIFE_S,
    REGULATOR,
    World,
    party_id,
    thumbprint,
)
from tests.contracts.harness import GENESIS_TIME_S, Evm, RevertedError, Signer, refused

ACTIVE, SUSPENDED = 1, 2
NEW = Signer("new account")
BOOKS = tuple(Signer(f"book {name}").address for name in ("anchors", "grants", "log"))


def admission(label: str = "new", role: int = DEPARTMENT, account: bytes = NEW.address, key: bytes = NO_KEY) -> tuple:
    return (party_id(label), role, account, key, META)


def test_constructor_wants_two_distinct_administrators() -> None:
    one, two = Signer("one").address, Signer("two").address
    for admins, error in (([], "TooFewAdmins"), ([one], "TooFewAdmins"), ([one, one], "InvalidAdmin")):
        with refused(error):
            Evm().deploy("PartyRegistry", Signer("deployer"), admins, *BOOKS)
    with refused("InvalidAdmin", NO_ACCOUNT):
        Evm().deploy("PartyRegistry", Signer("deployer"), [one, NO_ACCOUNT], *BOOKS)
    registry = Evm().deploy("PartyRegistry", Signer("deployer"), [one, two], *BOOKS)
    assert registry.call("admins") == (one, two)
    assert tuple(registry.call(name) for name in ("anchors", "grants", "log")) == BOOKS
    assert registry.call("isAdmin", one)
    assert registry.call("isAdmin", two)
    assert not registry.call("isAdmin", Signer("deployer").address)


def test_admission_takes_two_persons_and_says_who_and_when(world: World) -> None:
    first, second, _ = world.admins
    content = admission(key=thumbprint("new"))
    proposed = world.registry.send(first, "propose", *content)
    proposal = proposed.value
    (event,) = proposed.events
    assert event.name == "PartyProposed"
    assert event.args == {
        "partyId": content[0],
        "proposal": proposal,
        "role": DEPARTMENT,
        "account": NEW.address,
        "keyThumbprint": thumbprint("new"),
        "metadataHash": META,
        "proposer": first.address,
        "until": GENESIS_TIME_S + PROPOSAL_LIFE_S,
    }
    assert world.registry.call("proposalOf", proposal) == (first.address, GENESIS_TIME_S + PROPOSAL_LIFE_S)
    assert not world.registry.call("isActive", NEW.address, DEPARTMENT)

    world.evm.at(GENESIS_TIME_S + 60)
    (event,) = world.registry.send(second, "admit", *content).events
    assert event.name == "PartyAdmitted"
    assert event.args == {
        "partyId": content[0],
        "account": NEW.address,
        "role": DEPARTMENT,
        "keyThumbprint": thumbprint("new"),
        "metadataHash": META,
        "proposer": first.address,
        "admitter": second.address,
        "time": GENESIS_TIME_S + 60,
    }
    time = GENESIS_TIME_S + 60
    expected = (NEW.address, DEPARTMENT, ACTIVE, time, 1, thumbprint("new"), META)
    assert world.registry.call("party", content[0]) == expected
    assert world.registry.call("partyOf", NEW.address) == content[0]
    assert world.registry.call("keyHolder", thumbprint("new")) == content[0]
    assert world.registry.call("accountRecord", NEW.address) == (content[0], DEPARTMENT, True, time, 0)
    assert world.registry.call("keyRecord", thumbprint("new")) == (content[0], time, 0)
    assert world.registry.call("proposalOf", proposal) == (NO_ACCOUNT, 0)
    for role in (DEPARTMENT, ENTITY, REGULATOR, OPERATOR, 0):
        assert world.registry.call("isActive", NEW.address, role) is (role == DEPARTMENT)
        assert world.registry.call("isActiveKey", thumbprint("new"), role) is (role == DEPARTMENT)


def test_nobody_is_nothing(world: World) -> None:
    registry = world.registry
    assert registry.call("party", party_id("nobody")) == (NO_ACCOUNT, 0, 0, 0, 0, NO_KEY, bytes(32))
    assert registry.call("partyOf", NO_ACCOUNT) == bytes(32)
    assert registry.call("keyHolder", NO_KEY) == bytes(32)
    for role in range(5):
        assert not registry.call("isActive", NO_ACCOUNT, role)
        assert not registry.call("isActive", world.stranger.address, role)
        assert not registry.call("isActiveKey", NO_KEY, role)
        assert not registry.call("isActiveKey", thumbprint("nobody"), role)


def test_one_administrator_alone_admits_nobody(world: World) -> None:
    first, second, third = world.admins
    content = admission()
    with refused("NotProposed"):
        world.registry.send(first, "admit", *content)
    proposal = world.registry.send(first, "propose", *content).value
    with refused("SecondPersonRequired", first.address):
        world.registry.send(first, "admit", *content)
    with refused("AlreadyProposed", proposal, first.address):
        world.registry.send(second, "propose", *content)
    world.registry.send(third, "admit", *content)
    with refused("NotProposed"):
        world.registry.send(second, "admit", *content)
    with refused("AlreadyAdmitted", content[0]):
        world.registry.send(first, "propose", *admission(account=Signer("another").address))


def test_a_confirmation_fits_only_what_was_proposed(world: World) -> None:
    first, second, _ = world.admins
    proposed = admission(key=thumbprint("new"))
    world.registry.send(first, "propose", *proposed)
    swaps = (party_id("x"), OPERATOR, Signer("x").address, thumbprint("x"), bytes(32))
    for place, value in enumerate(swaps):
        swapped = (*proposed[:place], value, *proposed[place + 1 :])
        with refused("NotProposed"):
            world.registry.send(second, "admit", *swapped)


def test_outsiders_and_parties_administer_nothing(world: World) -> None:
    calls = (
        ("propose", *admission()),
        ("admit", *admission()),
        ("suspend", party_id("department")),
        ("proposeReinstatement", party_id("department")),
        ("reinstate", party_id("department")),
        ("proposeRotation", party_id("department"), NEW.address, NO_KEY),
        ("rotate", party_id("department"), NEW.address, NO_KEY),
        ("withdraw", bytes(32)),
    )
    for caller in (world.stranger, world.operator, world.department, world.regulator):
        for function, *args in calls:
            with refused("NotAdmin", caller.address):
                world.registry.send(caller, function, *args)


def test_admission_refuses_impossible_parties(world: World) -> None:
    admin = world.admins[0]

    def propose(*content: object) -> None:
        world.registry.send(admin, "propose", *content)

    with refused("PartyIdRequired"):
        propose(bytes(32), *admission()[1:])
    with refused("RoleRequired"):
        propose(*admission(role=0))
    with pytest.raises(RevertedError):  # no such role: refused by the decoder, without data
        propose(*admission(role=5))
    for role in (DEPARTMENT, REGULATOR, OPERATOR):
        with refused("AccountRequired", role):
            propose(*admission(role=role, account=NO_ACCOUNT))
    propose(*admission(role=ENTITY, account=NO_ACCOUNT))
    with refused("AccountIsAdmin", admin.address):  # no administrator admits itself
        propose(*admission(account=admin.address))
    with refused("AccountTaken", world.operator.address, party_id("operator")):
        propose(*admission(account=world.operator.address))
    with refused("KeyTaken", thumbprint("insurer"), party_id("insurer")):
        propose(*admission(key=thumbprint("insurer")))


def test_what_was_free_when_proposed_is_checked_again(world: World) -> None:
    first, second, _ = world.admins
    a, b, c = admission("a", key=thumbprint("n")), admission("b"), admission("c", ENTITY, NO_ACCOUNT, thumbprint("n"))
    again = (a[0], ENTITY, NO_ACCOUNT, NO_KEY, META)
    for content in (a, b, c, again):
        world.registry.send(first, "propose", *content)
    world.registry.send(second, "admit", *a)
    with refused("AccountTaken", NEW.address, a[0]):
        world.registry.send(second, "admit", *b)
    with refused("KeyTaken", thumbprint("n"), a[0]):
        world.registry.send(second, "admit", *c)
    with refused("AlreadyAdmitted", a[0]):
        world.registry.send(second, "admit", *again)


def test_suspension_by_one_reinstatement_by_two(world: World) -> None:
    first, second, _ = world.admins
    party, account = party_id("department"), world.department.address
    key = thumbprint("department")
    with refused("WrongStatus", party, ACTIVE):
        world.registry.send(first, "proposeReinstatement", party)
    with refused("WrongStatus", party, ACTIVE):
        world.registry.send(first, "reinstate", party)

    (event,) = world.registry.send(first, "suspend", party).events
    assert (event.name, event.args) == (
        "PartySuspended",
        {"partyId": party, "admin": first.address, "time": GENESIS_TIME_S},
    )
    assert world.registry.call("party", party)[2] == SUSPENDED
    assert not world.registry.call("isActive", account, DEPARTMENT)
    assert not world.registry.call("isActiveKey", key, DEPARTMENT)
    assert world.registry.call("partyOf", account) == party
    with refused("WrongStatus", party, SUSPENDED):
        world.registry.send(second, "suspend", party)

    with refused("NotProposed"):
        world.registry.send(second, "reinstate", party)
    proposed = world.registry.send(first, "proposeReinstatement", party)
    assert proposed.events[0].name == "ReinstatementProposed"
    assert proposed.events[0].args == {
        "partyId": party,
        "proposal": proposed.value,
        "proposer": first.address,
        "until": GENESIS_TIME_S + PROPOSAL_LIFE_S,
    }
    with refused("SecondPersonRequired", first.address):
        world.registry.send(first, "reinstate", party)
    with refused("AlreadyProposed"):
        world.registry.send(second, "proposeReinstatement", party)
    (event,) = world.registry.send(second, "reinstate", party).events
    assert event.name == "PartyReinstated"
    assert event.args == {
        "partyId": party,
        "proposer": first.address,
        "approver": second.address,
        "time": GENESIS_TIME_S,
    }
    assert world.registry.call("isActive", account, DEPARTMENT)
    assert world.registry.call("isActiveKey", key, DEPARTMENT)


def test_an_entity_without_account_is_suspended_and_reinstated_too(world: World) -> None:
    first, second, _ = world.admins
    party, key = party_id("insurer"), thumbprint("insurer")
    world.registry.send(first, "suspend", party)
    assert not world.registry.call("isActiveKey", key, ENTITY)
    world.registry.send(first, "proposeReinstatement", party)
    world.registry.send(second, "reinstate", party)
    assert world.registry.call("isActiveKey", key, ENTITY)
    assert world.registry.call("accountRecord", NO_ACCOUNT) == (bytes(32), 0, False, 0, 0)


def test_unknown_parties_have_no_status_to_change(world: World) -> None:
    nobody = party_id("nobody")
    for function, *args in (
        ("suspend", nobody),
        ("proposeReinstatement", nobody),
        ("reinstate", nobody),
        ("proposeRotation", nobody, NEW.address, NO_KEY),
    ):
        with refused("WrongStatus", nobody, 0):
            world.registry.send(world.admins[0], function, *args)


def test_rotation_takes_two_persons_and_retires_for_ever(world: World) -> None:
    first, second, _ = world.admins
    party, old, key = party_id("department"), world.department.address, thumbprint("department")
    proposed = world.registry.send(first, "proposeRotation", party, NEW.address, thumbprint("new"))
    assert proposed.events[0].name == "RotationProposed"
    assert proposed.events[0].args == {
        "partyId": party,
        "proposal": proposed.value,
        "account": NEW.address,
        "keyThumbprint": thumbprint("new"),
        "proposer": first.address,
        "until": GENESIS_TIME_S + PROPOSAL_LIFE_S,
    }
    with refused("SecondPersonRequired", first.address):
        world.registry.send(first, "rotate", party, NEW.address, thumbprint("new"))
    with refused("NotProposed"):
        world.registry.send(second, "rotate", party, NEW.address, thumbprint("other"))
    world.evm.at(GENESIS_TIME_S + 5)
    (event,) = world.registry.send(second, "rotate", party, NEW.address, thumbprint("new")).events
    assert event.name == "KeysRotated"
    assert event.args == {
        "partyId": party,
        "account": NEW.address,
        "keyThumbprint": thumbprint("new"),
        "proposer": first.address,
        "approver": second.address,
        "time": GENESIS_TIME_S + 5,
    }
    call = world.registry.call
    assert (call("isActive", old, DEPARTMENT), call("isActive", NEW.address, DEPARTMENT)) == (False, True)
    assert (call("isActiveKey", key, DEPARTMENT), call("isActiveKey", thumbprint("new"), DEPARTMENT)) == (False, True)
    assert call("accountRecord", old) == (party, DEPARTMENT, False, GENESIS_TIME_S, GENESIS_TIME_S + 5)
    assert call("keyRecord", key) == (party, GENESIS_TIME_S, GENESIS_TIME_S + 5)
    assert call("accountRecord", NEW.address) == (party, DEPARTMENT, True, GENESIS_TIME_S + 5, 0)
    # What is retired stays attributable and is given to nobody again, its old holder included.
    with refused("AccountTaken", old, party):
        world.registry.send(first, "propose", *admission(account=old))
    with refused("AccountTaken", old, party):
        world.registry.send(first, "proposeRotation", party, old, thumbprint("new"))
    with refused("KeyTaken", key, party):
        world.registry.send(first, "proposeRotation", party, NEW.address, key)


def test_rotation_of_one_part_leaves_the_other(world: World) -> None:
    party, account, key = party_id("department"), world.department.address, thumbprint("department")
    world.rotate("department", account, thumbprint("new"))
    assert world.registry.call("isActive", account, DEPARTMENT)
    assert world.registry.call("accountRecord", account)[4] == 0
    world.rotate("department", NEW.address, thumbprint("new"))
    assert world.registry.call("isActiveKey", thumbprint("new"), DEPARTMENT)
    world.rotate("department", NEW.address, NO_KEY)
    assert world.registry.call("party", party)[5] == NO_KEY
    assert world.registry.call("keyHolder", key) == party
    assert world.registry.call("keyHolder", NO_KEY) == bytes(32)


def test_rotation_refuses_what_makes_no_sense(world: World) -> None:
    admin, party = world.admins[0], party_id("department")
    present = (world.department.address, thumbprint("department"))
    with refused("NothingToRotate", party):
        world.registry.send(admin, "proposeRotation", party, *present)
    with refused("AccountRequired", DEPARTMENT):
        world.registry.send(admin, "proposeRotation", party, NO_ACCOUNT, NO_KEY)
    with refused("AccountIsAdmin", admin.address):
        world.registry.send(admin, "proposeRotation", party, admin.address, NO_KEY)
    with refused("AccountTaken", world.operator.address, party_id("operator")):
        world.registry.send(admin, "proposeRotation", party, world.operator.address, NO_KEY)
    with refused("KeyTaken", thumbprint("insurer"), party_id("insurer")):
        world.registry.send(admin, "proposeRotation", party, NEW.address, thumbprint("insurer"))


def test_rotation_gives_an_entity_an_account_and_takes_it_away(world: World) -> None:
    world.rotate("insurer", NEW.address, thumbprint("insurer"))
    assert world.registry.call("isActive", NEW.address, ENTITY)
    world.rotate("insurer", NO_ACCOUNT, thumbprint("insurer"))
    assert not world.registry.call("isActive", NEW.address, ENTITY)
    assert world.registry.call("partyOf", NEW.address) == party_id("insurer")
    assert world.registry.call("partyOf", NO_ACCOUNT) == bytes(32)


def test_a_suspended_party_can_rotate_but_stays_suspended(world: World) -> None:
    first, second, _ = world.admins
    party = party_id("department")
    world.registry.send(first, "suspend", party)
    world.rotate("department", NEW.address, thumbprint("new"))
    assert not world.registry.call("isActive", NEW.address, DEPARTMENT)
    assert not world.registry.call("isActiveKey", thumbprint("new"), DEPARTMENT)
    world.registry.send(first, "proposeReinstatement", party)
    world.registry.send(second, "reinstate", party)
    assert world.registry.call("isActive", NEW.address, DEPARTMENT)
    assert not world.registry.call("isActive", world.department.address, DEPARTMENT)


def test_a_proposal_lapses_with_any_change_of_its_party(world: World) -> None:
    first, second, third = world.admins
    party = party_id("department")
    world.registry.send(first, "proposeRotation", party, NEW.address, NO_KEY)
    world.registry.send(third, "suspend", party)
    with refused("NotProposed"):
        world.registry.send(second, "rotate", party, NEW.address, NO_KEY)
    world.registry.send(first, "proposeReinstatement", party)
    world.rotate("department", NEW.address, NO_KEY)
    with refused("NotProposed"):
        world.registry.send(second, "reinstate", party)


def test_withdrawn_proposals_are_gone(world: World) -> None:
    first, second, third = world.admins
    proposal = world.registry.send(first, "propose", *admission()).value
    (event,) = world.registry.send(third, "withdraw", proposal).events
    assert (event.name, event.args) == ("ProposalWithdrawn", {"proposal": proposal, "admin": third.address})
    with refused("NotProposed", proposal):
        world.registry.send(second, "admit", *admission())
    with refused("NotProposed", proposal):
        world.registry.send(first, "withdraw", proposal)
    world.registry.send(first, "propose", *admission())
    world.registry.send(second, "admit", *admission())


def test_a_proposal_expires_and_is_made_anew(world: World) -> None:
    first, second, _ = world.admins
    registry, content, until = world.registry, admission(), GENESIS_TIME_S + PROPOSAL_LIFE_S
    proposal = registry.send(first, "propose", *content).value
    world.evm.at(until + 1)
    with refused("ProposalExpired", proposal, until):
        registry.send(second, "admit", *content)
    with refused("ProposalExpired", proposal, until):  # nor does the proposer learn anything else
        registry.send(first, "admit", *content)
    # The other one proposes now; so it is the first who confirms, up to the last second.
    registry.send(second, "propose", *content)
    world.evm.at(until + 1 + PROPOSAL_LIFE_S)
    with refused("SecondPersonRequired", second.address):
        registry.send(second, "admit", *content)
    registry.send(first, "admit", *content)
    assert registry.call("isActive", NEW.address, DEPARTMENT)


@pytest.mark.parametrize("act", ["reinstatement", "rotation"])
def test_reinstatement_and_rotation_expire_too(world: World, act: str) -> None:
    first, second, _ = world.admins
    party = party_id("department")
    world.registry.send(first, "suspend", party)
    if act == "reinstatement":
        propose, confirm, args = "proposeReinstatement", "reinstate", (party,)
    else:
        propose, confirm, args = "proposeRotation", "rotate", (party, NEW.address, NO_KEY)
    world.registry.send(first, propose, *args)
    world.evm.at(GENESIS_TIME_S + PROPOSAL_LIFE_S + 1)
    with refused("ProposalExpired"):
        world.registry.send(second, confirm, *args)
    assert world.registry.call("party", party)[2] == SUSPENDED


@pytest.mark.parametrize(
    ("role", "told"),
    [(DEPARTMENT, ("anchors",)), (ENTITY, ()), (REGULATOR, ("grants",)), (OPERATOR, ("grants", "log"))],
)
def test_the_contracts_are_told_of_every_change_at_once(world: World, role: int, told: tuple[str, ...]) -> None:
    first, second, _ = world.admins
    other = Signer("other account")

    def said(account: Signer) -> set[int]:
        every = {name: getattr(world, name).call("roleOf", account.address) for name in ("anchors", "grants", "log")}
        assert all(value == 0 for name, value in every.items() if name not in told)
        return {every[name] for name in told}

    yes, no = ({role}, {0}) if told else (set(), set())
    assert said(NEW) == no
    world.admit("new", role, NEW.address)
    assert said(NEW) == yes
    world.registry.send(first, "suspend", party_id("new"))
    assert said(NEW) == no
    world.rotate("new", other.address, NO_KEY)  # while suspended: neither may act
    assert (said(NEW), said(other)) == (no, no)
    world.registry.send(first, "proposeReinstatement", party_id("new"))
    world.registry.send(second, "reinstate", party_id("new"))
    assert (said(NEW), said(other)) == (no, yes)
    world.rotate("new", Signer("third account").address, NO_KEY)
    assert (said(other), said(Signer("third account"))) == (no, yes)


def test_nobody_but_the_registry_writes_roles(world: World) -> None:
    for book in (world.anchors, world.grants, world.log):
        assert book.call("registry") == world.registry.address
        for caller in (world.stranger, world.admins[0], world.operator, world.department):
            with refused("NotRegistry", caller.address):
                book.send(caller, "setRole", caller.address, OPERATOR)
