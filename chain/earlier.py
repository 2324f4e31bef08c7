"""A receipt that stood in the log before another one, as evidence carries it beside that other.

A passkey's registration and the opening of an epoch of marking keys are such: what they fix was fixed beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from chain.canonical import SALT_BYTES, Json
from chain.grantmsg import HASH_BYTES, UINT40_MAX
from chain.merkle import PROOF_LIMIT
from chain.receipt import PROMISE_BYTES, RECEIPT_SCHEMA, ReceiptKind, receipt_leaf
from chain.strict import Fields, hex0x

MEMBER_LIMIT = 16


@dataclass(frozen=True, slots=True)
class EarlierReceipt:
    """A receipt of `kind`, and its inclusion proof under the bundle's own checkpoint.

    `proof` is empty where the bundle has no checkpoint yet.
    """

    kind: ReceiptKind
    log: str
    number: int
    time_s: int
    commitment: bytes
    details: Mapping[str, Json]
    salt: bytes
    promise: bytes
    proof: tuple[bytes, ...] = ()

    def leaf(self) -> Mapping[str, Json]:
        """The leaf document."""
        return receipt_leaf(self.kind, self.log, self.number, self.time_s, self.commitment)

    def to_json(self) -> dict[str, Json]:
        """The member of the bundle."""
        return {
            "leaf": self.leaf(),
            "details": self.details,
            "salt": hex0x(self.salt),
            "promise": hex0x(self.promise),
            "proof": [hex0x(node) for node in self.proof],
        }


def parse_earlier(fields: Fields, kind: ReceiptKind) -> EarlierReceipt:
    """Read such a member strictly; it must be of `kind`. Raises `FormatError`."""
    leaf = fields.fields("leaf")
    leaf.schema(RECEIPT_SCHEMA)
    leaf.text("kind", choices=(kind,))
    log, number, time_s = leaf.text("log", limit=64), leaf.integer("number"), leaf.integer("time", 0, UINT40_MAX)
    commitment = leaf.hex("commitment", HASH_BYTES)
    leaf.done()
    earlier = EarlierReceipt(
        kind,
        log,
        number,
        time_s,
        commitment,
        cast("dict[str, Json]", fields.mapping("details", MEMBER_LIMIT)),
        fields.hex("salt", SALT_BYTES),
        fields.hex("promise", PROMISE_BYTES),
        fields.hex_array("proof", HASH_BYTES, PROOF_LIMIT),
    )
    fields.done()
    return earlier
