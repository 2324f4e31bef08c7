"""What the demo's steps share: the stage, the people asked, and ways to act, to wait and to expect."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from api.demo import flow
from api.demo.city import City
from api.demo.files import ExpectedFile
from api.demo.flow import Asked, Envelope, Town
from api.demo.leaks import Leak
from api.demo.parties import DemoParty
from api.demo.people import Person
from api.errors import ApiError

CLIENTS = 8
ANCHOR_WAIT_S = 120.0
CLAIM: flow.Items = (
    ("person.driving_licence", "licence_class", True),
    ("person.driving_licence", "valid_until", True),
    ("person.driving_licence", "name", False),
    ("person.driving_licence", "id_number", False),
)


class StepFailedError(Exception):
    """A step did not hold; the message says what was expected and what came."""


@dataclass(slots=True)
class Story:
    """One entity asking one person, and what comes of it."""

    person: Person
    entity: DemoParty
    purpose: str
    items: flow.Items
    formats: Sequence[str]
    asked: Asked | None = None
    grant: str = ""
    pulled: dict[str, Envelope] = field(default_factory=dict)


@dataclass(slots=True)
class Demo:
    """What the steps share. `others` are people with a driving licence whom nobody has asked anything."""

    town: Town
    folder: Path
    rpc_url: str
    city: City
    files: list[ExpectedFile]
    stories: list[Story]
    others: list[Person]
    bar: Progress
    leaked: list[Leak] = field(default_factory=list)
    returned: dict[str, str] = field(default_factory=dict)


@contextmanager
def progress(demo: Demo, text: str, total: int) -> Iterator[Callable[[int], None]]:
    """A line of the progress bar; call what it gives with what was done."""
    task = demo.bar.add_task(text, total=total)

    def advance(count: int) -> None:
        demo.bar.advance(task, count)

    yield advance


def expect(holds: bool, text: str) -> None:
    """Raise `StepFailedError` with `text` unless it holds."""
    if not holds:
        raise StepFailedError(text)


def refusal_of(act: Callable[[], object]) -> str:
    """The code with which something is refused; "served" if it is not."""
    try:
        act()
    except ApiError as error:
        return error.code
    return "served"


def each(demo: Demo, text: str, items: Sequence[Any], act: Callable[[Any], Any]) -> list[Any]:
    """Do something for each item with eight callers at once, as a city would."""
    with progress(demo, text, len(items)) as advance, ThreadPoolExecutor(CLIENTS) as pool:
        done = []
        for result in pool.map(act, items):
            done.append(result)
            advance(1)
    return done
