"""The provider's process, and browsers without a window that sign in through it."""

import contextlib
import re
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from api import lifeline
from tests.town import until

SECRET = "a secret of this test alone"
CLIENT = "mydata-test"


@dataclass
class Idp:
    """A running provider."""

    issuer: str
    process: subprocess.Popen[bytes]

    def control(self, **wish: Any) -> dict[str, Any]:
        """Arrange something; see `tests.oidc.provider`."""
        answer = httpx.post(f"{self.issuer}/control", json=wish, trust_env=False)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    @contextlib.contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Give tokens that must be refused."""
        self.control(fault=name)
        try:
            yield
        finally:
            self.control(fault="")


@contextlib.contextmanager
def running_idp(folder: Path) -> Iterator[Idp]:
    """The provider as a process of its own; it ends with the block."""
    ready = folder / "idp.ready"
    with (folder / "idp.log").open("wb") as log:
        process = lifeline.start(["tests.oidc.provider", str(ready)], stdout=log, stderr=log)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the identity provider starts")
        assert process.poll() is None, (folder / "idp.log").read_text()
        idp = Idp(ready.read_text(), process)
        yield idp
    finally:
        process.kill()
        process.wait(20)


@dataclass
class Browser:
    """Cookies and links, one step at a time; every address that it is sent to is kept."""

    service: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))
    seen: list[str] = field(default_factory=list)

    def get(self, url: str) -> httpx.Response:
        """Follow one link, not what it leads on to."""
        self.seen.append(url)
        return self.http.get(url, headers={"Accept": "text/html"})

    def start(self, role: str = "citizen", **query: str) -> str:
        """Begin at the service; the provider's address."""
        asked = urllib.parse.urlencode({"role": role, **query})
        answer = self.get(f"{self.service}/oidc/start?{asked}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def confirm(self, address: str, account: str, answer: str = "yes") -> str:
        """Sign in at the provider; the address that it sends back to."""
        page = self.get(address)
        if page.status_code == 302:
            return page.headers["location"]
        assert page.status_code == 200, page.text
        sent = self.http.post(address, data={"account": account, "answer": answer})
        assert sent.status_code == 302, sent.text
        return sent.headers["location"]

    def sign_in(self, account: str, role: str = "citizen", **query: str) -> httpx.Response:
        """The whole round; the service's last answer."""
        return self.get(self.confirm(self.start(role, **query), account))

    def session(self) -> httpx.Response:
        """Who the service says that one is."""
        return self.http.get(f"{self.service}/v1/sessions/current", headers={"Accept": "application/json"})


def code_of(answer: httpx.Response) -> str:
    """The code of an error that a page tells."""
    found = re.search(r"<code>([a-z_.]+)</code>", answer.text)
    assert found is not None, answer.text
    return found[1]
