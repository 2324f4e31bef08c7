"""What a refused submission wrote is gone, whichever way it wrote; the others of its group stay."""

import threading

import pytest
from sqlalchemy import delete, insert, select

from api.errors import ApiError, Kind
from api.store import Session, read_only
from api.store.database import connected
from api.store.log_writer import LogWriter, Numberer
from api.store.tables import SignatureNonce
from tests.store.world import World


def seen(world: World) -> set[str]:
    with read_only(world.db) as session:
        return set(session.execute(select(SignatureNonce.nonce)).scalars())


def row(name: str) -> dict[str, object]:
    return {"key_thumbprint": "k", "nonce": name, "expires_at_ms": 9}


@pytest.mark.parametrize("by_session", [True, False])
def test_a_refusal_leaves_nothing(world: World, writer: LogWriter, by_session: bool) -> None:
    def work(session: Session, _: Numberer) -> None:
        (session if by_session else connected(session)).execute(insert(SignatureNonce).values(row("refused")))
        raise ApiError("pull.grant_ended", Kind.FORBIDDEN)

    with pytest.raises(ApiError):
        writer.submit(work)
    assert seen(world) == set()


def test_a_refusal_takes_nothing_of_the_others_in_its_group(world: World, writer: LogWriter) -> None:
    held = threading.Event()

    def slow(session: Session, _: Numberer) -> None:
        held.wait(60)
        connected(session).execute(insert(SignatureNonce).values(row("first")))

    def refused(session: Session, _: Numberer) -> None:
        connected(session).execute(insert(SignatureNonce).values(row("refused")))
        connected(session).execute(delete(SignatureNonce).where(SignatureNonce.nonce == "first"))
        raise ApiError("pull.grant_ended", Kind.FORBIDDEN)

    def last(session: Session, _: Numberer) -> None:
        connected(session).execute(insert(SignatureNonce).values(row("last")))

    outcomes: list[str] = []

    def submit(work: object) -> None:
        try:
            writer.submit(work)  # type: ignore[arg-type]
        except ApiError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=submit, args=(work,)) for work in (slow, refused, last)]
    for thread in threads:
        thread.start()
        # The order in which they stand in line.
        thread.join(0.2)
    held.set()
    for thread in threads:
        thread.join(60)
    assert outcomes == ["pull.grant_ended"]
    assert seen(world) == {"first", "last"}
