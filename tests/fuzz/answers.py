"""What every answer must be, whoever asked: as documented, in both languages, and without anything personal."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from requests import Response
from schemathesis import Case
from schemathesis.checks import CheckFunction, load_all_checks, not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import locale
from api.demo.city import City
from api.http.middleware import HEADERS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS_OF_WRONG = [*CHECKS, negative_data_rejection]
PROBLEM = "application/problem+json"
# Forms cannot be signed, so that a machine that sends one is nobody.
REFUSED = {"auth.required": 401, "auth.forbidden": 403, "signature.bad": 401}
# A body that cannot be read, or is too large, is refused before anybody asks who sent it.
UNREADABLE = {
    "http.json_malformed": 422,
    "http.json_duplicate_key": 422,
    "http.json_number": 422,
    "http.json_depth": 422,
    "http.bad_request": 400,
    "http.too_large": 413,
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LEAST_CHARACTERS = 6
SHARED_BY = 3

load_all_checks()


@dataclass(frozen=True)
class Personal:
    """Whose each personal value is: numbers, names, addresses, and what certificates say of few people."""

    owners: dict[str, frozenset[str]]

    @classmethod
    def of(cls, city: City, public: frozenset[str]) -> "Personal":
        """Everything in a city that is long enough not to turn up by chance, and is neither everybody's nor public."""
        found: dict[str, set[str]] = {}
        for person in city.persons:
            for value in (person.number, person.address):
                found.setdefault(value, set()).add(person.number)
        for certificate in city.certificates:
            for value in certificate.values.values():
                # Codes of choices are words of the interface as well ("office"), and tell nothing by themselves.
                if len(value) >= LEAST_CHARACTERS and not re.fullmatch(r"\d{4}-\d\d-\d\d|[a-z_]+", value):
                    found.setdefault(value, set()).add(certificate.holder)
        few = {value: frozenset(who) for value, who in found.items() if len(who) <= SHARED_BY}
        return cls({value: who for value, who in few.items() if value not in public})

    def seen_in(self, answer: Response) -> set[str]:
        """The personal values that stand in an answer, as a whole text of its JSON or a cell of its CSV."""
        return {text for text in texts(answer) if text in self.owners}


def texts(answer: Response) -> Iterator[str]:
    """Every text in an answer."""
    if not answer.content:
        return
    if "json" in answer.headers.get("content-type", ""):
        yield from leaves(answer.json())
    elif answer.headers.get("content-type", "").startswith("text/"):
        yield from re.split(r'[,"\r\n]+', answer.content.decode("utf-8", "replace"))


def leaves(value: object) -> Iterator[str]:
    """Every string in a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from leaves(member)


def of_schema(case: Case[Any], answer: Response, checks: list[CheckFunction]) -> list[str]:
    """What schemathesis finds wrong with an answer, each as one line."""
    try:
        case.validate_response(answer, checks=checks)
    except FailureGroup as group:
        return [f"{type(one).__name__}: {one.title}: {short(one.message)}" for one in members(group)]
    except Failure as one:
        return [f"{type(one).__name__}: {one.title}: {short(one.message)}"]
    return []


def members(group: FailureGroup) -> Iterable[Any]:
    return group.exceptions


def short(text: object) -> str:
    return re.sub(r"\s+", " ", str(text))[:300]


def of_problem(answer: Response) -> list[str]:
    """What is wrong with a refusal as such: form, code, both languages."""
    if answer.status_code < 400:
        return []
    kind = answer.headers.get("content-type", "")
    if not kind.startswith(PROBLEM):
        return [f"a refusal as {kind}"]
    document, wrong = answer.json(), []
    code, facts = document["code"], document["facts"]
    if code not in locale.error_texts():
        wrong.append(f"{code} stands in no catalogue")
    if document["status"] != answer.status_code:
        wrong.append("another status in the document")
    chinese, english = document.get("title_zh", document["title"]), document.get("title_en", document["title"])
    if chinese != locale.error_text(code, "zh-Hans", facts) or not CHINESE.search(chinese):
        wrong.append(f"{code}: no Chinese title")
    if english != locale.error_text(code, "en", facts) or CHINESE.search(locale.error_text(code, "en")):
        wrong.append(f"{code}: no English title")
    if not set(re.findall(r"\{(\w+)\}", locale.error_texts().get(code, {"en": ""})["en"])) <= facts.keys():
        wrong.append(f"{code}: a fact is missing")
    return wrong


def of_headers(answer: Response) -> list[str]:
    """Whether an answer carries the headers that every answer carries."""
    wrong = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    if not answer.headers.get("cache-control"):
        wrong.append("Cache-Control")
    return [f"no header {name}" for name in wrong]


def of_refused_role(answer: Response) -> list[str]:
    """A role that may not call a route is told that, and nothing else."""
    try:
        code = str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return [f"answered with {answer.status_code}"]
    if (REFUSED | UNREADABLE).get(code) != answer.status_code:
        return [f"answered with {answer.status_code} {code}"]
    return []


def of_allowed_role(answer: Response) -> list[str]:
    """A role that may call a route is never taken for somebody unknown."""
    if answer.status_code != 401:
        return []
    return [f"not let in: {json.loads(answer.content).get('code')}"]


def of_values(name: str, answer: Response, personal: Personal, theirs: frozenset[str] | None) -> list[str]:
    """No personal value in a refusal; elsewhere those of `theirs` alone (None: of whoever was asked for by number)."""
    seen = personal.seen_in(answer)
    if answer.status_code >= 400:
        return [f"a refusal holds personal values ({len(seen)})"] if seen else []
    if theirs is None:
        return []
    strange = {value for value in seen if not personal.owners[value] & theirs}
    return [f"{name} is shown what is somebody else's ({len(strange)} values)"] if strange else []
