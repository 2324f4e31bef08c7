"""Writes the golden vectors beside this file: `python -m tests.vectors.make`.

Each case says beforehand what every step that is not plainly well must answer; the writer refuses to write a vector
whose verdict is another. A test compares the files with what this writes now, and evaluates the files themselves.
"""

import json
from pathlib import Path

from tests.vectors.cases import Vector, check, invalid
from tests.vectors.consents import grant_cases, passkey_cases
from tests.vectors.deliveries import (
    certificate_cases,
    deletion_cases,
    good_cases,
    receipt_cases,
    silence_cases,
    trust_cases,
)
from tests.vectors.epochs import epoch_cases
from tests.vectors.rare import rare_cases
from tests.vectors.witnesses import witness_cases

HERE = Path(__file__).parent


def all_vectors() -> list[Vector]:
    """Every case, with the format errors of those that are not even read."""
    vectors = [
        vector
        for group in (
            good_cases,
            certificate_cases,
            trust_cases,
            grant_cases,
            passkey_cases,
            receipt_cases,
            deletion_cases,
            silence_cases,
            witness_cases,
            epoch_cases,
            rare_cases,
        )
        for vector in group()
    ]
    for vector in vectors:
        if vector.name == "bundle_names_its_own_trust":
            vector.format_error = "chain.format.unknown_key"
        if vector.name == "key_given_twice":
            vector.name, vector.format_error = "certificate_without_fields", "chain.format.length"
        if vector.name == "department_admitted_by_a_former_admin":
            # The recipient was admitted by the same two.
            vector.findings[19] = invalid("recipient_admitted_by_others")
    return vectors


def write(vector: Vector) -> str:
    """The file's text: one line a member, and the same on every run."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'), sort_keys=True)}"
        for name, value in sorted(vector.to_json().items())
    )
    return "{" + ",\n ".join(lines) + "}\n"


def main() -> None:
    """Write every vector, after checking that its verdict is the expected one."""
    for old in HERE.glob("*.json"):
        old.unlink()
    for vector in all_vectors():
        try:
            check(vector.to_json())
        except AssertionError as error:
            raise SystemExit(f"{vector.name}: {error}") from error
        (HERE / f"{vector.name}.json").write_text(write(vector), "utf-8")


if __name__ == "__main__":
    main()
