"""Contracts written in EVM instructions, so that the engines are tested without a compiler.

`RECORDER` does by the size of its input: 0 bytes, return slot 0; 32 bytes, store the word in slot 0 and emit
`LOG2(topic0=RECORDED, topic1=word, data=word)`; anything else, revert with the input as revert data.
`CLOCK` returns its block's time and number. `SPINNER` never ends. `DIVER` calls itself with all its gas.
`FORWARDER` calls another contract: the first word of its input is the callee, the rest the callee's input.
"""

from eth_hash.auto import keccak

RECORDED = keccak(b"Recorded(uint256,uint256)")

_OPCODES = {
    "STOP": 0x00, "EQ": 0x14, "ISZERO": 0x15, "SUB": 0x03, "CALLDATALOAD": 0x35, "CALLDATASIZE": 0x36,
    "CALLDATACOPY": 0x37, "CODECOPY": 0x39, "RETURNDATASIZE": 0x3D, "TIMESTAMP": 0x42, "NUMBER": 0x43, "MSTORE": 0x52,
    "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56, "JUMPI": 0x57, "GAS": 0x5A, "JUMPDEST": 0x5B, "DUP1": 0x80,
    "ADDRESS": 0x30, "LOG2": 0xA2, "CALL": 0xF1, "RETURN": 0xF3, "REVERT": 0xFD, "POP": 0x50,
}  # fmt: skip


def assemble(source: str) -> bytes:
    """EVM code from words: an opcode, hexadecimal bytes to push, `:name` for a label, `@name` to push it."""
    code = bytearray()
    labels: dict[str, int] = {}
    holes: list[tuple[int, str]] = []
    for word in source.split():
        if word.startswith(":"):
            labels[word[1:]] = len(code)
            code.append(_OPCODES["JUMPDEST"])
        elif word.startswith("@"):
            holes.append((len(code) + 1, word[1:]))
            code += bytes([0x60, 0])
        elif word in _OPCODES:
            code.append(_OPCODES[word])
        else:
            number = bytes.fromhex(word)
            code += bytes([0x5F + len(number)]) + number
    for position, name in holes:
        code[position] = labels[name]
    return bytes(code)


_HEAD_BYTES = 11


def deployment(runtime: bytes) -> bytes:
    """Init code that returns `runtime`."""
    assert len(runtime) < 256
    return assemble(f"{len(runtime):02x} DUP1 {_HEAD_BYTES:02x} 00 CODECOPY 00 RETURN") + runtime


RECORDER = deployment(
    assemble(
        f"""
        CALLDATASIZE ISZERO @read JUMPI
        CALLDATASIZE 20 EQ @write JUMPI
        CALLDATASIZE 00 00 CALLDATACOPY CALLDATASIZE 00 REVERT
        :read 00 SLOAD 00 MSTORE 20 00 RETURN
        :write 00 CALLDATALOAD DUP1 00 SSTORE DUP1 00 MSTORE {RECORDED.hex()} 20 00 LOG2 STOP
        """
    )
)
CLOCK = deployment(assemble("TIMESTAMP 00 MSTORE NUMBER 20 MSTORE 40 00 RETURN"))
SPINNER = deployment(assemble(":again @again JUMP"))
DIVER = deployment(assemble("00 00 00 00 00 ADDRESS GAS CALL 00 SSTORE STOP"))
FORWARDER = deployment(
    assemble(
        """
        20 CALLDATASIZE SUB 20 00 CALLDATACOPY
        00 00 20 CALLDATASIZE SUB 00 00 00 CALLDATALOAD GAS CALL
        @done JUMPI 00 00 REVERT :done STOP
        """
    )
)


def word(number: int) -> bytes:
    """A 32-byte word."""
    return number.to_bytes(32, "big")
