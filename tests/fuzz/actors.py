"""Everybody who calls the service, each with the real thing that lets them in: a session with its token, or a key."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests
from requests import PreparedRequest, Response

from api.client.signing import Message, sign
from api.demo import flow
from api.demo.client import Person as Browser
from api.demo.provision import entity_key, party_id
from api.errors import ApiError
from api.http.auth import CSRF_HEADER, SESSION_COOKIE
from api.wiring import key_ring
from tests.api.calls import department_id, one
from tests.api.test_mandates import HOUSEHOLD, somebody
from tests.town import HARBOUR, Service

TIMEOUT_S = 300.0
PROVES = ("cookie", "signature", "signature-input", "content-digest", "authorization", CSRF_HEADER)
"""Headers that a generated case must not bring: who asks is the actor's to say."""


@dataclass
class Actor:
    """One caller. `role` is what policies know it as; `things` is whose things are its own (`tests.api.things`).

    `sign_in` gives a new session; None for a stranger and for a machine.
    """

    name: str
    role: str
    service: Service
    things: str
    sign_in: Callable[[], Browser] | None = None
    http: requests.Session = field(default_factory=requests.Session)
    browser: Browser | None = None

    def __post_init__(self) -> None:
        self.http.trust_env = False
        self.renew()

    def renew(self) -> None:
        """A new session: the last one has ended, or acts for somebody else by now."""
        if self.sign_in is not None:
            if self.browser is not None:
                self.browser.close()
            self.browser = self.sign_in()

    def send(self, request: PreparedRequest) -> Response:
        """Send a request as this caller. Answers are read whole; streams of events are cut off after their first."""
        for header in PROVES:
            request.headers.pop(header, None)
        if self.browser is not None:
            request.headers["Cookie"] = f"{SESSION_COOKIE}={self.browser.http.cookies[SESSION_COOKIE]}"
            if request.method != "GET":
                request.headers[CSRF_HEADER] = self.browser.csrf
        elif self.name == "machine":
            self._sign(request)
        answer = self.http.send(request, timeout=TIMEOUT_S, stream=True, allow_redirects=False)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer._content = next(answer.iter_content(65_536), b"")
            answer.close()
        # Answers may set cookies; whoever sends them back is this class alone.
        self.http.cookies.clear()
        assert isinstance(answer.content, bytes)
        return answer

    def _sign(self, request: PreparedRequest) -> None:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        assert isinstance(body, bytes) and request.method and request.url
        names = {name.lower(): text(value) for name, value in request.headers.items()}
        headers = {"accept": names.get("accept", "*/*"), "content-type": names.get("content-type", "")}
        if request.method not in {"GET", "HEAD"}:
            headers["idempotency-key"] = names.get("idempotency-key", "")
            if not headers["idempotency-key"]:
                # Without one nothing can be signed; whether it may be left out is asked by people's calls.
                headers["idempotency-key"] = secrets.token_urlsafe(18)
        message = Message(request.method, request.url, headers)
        sign(message, body, entity_key(key_ring(self.service.settings), HARBOUR))
        request.headers.update({name: value for name, value in message.headers.items() if value})

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        if self.browser is not None:
            self.browser.close()


def text(value: str | bytes) -> str:
    """The value of a header."""
    return value if isinstance(value, str) else value.decode("latin-1")


def actors(service: Service) -> dict[str, Callable[[], Actor]]:
    """How to make each of them, by name."""
    driver = service.driver()

    def signed_in(**claims: str) -> Callable[[], Browser]:
        return lambda: Browser(service.url).sign_in(**claims)

    def citizen() -> Browser:
        return signed_in(role="citizen", kind="person", number=driver.number, name=driver.name)()

    def staff(role: str, party: str, **more: str) -> Callable[[], Browser]:
        return signed_in(role=role, party=party, name="演示人员", **more)

    def desk() -> Browser:
        office = service.rows("SELECT id FROM parties WHERE department_code = 'civil_affairs'")[0][0]
        return staff("department", str(office), staff=f"{secrets.randbelow(10**6):06d}", duty="counter")()

    makers: Mapping[str, tuple[str, str, Callable[[], Browser] | None]] = {
        "stranger": ("stranger", "stranger", None),
        "citizen": ("citizen", "citizen", citizen),
        "guardian": ("citizen", "guardian", Acting(service, "guardian")),
        "agent": ("citizen", "citizen", Acting(service, "agent")),
        "department": ("department", "department", staff("department", department_id(service))),
        "counter": ("department", "department", desk),
        "entity": ("entity", "entity", staff("entity", party_id(HARBOUR))),
        "machine": ("machine", "machine", None),
        "regulator": ("regulator", "regulator", staff("regulator", one(service, "regulator"))),
        "operator": ("operator", "operator", staff("operator", one(service, "operator"))),
        "security": ("security", "security", staff("security", one(service, "operator"), staff="S-01")),
        "auditor": ("auditor", "auditor", staff("auditor", one(service, "operator"), staff="J-01")),
    }

    def make(name: str) -> Callable[[], Actor]:
        role, things, sign_in = makers[name]
        return lambda: Actor(name, role, service, things, sign_in)

    return {name: make(name) for name in makers}


@dataclass
class Acting:
    """Signs somebody in who acts for somebody else: for the usual citizen as agent, for a child as guardian."""

    service: Service
    kind: str
    self_: tuple[str, str] = ("", "")
    principal: tuple[str, str] = ("", "")
    mandate: str = ""

    def __call__(self) -> Browser:
        if self.mandate:
            browser = self._alone()
            try:
                flow.act_for(browser, self.mandate)
            except ApiError:
                browser.close()  # a case ended the mandate
            else:
                return browser
        self._begin()
        browser = self._alone()
        flow.act_for(browser, self.mandate)
        return browser

    def _begin(self) -> None:
        town = self.service.town
        self.self_ = somebody(38)
        if self.kind == "guardian":
            self.principal = somebody(8)
            office = town.department("civil_affairs")
            self.mandate = flow.register_mandate(office, "guardian", self.principal, self.self_, *HOUSEHOLD)
        else:
            driver = self.service.driver()
            self.principal = driver.number, driver.name
            holder, actions = town.citizen(*self.principal), ("look", "decide", "end", "export")
            self.mandate = flow.appoint_agent(holder, self.self_, actions=actions)
            flow.accept_mandate(town.citizen(*self.self_), self.mandate)

    def _alone(self) -> Browser:
        number, name = self.self_
        return Browser(self.service.url).sign_in(role="citizen", kind="person", number=number, name=name)
