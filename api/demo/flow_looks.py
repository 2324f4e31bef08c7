"""Who looked, over HTTP: footprints, cases, notices, masked lines."""

from typing import Any

from api.demo.client import Person


def footprints_of(person: Person, **wanted: str | int) -> list[dict[str, Any]]:
    """All lines of who looked at a person's data, newest first; `wanted` filters them."""
    found: list[dict[str, Any]] = []
    more: dict[str, str | int] = {}
    while True:
        page = person.get("/v1/footprints", **wanted, **more)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        more = {"cursor": page["next_cursor"]}


def contest(person: Person, reason: str, *, receipt: str = "", grant: str = "", access: str = "") -> dict[str, Any]:
    """This was not me: a line, a consent or a masked line."""
    named = {"receipt": receipt, "grant": grant, "access": access}
    body = {"reason": reason, **{name: value for name, value in named.items() if value}}
    opened: dict[str, Any] = person.post("/v1/cases", body)
    return opened


def move_case(who: Person, case: str, move: str) -> dict[str, Any]:
    """`withdraw` by the holder, `review` by a regulator."""
    moved: dict[str, Any] = who.post(f"/v1/cases/{case}/{move}")
    return moved


def decide_case(regulator: Person, case: str, outcome: str, text: str) -> dict[str, Any]:
    """A regulator's decision on a case under review: `upheld` or `dismissed`, and why."""
    decided: dict[str, Any] = regulator.post(f"/v1/cases/{case}/decision", {"outcome": outcome, "text": text})
    return decided


def notices_of(who: Person) -> list[dict[str, Any]]:
    """The newest notices of whoever is signed in."""
    items: list[dict[str, Any]] = who.get("/v1/notifications")["items"]
    return items


def release_line(regulator: Person, access: str) -> dict[str, Any]:
    """Show a masked line to the person concerned before its day."""
    released: dict[str, Any] = regulator.post(f"/v1/masks/{access}/release")
    return released
