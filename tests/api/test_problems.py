"""Answers that say no: the same form everywhere, both languages, headers, and nothing of the inside."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from api import locale
from api.errors import ApiError, Kind
from api.http.errors import STATUS, as_api_error, problem
from api.services import parties
from api.store.database import Database
from chain.errors import ChainError, NodeError, WrongChainError
from tests.api.calls import caller, nothing_of, protected
from tests.api.calls import problem as is_problem
from tests.town import Service
from watermark.errors import WatermarkError

SECRET = "王小明 371099199001010011 top secret"


@pytest.mark.parametrize(
    ("headers", "lang"),
    [
        ({}, "zh-Hans"),
        ({"Accept-Language": "en"}, "en"),
        ({"Accept-Language": "en-GB,zh;q=0.5"}, "en"),
        ({"Accept-Language": "fr, de"}, "zh-Hans"),
        ({"Accept-Language": "zh-CN"}, "zh-Hans"),
        ({"Accept-Language": "zh-TW,en;q=0.5"}, "zh-Hans"),
        ({"Accept-Language": "*;q=0, , ;;-, en_"}, "zh-Hans"),
        ({"Accept-Language": "en", "Cookie": "mydata_lang=zh-Hans"}, "zh-Hans"),
        ({"Cookie": "mydata_lang=klingon"}, "zh-Hans"),
    ],
)
def test_the_language_that_was_asked_for(headers: dict[str, str], lang: locale.Lang, service: Service) -> None:
    answer = httpx.get(f"{service.url}/v1/grants", headers=headers, trust_env=False)
    document = is_problem(answer, 401, "auth.required")
    other: locale.Lang = "en" if lang == "zh-Hans" else "zh-Hans"
    assert answer.headers["content-language"] == lang
    assert document["title"] == locale.error_text("auth.required", lang)
    # The other language comes along: whoever reads a log may not read the caller's.
    assert document["title_en" if other == "en" else "title_zh"] == locale.error_text("auth.required", other)


def test_every_kind_has_a_status_of_its_own_sort() -> None:
    assert set(STATUS) == set(Kind)
    assert {kind for kind, status in STATUS.items() if status >= 500} == {Kind.UNAVAILABLE, Kind.INTERNAL}


@pytest.mark.parametrize(
    "error",
    [RuntimeError(SECRET), KeyError(SECRET), UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET), AssertionError(SECRET)],
)
def test_what_nobody_expected_says_nothing(
    error: Exception, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(parties, "list_public", fail)
    for accept in ("application/json", "text/html"):
        answer = httpx.get(f"{service.url}/v1/parties", headers={"Accept": accept}, trust_env=False)
        is_problem(answer, 500, "http.internal")
        nothing_of(SECRET, answer)
        nothing_of(type(error).__name__, answer)
    assert "unexpected" in caplog.text
    assert SECRET not in caplog.text
    assert "371099" not in caplog.text


def test_a_page_for_a_browser_whatever_failed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(parties, "list_public", fail)
    answer = httpx.get(f"{service.url}/signin/entity", headers={"Accept": "text/html"}, trust_env=False)
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "http.internal" in answer.text
    nothing_of(SECRET, answer)
    protected(answer)


@contextmanager
def no_database(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def away(*_: object, **__: object) -> None:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="SQLITE_CANTOPEN")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "new_session", away)
        yield


def test_without_the_database_nothing_is_acknowledged(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    who = caller(service, "citizen")
    with no_database(service, monkeypatch):
        for method, path in (
            ("GET", "/v1/certificates"),
            ("POST", "/v1/grants/grant_x/revoke"),
            ("POST", "/v1/requests/req_x/decision"),
            ("GET", "/v1/parties"),
        ):
            answer = who.call(method, path, {"decision": "deny"} if method == "POST" else None)
            is_problem(answer, 503, "store.unavailable")
            assert answer.headers["retry-after"]
        # Large uploads ask for a session before anything is read: that, too, ends as a problem document.
        large = who.http.post("/v1/returns", content=b"x" * (2 * 1024 * 1024))
        is_problem(large, 503, "store.unavailable")
        assert httpx.get(f"{service.url}/livez", trust_env=False).status_code == 200
        ready = httpx.get(f"{service.url}/readyz", trust_env=False)
        assert (ready.status_code, ready.json()["parts"]["database"]) == (503, "store.unavailable")
    assert who.call("GET", "/v1/certificates").status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ChainError("x"), 500, "chain.internal"),
        (WrongChainError("secret detail"), 409, "chain.wrong_chain"),
    ],
)
def test_errors_of_the_chain_keep_their_code(error: ChainError, status: int, code: str) -> None:
    found = as_api_error(error)
    assert (found.code, int(STATUS[found.kind])) == (code, status)
    assert found.facts == {}


def test_facts_may_have_any_name() -> None:
    # A suspect file's `kind` once met the error's own.
    found = as_api_error(WatermarkError("watermark.unknown_format", kind="docx"))
    assert (found.code, found.kind, found.facts) == ("watermark.unknown_format", Kind.INVALID, {"kind": "docx"})


def test_a_node_that_does_not_answer_is_unavailable() -> None:
    from chain.errors import RpcReason

    found = as_api_error(NodeError(RpcReason.TIMED_OUT))
    assert found.kind is Kind.UNAVAILABLE
    assert locale.error_text(found.code, "en") != locale.error_text("no.such", "en")


def test_headers_on_every_answer(service: Service) -> None:
    staff = caller(service, "entity")
    paths = ("/", "/livez", "/readyz", "/v1/grants", "/v1/log", "/v1/openapi.json", "/entity", "/none", "/trust.json")
    answers = [
        staff.http.get(path, headers={"Accept": accept})
        for path, accept in itertools.product(paths, ("text/html", "application/json"))
    ]
    answers += [
        staff.http.get("/static/base.css"),
        staff.http.get("/static/none.css"),
        staff.http.put("/v1/log"),
        staff.http.options("/v1/log"),
        staff.http.get("/v1/log", headers={"Host": "evil.example"}),
        staff.call("POST", "/v1/requests", {}),
    ]
    for answer in answers:
        protected(answer)
    assert {answer.status_code for answer in answers} >= {200, 404, 405, 422}


def test_nothing_personal_is_cached(service: Service) -> None:
    who = caller(service, "citizen")
    for path in ("/v1/certificates", "/v1/footprints", "/v1/grants", "/citizen"):
        assert who.http.get(path).headers["cache-control"] == "no-store", path


def test_interactive_documents_are_off(service: Service) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert httpx.get(service.url + path, trust_env=False).status_code == 404
    described = httpx.get(f"{service.url}/v1/openapi.json", trust_env=False).json()
    assert "/v1/grants/{grant_id}/pulls" in described["paths"]


def test_a_problem_without_facts_and_with_many() -> None:
    from starlette.requests import Request

    request = Request({"type": "http", "headers": [], "query_string": b"", "method": "GET", "path": "/"})
    answer = problem(request, ApiError("returns.too_large", Kind.TOO_LARGE, limit=33_554_432))
    assert answer.status_code == 413
    assert b"33,554,432" in answer.body or b"33554432" in answer.body
