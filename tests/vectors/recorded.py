"""A view of a chain made of plain data, as it stands in a vector."""

from collections.abc import Mapping
from typing import Any

from chain.errors import NodeError, RpcReason
from chain.grantmsg import GrantStatus
from chain.strict import hex0x
from chain.verdict import (
    Admission,
    AnchorRecord,
    BlockTime,
    CheckpointRecord,
    GrantRecord,
    PartyRecord,
    Role,
    Tenure,
)


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


class RecordedView:
    """`ChainView` over a JSON object; methods named in `silent` fail as a node does that does not answer."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.asked: list[str] = []

    def _ask(self, name: str) -> Any:
        self.asked.append(name)
        if name in self.data["silent"]:
            raise NodeError(RpcReason.TIMED_OUT)
        return self.data[name]

    def block(self) -> BlockTime:
        return BlockTime(*self._ask("block"))

    def chain_id(self) -> int:
        return int(self._ask("chain_id"))

    def genesis_hash(self) -> bytes:
        return _raw(self._ask("genesis_hash"))

    def code_hash(self, address: bytes) -> bytes:
        return _raw(self._ask("code_hash")[hex0x(address)])

    def account(self, address: bytes) -> Tenure | None:
        return _tenure(self._ask("account").get(hex0x(address)))

    def key(self, thumbprint: bytes) -> Tenure | None:
        return _tenure(self._ask("key").get(hex0x(thumbprint)))

    def party(self, party_id: bytes) -> PartyRecord | None:
        found = self._ask("party").get(hex0x(party_id))
        return found and PartyRecord(Role(found["role"]), found["suspended"], found["admitted_at"])

    def admission(self, party_id: bytes) -> Admission | None:
        found = self._ask("admission").get(hex0x(party_id))
        return found and Admission(_raw(found[0]), _raw(found[1]))

    def anchor(self, issuer: bytes, root: bytes) -> AnchorRecord | None:
        found = self._ask("anchor").get(f"{hex0x(issuer)}/{hex0x(root)}")
        return found and AnchorRecord(*found)

    def is_revoked(self, issuer: bytes, root: bytes, index: int) -> bool:
        return f"{hex0x(issuer)}/{hex0x(root)}/{index}" in self._ask("is_revoked")

    def grant(self, digest: bytes) -> GrantRecord | None:
        found = self._ask("grant").get(hex0x(digest))
        return found and GrantRecord(
            _raw(found["key"]),
            found["not_before"],
            found["not_after"],
            GrantStatus(found["status"]),
            found["suspended"],
            found["seq"],
        )

    def checkpoint(self, size: int, root: bytes) -> CheckpointRecord | None:
        found = self._ask("checkpoint").get(f"{size}/{hex0x(root)}")
        return found and CheckpointRecord(*found)

    def log_head(self) -> CheckpointRecord:
        return CheckpointRecord(*self._ask("log_head"))


def _tenure(found: dict[str, Any] | None) -> Tenure | None:
    return found and Tenure(_raw(found["party"]), found["since"], found["until"])
