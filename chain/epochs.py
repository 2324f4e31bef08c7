"""What the receipt of an epoch's opening says: which key marks copies from now on, by its hash; docs/formats.md.

Codes, layouts and tags of all copies follow from an epoch's key. Its hash stands in the log before the first copy does,
so that neither can be chosen after a leak.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chain.canonical import Json
from chain.grantmsg import HASH_BYTES
from chain.strict import Fields, hex0x

OPENED = "opened"
ID_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Opening:
    """An epoch's id and number (from 1), the hash of its key (32 bytes), when it opened, and the epoch that it ends."""

    epoch: str
    seq: int
    key_sha256: bytes
    at_ms: int
    after: str | None

    def to_json(self) -> dict[str, Json]:
        """The details document."""
        return {
            "act": OPENED,
            "epoch": self.epoch,
            "seq": self.seq,
            "key_sha256": hex0x(self.key_sha256),
            "at_ms": self.at_ms,
            "after": self.after,
        }


def parse_opening(details: Mapping[str, Json], pointer: str) -> Opening:
    """Read the details of an epoch's receipt. Raises `FormatError`."""
    fields = Fields(details, pointer)
    fields.text("act", choices=(OPENED,))
    opening = Opening(
        fields.text("epoch", limit=ID_LIMIT),
        fields.integer("seq", 1),
        fields.hex("key_sha256", HASH_BYTES),
        fields.integer("at_ms"),
        fields.text_or_none("after", limit=ID_LIMIT),
    )
    fields.done()
    return opening
