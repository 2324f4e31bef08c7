"""ReceiptLog: the chain accepts a head only with a consistency proof from the one before."""

import hashlib
import itertools
import random

import pytest

from chain.errors import ProofError
from chain.merkle import EMPTY_ROOT, consistency_proof, node_hash, tree_head, verify_consistency
from tests.contracts.conftest import NO_ACCOUNT, PROPOSAL_LIFE_S, World, party_id
from tests.contracts.harness import GENESIS_TIME_S, Evm, Signer, refused


class Oracle:
    """A tree of any size: a perfect subtree's hash is made up, unless a size of interest cuts through it."""

    def __init__(self, seed: object, *cuts: int) -> None:
        self.seed, self.cuts = seed, cuts

    def __call__(self, level: int, index: int) -> bytes:
        if any(index << level < cut < (index + 1) << level for cut in self.cuts):
            return node_hash(self(level - 1, 2 * index), self(level - 1, 2 * index + 1))
        return hashlib.sha256(f"{self.seed} {level} {index}".encode()).digest()


def step(seed: object, old: int, new: int) -> tuple[int, bytes, int, bytes, list[bytes]]:
    """The arguments of an honest append from `old` to `new` leaves."""
    node = Oracle(seed, old, new)
    return old, tree_head(node, old), new, tree_head(node, new), consistency_proof(node, old, new)


def agrees(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> bool:
    """What the Python verifier says."""
    try:
        verify_consistency(old, old_root, new, new_root, proof)
    except ProofError:
        return False
    return True


def restart(world: World, size: int, root: bytes) -> None:
    """Two administrators set the head."""
    for admin in world.admins[:2]:
        world.log.send(admin, "startEpoch", size, root)


def test_a_new_log_is_empty(world: World) -> None:
    assert world.log.call("head") == (0, EMPTY_ROOT, 1, GENESIS_TIME_S)
    assert world.log.call("registry") == world.registry.address


def test_a_growing_log(world: World) -> None:
    sizes = [0, 1, 2, 3, 7, 8, 9, 64, 100, 1000, 1024, 1025]
    node = Oracle("growing", *sizes)
    for number, (old, new) in enumerate(itertools.pairwise(sizes), 1):
        world.evm.at(GENESIS_TIME_S + number)
        proof = consistency_proof(node, old, new)
        outcome = world.log.send(world.operator, "append", old, tree_head(node, old), new, tree_head(node, new), proof)
        (event,) = outcome.events
        assert event.name == "CheckpointAppended"
        assert event.args == {"root": tree_head(node, new), "size": new, "epoch": 1}
        assert world.log.call("head") == (new, tree_head(node, new), 1, GENESIS_TIME_S + number)


def test_only_active_operators_append(world: World) -> None:
    args = step("x", 0, 4)
    for caller in (world.department, world.regulator, world.admins[0], world.stranger):
        with refused("NotOperator", caller.address):
            world.log.send(caller, "append", *args)
    world.registry.send(world.admins[0], "suspend", party_id("operator"))
    with refused("NotOperator", world.operator.address):
        world.log.send(world.operator, "append", *args)


def test_a_stale_head_is_refused(world: World) -> None:
    first, second = step("x", 0, 4), step("x", 4, 9)
    with refused("StaleHead", 0, EMPTY_ROOT):
        world.log.send(world.operator, "append", *second)
    world.log.send(world.operator, "append", *first)
    head = (4, first[3])
    with refused("StaleHead", *head):
        world.log.send(world.operator, "append", *first)
    with refused("StaleHead", *head):  # right size, another history
        world.log.send(world.operator, "append", *step("fork", 4, 9))
    with refused("StaleHead", *head):  # right root, another size
        world.log.send(world.operator, "append", 5, *second[1:])
    world.log.send(world.operator, "append", *second)


def test_a_log_only_grows(world: World) -> None:
    old, old_root, new, new_root, proof = step("x", 5, 9)
    restart(world, old, old_root)
    for size in (0, 4, 5):
        with refused("NotAdvancing", 5, size):
            world.log.send(world.operator, "append", old, old_root, size, new_root, proof)
    with refused("NotAdvancing", 5, 5):
        world.log.send(world.operator, "append", old, old_root, old, old_root, [])
    world.log.send(world.operator, "append", old, old_root, new, new_root, proof)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 8), (1000, 1024), (2**20 - 1, 2**20 + 5)])
def test_a_rewritten_log_is_refused(world: World, old: int, new: int) -> None:
    """Every element changed, one dropped, doubled, swapped or added: none is accepted, and the head stays."""
    _, old_root, _, new_root, proof = step("x", old, new)
    restart(world, old, old_root)
    junk = hashlib.sha256(b"junk").digest()
    bad = [([*proof[:i], junk, *proof[i + 1 :]], new_root) for i in range(len(proof))]
    bad += [(proof[:i] + proof[i + 1 :], new_root) for i in range(len(proof))]
    bad += [(proof[: i + 1] + proof[i:], new_root) for i in range(len(proof))]
    bad += [(proof[::-1], new_root)] if len(proof) > 1 else []
    bad += [([*proof, junk], new_root), ([junk, *proof], new_root), ([], new_root)]
    bad += [
        (proof, junk),
        (proof, old_root),
        (proof, bytes(32)),
        (step("fork", old, new)[4], step("fork", old, new)[3]),
    ]
    for attempt, claimed in bad:
        with refused("InconsistentProof"):
            world.log.send(world.operator, "append", old, old_root, new, claimed, attempt)
    assert world.log.call("head")[:2] == (old, old_root)
    world.log.send(world.operator, "append", old, old_root, new, new_root, proof)


def test_a_proof_ends_where_its_sizes_say(world: World) -> None:
    """Too short or too long for the claimed size, yet with hashes that fit: only the count of levels refuses it."""
    _, old_root, _, new_root, proof = step("short", 4, 6)
    assert world.log.call("isConsistent", 4, old_root, 6, new_root, proof)
    for size in (6 << 10, 2**63, 2**64 - 1):
        assert not world.log.call("isConsistent", 4, old_root, size, new_root, proof)

    # One level deeper than six leaves have: the last of them stands where its parent belongs.
    node, forged = Oracle("long", 4, 5), hashlib.sha256(b"forged").digest()
    left, fifth, sixth = node(2, 0), node(0, 4), node(0, 5)
    old_root = node_hash(left, node_hash(fifth, sixth))
    new_root = node_hash(left, node_hash(fifth, node_hash(sixth, forged)))
    long = [sixth, forged, fifth, left]
    assert not world.log.call("isConsistent", 6, old_root, 7, new_root, long)
    assert not agrees(6, old_root, 7, new_root, long)


def test_equal_sizes_need_equal_roots_and_no_proof(world: World) -> None:
    _, old_root, _, new_root, proof = step("equal", 5, 9)
    for args, expected in (
        ((5, old_root, 5, old_root, []), True),
        ((0, EMPTY_ROOT, 0, EMPTY_ROOT, []), True),
        ((5, old_root, 5, old_root, proof), False),
        ((5, old_root, 5, new_root, []), False),
        ((9, new_root, 5, old_root, []), False),
    ):
        assert world.log.call("isConsistent", *args) is agrees(*args) is expected


def test_a_first_append_takes_no_proof(world: World) -> None:
    root = hashlib.sha256(b"root").digest()
    with refused("InconsistentProof"):
        world.log.send(world.operator, "append", 0, EMPTY_ROOT, 5, root, [root])
    world.log.send(world.operator, "append", 0, EMPTY_ROOT, 5, root, [])


def test_a_wrong_size_can_jam_and_a_new_epoch_is_the_way_out(world: World) -> None:
    node = Oracle("x", 4, 6, 7, 8)
    heads = {size: tree_head(node, size) for size in (4, 6, 7, 8)}
    first, second, third = world.admins
    world.log.send(world.operator, "append", 0, EMPTY_ROOT, 4, heads[4], [])
    # From 4 to 6 leaves, claimed to be 8: the same proof fits, as RFC 6962 does not bind the new size.
    world.log.send(world.operator, "append", 4, heads[4], 8, heads[6], consistency_proof(node, 4, 6))
    with refused("InconsistentProof"):
        world.log.send(world.operator, "append", 8, heads[6], 9, heads[8], consistency_proof(node, 6, 8))

    (event,) = world.log.send(first, "startEpoch", 6, heads[6]).events
    assert event.name == "EpochProposed"
    until = GENESIS_TIME_S + PROPOSAL_LIFE_S
    assert event.args == {"epoch": 2, "size": 6, "root": heads[6], "proposer": first.address, "until": until}
    assert world.log.call("head")[0] == 8
    with refused("SecondPersonRequired", first.address):
        world.log.send(first, "startEpoch", 6, heads[6])
    world.log.send(third, "startEpoch", 7, heads[7])  # another proposal, which lapses below
    world.evm.at(GENESIS_TIME_S + 3)
    (event,) = world.log.send(second, "startEpoch", 6, heads[6]).events
    assert event.name == "EpochStarted"
    assert event.args == {
        "epoch": 2,
        "size": 6,
        "root": heads[6],
        "proposer": first.address,
        "approver": second.address,
    }
    assert world.log.call("head") == (6, heads[6], 2, GENESIS_TIME_S + 3)
    (event,) = world.log.send(first, "startEpoch", 7, heads[7]).events
    assert (event.name, event.args["epoch"]) == ("EpochProposed", 3)

    world.log.send(world.operator, "append", 6, heads[6], 8, heads[8], consistency_proof(node, 6, 8))
    assert world.log.call("head")[:3] == (8, heads[8], 2)


def test_a_proposed_epoch_expires(world: World) -> None:
    first, second, _ = world.admins
    root = hashlib.sha256(b"root").digest()
    world.log.send(first, "startEpoch", 5, root)
    world.evm.at(GENESIS_TIME_S + PROPOSAL_LIFE_S + 1)
    (event,) = world.log.send(second, "startEpoch", 5, root).events
    assert (event.name, event.args["proposer"]) == ("EpochProposed", second.address)  # anew, and by another
    with refused("SecondPersonRequired", second.address):
        world.log.send(second, "startEpoch", 5, root)
    world.evm.at(GENESIS_TIME_S + 2 * PROPOSAL_LIFE_S + 1)
    (event,) = world.log.send(first, "startEpoch", 5, root).events
    assert event.name == "EpochStarted"


def test_only_administrators_start_epochs(world: World) -> None:
    root = hashlib.sha256(b"root").digest()
    for caller in (world.operator, world.regulator, world.stranger):
        with refused("NotAdmin", caller.address):
            world.log.send(caller, "startEpoch", 5, root)
    for size, head in ((0, root), (5, EMPTY_ROOT), (5, bytes(32)), (0, bytes(32))):
        with refused("InvalidHead", size, head):
            world.log.send(world.admins[0], "startEpoch", size, head)
    restart(world, 5, root)
    restart(world, 0, EMPTY_ROOT)
    assert world.log.call("head")[:3] == (0, EMPTY_ROOT, 3)


def test_a_registry_that_is_no_contract_is_refused_in_use() -> None:
    evm = Evm()
    log = evm.deploy("ReceiptLog", Signer("deployer"), NO_ACCOUNT)
    with refused(""):
        log.call("startEpoch", 1, bytes(range(32)))
    with refused("NotOperator"):
        log.call("append", *step("x", 0, 1))


@pytest.mark.parametrize("rounds", [15, pytest.param(40, marks=pytest.mark.slow)])
def test_python_and_solidity_agree_on_random_pairs_and_mutations(world: World, rounds: int) -> None:
    """Sizes up to 2**63, honest proofs and mutated ones; both must say the same, and both must say both."""
    rng = random.Random(rounds)
    said = {True: 0, False: 0}

    def compare(*args: object) -> None:
        ours = agrees(*args)
        assert world.log.call("isConsistent", *args) is ours, args
        said[ours] += 1

    for number in range(rounds):
        limit = 1 << rng.randrange(2, 63)
        old, new = sorted(rng.sample(range(limit + 1), 2))
        if number % 6 == 0:
            old = 1 << rng.randrange(0, max(new.bit_length() - 1, 1))  # a perfect tree has another form of proof
        old, old_root, new, new_root, proof = step(number, old, new)
        compare(old, old_root, new, new_root, proof)
        at = rng.randrange(len(proof)) if proof else 0
        flipped = [bytes([h[0] ^ 1 << rng.randrange(8)]) + h[1:] if i == at else h for i, h in enumerate(proof)]
        compare(old, old_root, new, new_root, flipped if proof else [new_root])
        compare(old, old_root, new, new_root, proof[:at] + proof[at + 1 :] if proof else [old_root])
        compare(old, old_root, new, new_root, [*proof, new_root])
        compare(old, old_root, new + rng.choice((-1, 1)), new_root, proof)
        compare(max(old - 1, 0), old_root, new, new_root, proof)
        compare(old + 1, old_root, new, new_root, proof)
        compare(old, new_root, new, old_root, proof)
        compare(new, old_root, old, new_root, proof)
        compare(rng.randrange(limit), old_root, rng.randrange(limit), new_root, proof)
    assert said[True] >= rounds
    assert said[False] >= 6 * rounds


@pytest.mark.slow
def test_python_and_solidity_agree_on_all_small_trees(world: World) -> None:
    """Every pair of sizes up to 20, each under the right sizes and all claims near them."""
    for new in range(20):
        for old in range(new + 1):
            _, old_root, _, new_root, proof = step("small", old, new)
            assert world.log.call("isConsistent", old, old_root, new, new_root, proof)
            for claimed in {(old, new + 1), (old, max(new - 1, 0)), (old + 1, new), (max(old - 1, 0), new)}:
                args = (claimed[0], old_root, claimed[1], new_root, proof)
                assert world.log.call("isConsistent", *args) is agrees(*args), args


@pytest.mark.parametrize(
    ("old", "new", "ceiling"),
    [(1000, 1050, 90_000), (2**20 - 1, 2**21 - 1, 120_000), (2**20, 2**20 + 500, 100_000)],
)
def test_gas_of_an_append_is_bounded(world: World, old: int, new: int, ceiling: int) -> None:
    args = step("gas", old, new)
    restart(world, old, args[1])
    assert world.log.send(world.operator, "append", *args).gas < ceiling
