"""Sends generated cases as one caller, and keeps what was wrong; the same cases for the same seed."""

import hashlib
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests import PreparedRequest, Response
from schemathesis import Case as AnyCase
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from api.http.description import DELIVERY
from tests.api.things import Things
from tests.fuzz import answers
from tests.fuzz.actors import TIMEOUT_S, Actor
from tests.fuzz.answers import Personal
from tests.fuzz.pool import HOSTILE, Pool
from tests.town import Service, small_city

Case: TypeAlias = AnyCase[Any]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

SEED = 20261123
ENDS_SESSION = {"DELETE /v1/sessions/current", "POST /v1/sessions", "POST /v1/sessions/current/acting"}
LOGIN = {"POST /v1/sessions", "POST /v1/sessions/passkey"}
NO_SESSION = {"GET /v1/sessions/current", "POST /v1/sessions/current/acting"}
BY_NUMBER = {"POST /v1/statutory-accesses", "POST /v1/counter/visits", "GET /v1/counter/visits/{visit_id}"}


@dataclass
class Tally:
    """What was sent by whom, how it was answered, and what was wrong: the first example of each kind."""

    cases: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.cases.values())

    def note(self, actor: str, label: str, finding: str, example: str) -> None:
        key = f"{label} | {finding}"
        self.times[key] += 1
        self.wrong.setdefault(key, f"{actor}: {example}")

    def told(self) -> str:
        by_role = ", ".join(f"{name} {count}" for name, count in self.cases.items())
        by_status = ", ".join(f"{status} {count}" for status, count in sorted(self.answered.items()))
        return f"{self.total} cases: {by_role}; answers: {by_status}"

    def report(self) -> str:
        return "\n".join(f"{self.times[key]}× {key}\n      {example}" for key, example in self.wrong.items())


class Interface:
    """What a service says of itself: its operations, and the words that it tells everybody."""

    def __init__(self, service: Service) -> None:
        document = requests.get(f"{service.url}/v1/openapi.json", timeout=TIMEOUT_S).json()
        for operation in operations_of(document):
            # Who asks is the actor's to say; generated credentials would only be thrown away.
            operation.pop("security", None)
        schema = schemathesis.openapi.from_dict(document)
        self.operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        assert len(self.operations) > 100, "the description is read whole"
        self.personal = Personal.of(small_city(), public_words(service))


@dataclass
class Fuzz:
    """One service under test by one caller."""

    things: Things
    interface: Interface
    actor: Actor
    tally: Tally
    brief: bool = False
    theirs: frozenset[str] = field(init=False)
    pool: Pool = field(init=False)
    operations: list[Operation] = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool(self.things, self.actor, self.brief)
        self.operations = list(self.interface.operations)
        driver = frozenset({self.service.driver().number})
        self.theirs = driver if self.actor.name in {"citizen", "agent", "entity", "machine"} else frozenset()

    @property
    def service(self) -> Service:
        """What is called."""
        return self.things.service

    def allowed(self, operation: Operation) -> bool:
        """Whether the description says that this caller may call an operation."""
        roles = operation.definition.raw.get("x-roles")
        return roles is None or {"machine": "entity"}.get(self.actor.role, self.actor.role) in roles

    def cases(self, operation: Operation, count: int, mode: GenerationMode) -> None:
        """Send so many generated cases of one operation."""
        strategy = operation.as_strategy(generation_mode=mode)
        number = zlib.crc32(f"{self.actor.name} {operation.label} {mode.value} {SEED}".encode())
        # The first one that is generated is the simplest there is; where only few are sent, it is not worth it.
        waiting = [True] if self.brief else []

        @seed(number)
        @settings(
            max_examples=count + len(waiting),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(case=strategy, choice=st.integers(0, 2**48))
        def each(case: Case, choice: int) -> None:
            if waiting:
                waiting.clear()
            else:
                self.one(case, random.Random(f"{number}/{choice}"))

        with suppress(Unsatisfiable):
            each()

    def one(self, case: Case, rng: random.Random) -> None:
        """Send one case and look at the answer."""
        label = case.operation.label
        wrong = wrong_places(case)
        request = self.prepare(case, rng, wrong)
        self.tally.cases[self.actor.name] += 1
        try:
            answer = self.actor.send(request)
        except requests.RequestException as error:
            self.tally.note(
                self.actor.name, label, f"no answer: {type(error).__name__}", f"{request.method} {request.url}"
            )
            return
        self.tally.answered[str(answer.status_code)] += 1
        unseen = set()
        if self.actor.name == "machine":
            unseen.add(ParameterLocation.HEADER)  # it signs an idempotency key, and makes one where there is none
        if case.media_type == "multipart/form-data":
            unseen.add(ParameterLocation.BODY)  # in a form everything is text
        for finding in self.findings(case, answer, wrong=bool(wrong - unseen)):
            self.tally.note(self.actor.name, label, finding, shown(request, answer))
        if answer.status_code < 300 and request.method != "GET":
            self.pool.used(label, case.path_parameters or {})
            if label in ENDS_SESSION:
                self.actor.renew()

    def findings(self, case: Case, answer: Response, *, wrong: bool) -> Iterator[str]:
        """Everything that is wrong with an answer; `wrong`: the case was, so it must not have been taken."""
        label = case.operation.label
        yield from answers.of_schema(case, answer, answers.CHECKS_OF_WRONG if wrong else answers.CHECKS)
        yield from answers.of_problem(answer)
        yield from answers.of_headers(answer)
        if not self.allowed(case.operation):
            yield from answers.of_refused_role(answer)
        elif self.actor.name != "stranger" and label not in LOGIN | (
            NO_SESSION if self.actor.browser is None else set()
        ):
            yield from answers.of_allowed_role(answer)
        theirs = None if label in BY_NUMBER or self.actor.name == "regulator" else self.theirs
        yield from answers.of_values(self.actor.name, answer, self.interface.personal, theirs)

    def prepare(self, case: Case, rng: random.Random, wrong: set[ParameterLocation]) -> PreparedRequest:
        """A generated case as bytes; what was generated as valid gets real identifiers and words in places."""
        route = case.operation.label
        if ParameterLocation.PATH not in wrong:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = self.pool.parameter(route, name, rng)
        if ParameterLocation.QUERY not in wrong and rng.random() < 0.2:
            for name, value in list((case.query or {}).items()):
                if isinstance(value, str):
                    case.query[name] = rng.choice(HOSTILE[1:])
        if ParameterLocation.BODY not in wrong and isinstance(case.body, dict):
            case.body = self.body(case, rng)
        if ParameterLocation.HEADER not in wrong and rng.random() < 0.9:
            # A key of its own: the same one with another body would be refused before anything else is looked at.
            key = hashlib.sha256(f"{route}{rng.random()}{self.tally.total}".encode()).hexdigest()[:32]
            case.headers["Idempotency-Key"] = key
        options = case.as_transport_kwargs(base_url=self.service.url)
        options = {name: value for name, value in options.items() if name != "cookies"}
        request = requests.Request(**options).prepare()
        request.headers["Accept"] = rng.choice([*DELIVERY, "*/*"]) if rng.random() < 0.5 else "application/json"
        request.headers["Accept-Language"] = rng.choice(["zh", "en"])
        return request

    def body(self, case: Case, rng: random.Random) -> Any:
        """The body of a case that is in order so far."""
        if case.media_type != "application/json":
            assert isinstance(case.body, dict)
            return {name: self.form_field(name, value, rng) for name, value in case.body.items()}
        chance = rng.random()
        orderly = self.pool.orderly(case.operation.label, rng) if chance < 0.4 else None
        if orderly is not None:
            return orderly
        return self.pool.mixed(case.body, rng) if chance < 0.9 else case.body

    def form_field(self, name: str, value: Any, rng: random.Random) -> Any:
        """A field of a form; files stay as they were generated, or hold what the service can read."""
        if name == "file":
            return value if rng.random() < 0.5 else rng.choice(FILES)
        return self.pool.word(name, value, rng)


FILES = (
    "姓名,证号\n".encode(),
    b"id_number,name\n1,2\n",
    b"\xff\xfe\x00\x00",
    b'{"certificates": []}',
    b"%PDF-1.7\n%%EOF",
    b"PK\x03\x04" + b"\x00" * 40,
    b"\x00" * 2000,
    b"a," * 5000,
)


def wrong_places(case: Case) -> set[ParameterLocation]:
    """Where a case was made wrong on purpose; such places stay as they are. A wrong form field may be right as text."""
    assert case.meta is not None
    return {place for place, info in case.meta.components.items() if info.mode is GenerationMode.NEGATIVE}


def shown(request: PreparedRequest, answer: Response) -> str:
    body = request.body if isinstance(request.body, str | bytes) else b""
    key = {name: value for name, value in request.headers.items() if name.lower() in {"idempotency-key", "accept"}}
    said = answer.content[:400]
    return json.dumps([request.method, request.url, key, repr(body[:500]), answer.status_code, repr(said)])[:1400]


@contextmanager
def fuzzing(
    things: Things, interface: Interface, make: Callable[[], Actor], tally: Tally, *, brief: bool = False
) -> Iterator[Fuzz]:
    """A caller ready to go."""
    actor = make()
    try:
        yield Fuzz(things, interface, actor, tally, brief)
    finally:
        actor.close()


def operations_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of a description."""
    for methods in document["paths"].values():
        yield from methods.values()


def may_be_wrong(operation: Operation) -> bool:
    """Whether anything that an operation takes has a form of its own; every text may stand in an address."""
    return bool(operation.body or operation.query or operation.headers)


def public_words(service: Service) -> frozenset[str]:
    """What the service tells everybody: names of offices and of kinds of certificates are in certificates, too."""
    paths = ("/v1/parties", "/v1/catalogue/types", "/v1/catalogue/purposes")
    told = [requests.get(service.url + path, timeout=TIMEOUT_S).json() for path in paths]
    return frozenset(answers.leaves(told))


def run(fuzz: Fuzz, *, allowed: int, wrong: int, refused: int) -> None:
    """All operations: so many cases in order and wrong ones where the caller may call, and some where it may not."""
    for operation in fuzz.operations:
        if not fuzz.allowed(operation):
            fuzz.cases(operation, refused, GenerationMode.POSITIVE)
            continue
        fuzz.cases(operation, allowed, GenerationMode.POSITIVE)
        if may_be_wrong(operation):
            fuzz.cases(operation, wrong, GenerationMode.NEGATIVE)


def run_some(fuzz: Fuzz, count: int) -> None:
    """One case each of so many operations, most of them such as the caller may call."""
    rng = random.Random(zlib.crc32(f"{fuzz.actor.name} {SEED}".encode()))
    may = [operation for operation in fuzz.operations if fuzz.allowed(operation)]
    may_not = [operation for operation in fuzz.operations if not fuzz.allowed(operation)]
    rng.shuffle(may)
    rng.shuffle(may_not)
    for number, operation in enumerate(may[: count - count // 4]):
        mode = GenerationMode.NEGATIVE if number % 3 == 0 and may_be_wrong(operation) else GenerationMode.POSITIVE
        fuzz.cases(operation, 1, mode)
    for operation in may_not[: count // 4]:
        fuzz.cases(operation, 1, GenerationMode.POSITIVE)
