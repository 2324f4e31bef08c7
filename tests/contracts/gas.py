"""Gas of every operation, measured on py-evm, beside the figures it has to meet: `python -m tests.contracts.gas`.

Writes docs/gas.md; with `--check` it writes nothing. Exits with 1 where a row is worse than its figure, or the document
differs. Everything is made from fixed labels and seeds, so two runs give the same numbers.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_hash.auto import keccak

from tests.contracts.conftest import DEPARTMENT, ENTITY, NO_ACCOUNT, OPERATOR, World, deploy_world, party_id, thumbprint
from tests.contracts.harness import Signer
from tests.contracts.test_certificate_anchors import anchor_signature, revoke_signature
from tests.contracts.test_grants import Draft, change
from tests.contracts.test_receipt_log import restart, step

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "gas.md"
LEAVES = 1024
PAIRS = 41
LONGEST_STEP = 2048


HEAD = """\
# Gas

Made by `python -m tests.contracts.gas`; `--check` compares. py-evm, london rules, the committed artefacts (solc 0.8.29,
via IR, 10,000 runs). *Figure* is what was measured on prototypes before (the design's tables) and must not be exceeded;
a dash: nobody measured it. Gas costs nothing on these chains, but it bounds what a block can hold.
"""

NOTES = f"""\
## What to know about these figures

- Appends: {PAIRS} pairs of sizes, steps of 1 to {LONGEST_STEP:,} leaves, seeded. The prototype takes 52.9k, 58.6k and
  67.4k on the same pairs (median, near 10^3, 2^20 and 2^32). Its assembly for the hash of two nodes is the one block of
  assembly here, too: Solidity's own `sha256(abi.encodePacked(...))` copies its input twice; with it 57k near 2^20
  become 66.7k.
- Two figures for single revocations (45,663 and 28,563) are of a contract that cannot have checked anything: 21,000 for
  the transaction and 22,100 for a new word (5,000 for a used one) leave 2,563 for the call's data (some 850) and the
  event (some 1,500), and nothing for a cold read of 2,100. Here two are read: who calls, and how large the batch is.
  They are shown, not held.
- A department, regulator or operator is looked up in the contract's own storage, where PartyRegistry writes it in the
  transaction that changes it (`IRoleBook`); asking the registry each time took 3,000 more. Admissions pay for it.
- Only the log's present head is in storage. Earlier ones are events, found by their root (`chain/heads.py`); a slot for
  each took 22,100 more an append.
"""


@dataclass(frozen=True)
class Row:
    """One operation: what it takes, and what it may take (None where nobody measured it before)."""

    operation: str
    gas: float
    figure: float | None = None
    comparable: bool = True

    @property
    def worse(self) -> bool:
        return self.comparable and self.figure is not None and self.gas > self.figure


def sizes_near(base: int) -> Iterator[tuple[int, int]]:
    """Sizes before and after an append, near `base`, the same in every run."""
    rng = random.Random(base)
    for _ in range(PAIRS):
        old = base + rng.randrange(max(base // 16, 2))
        yield old, old + rng.randrange(1, LONGEST_STEP + 1)


def appends(world: World, base: int) -> list[int]:
    found = []
    for number, (old, new) in enumerate(sizes_near(base)):
        args = step(number, old, new)
        restart(world, old, args[1])
        found.append(world.log.send(world.operator, "append", *args).gas)
    return found


def longest_append(world: World) -> int:
    """The longest proof that a log of 2^20 leaves can need: every level has a node on the old tree's side."""
    args = step("longest", 2**20 - 1, 2**21 - 1)
    restart(world, 2**20 - 1, args[1])
    return world.log.send(world.operator, "append", *args).gas


def roots(label: str, count: int) -> list[bytes]:
    return [keccak(f"{label} {number}".encode()) for number in range(count)]


def log_rows(world: World) -> Iterator[Row]:
    for name, base, figure in (("10^3", 1000, 51_600), ("2^20", 2**20, 59_400), ("2^32", 2**32, 68_200)):
        taken = appends(world, base)
        yield Row(f"append near {name} leaves, median of {PAIRS}", statistics.median(taken), figure)
        yield Row(f"append near {name} leaves, the most of {PAIRS}", max(taken), 88_300)
    yield Row("append from 2^20 - 1 leaves, longest proof (21 nodes)", longest_append(world), 120_000)
    args = step("each", 2**20, 2**20 + 500)
    restart(world, 2**20, args[1])
    yield Row(
        "500 receipts under one checkpoint, each", world.log.send(world.operator, "append", *args).gas / 500, 3_411
    )


def anchor_rows(world: World) -> Iterator[Row]:
    anchors, department = world.anchors, world.department

    def anchor(count: int) -> float:
        return anchors.send(department, "anchor", roots(f"batch of {count}", count), [LEAVES] * count).gas / count

    def relayed(count: int) -> float:
        made, sizes = roots(f"relayed {count}", count), [LEAVES] * count
        signature = anchor_signature(world, department, department.address, made, sizes)
        return anchors.send(world.operator, "anchorFor", department.address, made, sizes, signature).gas / count

    yield Row("anchor 1 root", anchor(1), 49_583)
    for count, figure in ((10, 28_400), (50, 25_879), (100, 26_100)):
        yield Row(f"anchor {count} roots, each", anchor(count), figure)
    yield Row("anchor 1 root, relayed with the issuer's signature", relayed(1), 82_600)
    yield Row("anchor 10 roots, relayed, each", relayed(10), 30_000)
    yield from revoke_rows(world, *roots("batch of 10", 2))


def revoke_rows(world: World, root: bytes, other: bytes) -> Iterator[Row]:
    issuer = world.department.address

    def revoke(which: bytes, word: int, mask: int) -> int:
        return world.anchors.send(world.department, "revoke", which, word, mask).gas

    first, following = revoke(root, 0, 1), revoke(root, 0, 2)
    yield Row("revoke, first in its word", first, 51_400)
    yield Row("revoke, first in its word (contract without checks)", first, 45_663, comparable=False)
    yield Row("revoke, next in its word", following, 34_300)
    yield Row("revoke, next in its word (contract without checks)", following, 28_563, comparable=False)
    yield Row("revoke 255 more in the same word, at once", revoke(root, 0, 2**256 - 1), 34_700)
    yield Row("revoke 100 in one new word, each", revoke(other, 0, 2**100 - 1) / 100, 2_596)
    signature = revoke_signature(world, world.department, issuer, other, 1, 1)
    relayed = world.anchors.send(world.operator, "revokeFor", issuer, other, 1, 1, signature)
    yield Row("revoke, first in its word, relayed", relayed.gas)


def grant_rows(world: World) -> Iterator[Row]:
    draft = Draft()
    made = world.grants.send(world.operator, "register", draft.message, draft.sign(world))
    yield Row("grant", made.gas, 54_734)
    for name, status, seq, figure in (("pause", 2, 0, 37_100), ("resume", 1, 1, 37_200), ("revoke", 3, 2, 37_100)):
        yield Row(f"{name} a grant", change(world, made.value, status, seq).gas, figure)
    other = Draft(key=Signer("grant 2"))
    made = world.grants.send(world.operator, "register", other.message, other.sign(world))
    yield Row("suspend a grant", world.grants.send(world.regulator, "suspend", made.value, True).gas)
    yield Row("end a grant", world.grants.send(world.operator, "end", made.value).gas)


def party_rows(world: World) -> Iterator[Row]:
    for contract in (world.registry, world.anchors, world.grants, world.log):
        yield Row(f"create {contract.artifact.name}", contract.deploy_gas)
    first, second, _ = world.admins
    for label, role in (("department", DEPARTMENT), ("entity", ENTITY), ("operator", OPERATOR)):
        account = NO_ACCOUNT if role == ENTITY else Signer(f"gas {label}").address
        content = (party_id(f"gas {label}"), role, account, thumbprint(f"gas {label}"), bytes(32))
        article = "a" if label == "department" else "an"
        yield Row(f"propose {article} {label}", world.registry.send(first, "propose", *content).gas)
        yield Row(f"admit {article} {label}", world.registry.send(second, "admit", *content).gas)
    suspended = world.registry.send(first, "suspend", party_id("gas operator"))
    yield Row("suspend an operator", suspended.gas)


SECTIONS: Sequence[tuple[str, Callable[[World], Iterator[Row]]]] = (
    ("ReceiptLog", log_rows),
    ("CertificateAnchors", anchor_rows),
    ("Grants", grant_rows),
    ("PartyRegistry and creation", party_rows),
)


def measure() -> list[tuple[str, list[Row]]]:
    """Every section with its rows, each on a world of its own."""
    world = deploy_world()
    return [(title, list(rows(world.fork()))) for title, rows in SECTIONS]


def document(sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """The text of docs/gas.md."""
    lines = [HEAD]
    for title, rows in sections:
        lines += [f"## {title}", "", "| operation | gas | figure |", "|---|---|---|"]
        for row in rows:
            figure = "-" if row.figure is None else f"{row.figure:,.0f}"
            lines.append(f"| {row.operation} | {row.gas:,.0f} | {figure} |")
        lines.append("")
    lines.append(NOTES)
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.gas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    sections = measure()
    text = document(sections)
    worse = [row for _, rows in sections for row in rows if row.worse]
    for row in worse:
        sys.stderr.write(f"{row.operation}: {row.gas:,.0f} is more than {row.figure:,.0f}\n")
    if not options.check:
        DOCUMENT.write_text(text, encoding="utf-8")
    differs = DOCUMENT.read_text("utf-8") != text
    if differs:
        sys.stderr.write(f"{DOCUMENT.name} differs\n")
    return 1 if worse or differs else 0


if __name__ == "__main__":
    raise SystemExit(main())
