"""What others run for the service: seen well, away with since when, well again; and how long certificates last."""

import http.server
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from prometheus_client.parser import text_string_to_metric_families

from api.http import metrics
from api.services import dependencies, key_dates
from api.services.context import Context
from api.services.dependencies import MAIL, SIGN_IN, TIMESTAMPS, Watcher
from api.services.seals import office
from api.services.status import Part
from api.settings import Settings
from tests.api.calls import caller
from tests.duties.test_metrics import strays
from tests.looks.smtp import MailServer, certificate
from tests.oidc.rounds import CLIENT, running_idp
from tests.seals.authority import Authority, key
from tests.town import Service

PATIENCE_S = 2.0
HTML = {"Accept": "text/html"}


class _Answers(http.server.BaseHTTPRequestHandler):
    status = 405

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stamps() -> Iterator[http.server.ThreadingHTTPServer]:
    """A web server that takes no GET, as timestamp authorities do."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(20)


@pytest.fixture
def told(service: Service) -> Iterator[Context]:
    """The running service's context, put back afterwards; `tell` gives it other settings."""
    before: Context = service.app.state.ctx
    yield before
    service.app.state.ctx = before
    (before.settings.data_dir / dependencies.FILE).unlink(missing_ok=True)


def tell(service: Service, ctx: Context, **settings: object) -> Watcher:
    """Give the service settings, and make the worker's watcher for them."""
    made = ctx.settings.model_copy(update=settings)
    service.app.state.ctx = replace(ctx, settings=made)
    return Watcher(made.data_dir, dependencies.probes(made), PATIENCE_S)


def part(service: Service, name: str) -> Part:
    return next(one for one in dependencies.parts(service.app.state.ctx) if one.name == name)


def test_nothing_that_is_not_set_up_is_missed(service: Service) -> None:
    parts = dependencies.parts(service.app.state.ctx)
    assert {(one.name, one.ok, one.state) for one in parts} == {
        (name, True, "unset") for name in (*dependencies.PROBED, dependencies.WITNESSES)
    }


def test_an_identity_provider_that_hangs_and_ends(service: Service, told: Context, tmp_path: Path) -> None:
    """A provider that is stopped holds a look up no longer than its patience, and is not asked twice meanwhile."""
    operator = caller(service, "operator")
    with running_idp(tmp_path) as idp:
        worker = tell(service, told, identity_provider="oidc", oidc_issuer=idp.issuer, oidc_client_id=CLIENT)
        assert part(service, SIGN_IN) == Part(SIGN_IN, False, "unknown", dependencies.NOT_OBSERVED)
        worker.look()
        assert part(service, SIGN_IN) == Part(SIGN_IN, True, "ok")
        idp.process.send_signal(signal.SIGSTOP)
        began = threading.active_count()
        for _ in range(2):
            worker.look()
        assert threading.active_count() <= began + 1
        hanging = part(service, SIGN_IN)
        assert (hanging.ok, hanging.reason) == (False, dependencies.NO_ANSWER)
        assert hanging.since_ms is not None
        page = operator.call("GET", "/operator", headers=HTML)
        assert "没有应答" in page.text
        idp.process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 30
        while not part(service, SIGN_IN).ok and time.monotonic() < deadline:
            worker.look()
        assert part(service, SIGN_IN) == Part(SIGN_IN, True, "ok")
        idp.process.kill()
        idp.process.wait(20)
        worker.look()
        gone = part(service, SIGN_IN)
        assert (gone.ok, gone.reason) == (False, "auth.oidc_unreachable")
        worker.look()
        assert part(service, SIGN_IN).since_ms == gone.since_ms, "since the first time, not the last"
        seen = dependencies.read(told.settings.data_dir)[SIGN_IN].seen_ms
        assert seen is not None
        assert seen <= (gone.since_ms or 0)
        assert idp.issuer not in (told.settings.data_dir / dependencies.FILE).read_text()


def test_a_mail_server_and_its_certificate(service: Service, told: Context, tmp_path: Path) -> None:
    server = MailServer("starttls", certificate(tmp_path))
    mail = {"reminders": "smtp", "smtp_host": "localhost", "smtp_port": server.port, "smtp_security": "starttls"}
    tell(service, told, **mail, smtp_ca_file=server.certificate).look()
    assert part(service, MAIL) == Part(MAIL, True, "ok")
    tell(service, told, **mail).look()
    assert part(service, MAIL).reason == "notifications.send_tls", "nobody vouches for its certificate"
    server.stop()
    tell(service, told, **mail, smtp_ca_file=server.certificate).look()
    assert part(service, MAIL).reason == "notifications.not_sent"
    assert server.messages == []


def test_a_timestamp_authority_and_an_old_look(
    service: Service, told: Context, stamps: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tell(service, told, timestamp_url=f"http://127.0.0.1:{stamps.server_address[1]}/tsa")
    worker.look()
    assert part(service, TIMESTAMPS) == Part(TIMESTAMPS, True, "ok")
    monkeypatch.setattr(_Answers, "status", 503)
    worker.look()
    assert part(service, TIMESTAMPS).reason == "seals.no_timestamp"
    monkeypatch.setattr(_Answers, "status", 405)
    worker.look()
    text = caller(service, "stranger").call("GET", "/metrics").text
    assert strays(text) == set()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    (seen,) = families["mydata_part_seen_timestamp_seconds"].samples
    assert seen.labels == {"part": TIMESTAMPS}
    assert abs(seen.value - time.time()) < 600
    later = time.time() + dependencies.OLD_MS / 1000 + 1
    monkeypatch.setattr(dependencies, "_now_ms", lambda: round(later * 1000))
    old = part(service, TIMESTAMPS)
    assert (old.ok, old.state, old.reason) == (False, "unknown", dependencies.NOT_OBSERVED)


def test_a_file_that_is_none_of_ours(service: Service, told: Context) -> None:
    tell(service, told, timestamp_url="http://127.0.0.1:9/tsa")
    for text in ("", "[]", "{", '{"timestamps": {"at_ms": 1}}', '{"timestamps": 7}'):
        (told.settings.data_dir / dependencies.FILE).write_text(text)
        assert part(service, TIMESTAMPS).reason == dependencies.NOT_OBSERVED, text


def test_how_long_the_demo_authority_s_certificates_last(service: Service) -> None:
    ctx: Context = service.app.state.ctx
    office.own_seal(ctx, office.PLATFORM, office.PLATFORM_ORGAN)
    found = key_dates.dates(ctx)
    assert {one.kind for one in found} >= {key_dates.PLATFORM_SEAL, key_dates.AUTHORITY, key_dates.LIST}
    ends = [one.ends_ms for one in found if one.ends_ms is not None]
    assert ends == sorted(ends)
    assert len(ends) == len(found)
    told = caller(service, "operator").call("GET", "/v1/operations").json()["keys"]
    assert [(one["kind"], one["owner"]) for one in told] == [(one.kind, one.owner) for one in found]
    for role in ("citizen", "entity", "regulator"):
        assert caller(service, role).call("GET", "/v1/operations").status_code == 403
    families = {
        f.name: f for f in text_string_to_metric_families(caller(service, "stranger").call("GET", "/metrics").text)
    }
    days = {one.labels["key"]: one.value for one in families["mydata_key_days_left"].samples}
    assert days[key_dates.PLATFORM_SEAL] == min(
        one.days_left or 0 for one in found if one.kind == key_dates.PLATFORM_SEAL
    )
    assert set(days) <= metrics.LABELS["key"]


def test_files_of_a_real_authority(
    service: Service, told: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon, ended and unreadable ones each say so; a file is opened again only once it has changed."""
    theirs, folder = Authority("theirs"), tmp_path / "seals"
    for name in ("roots", "lists"):
        (folder / name).mkdir(parents=True)
    (folder / "roots" / "root.cer").write_bytes(theirs.root)
    for number, one in enumerate(theirs.crls()):
        (folder / "lists" / f"{number}.crl").write_bytes(one)
    (tmp_path / "password").write_bytes(b"words")
    now = datetime.now(UTC)
    for name, left in (("party_soon", timedelta(days=9, hours=1)), ("copy-seal", timedelta(days=400))):
        held = x509.load_der_x509_certificate(theirs.seal_of(name, now + left))
        own = key(f"theirs{name}")
        data = pkcs12.serialize_key_and_certificates(b"seal", own, held, None, BestAvailableEncryption(b"words"))
        (folder / f"{name}.p12").write_bytes(data)
    (folder / "party_broken.p12").write_bytes(b"no such file")
    tell(service, told, seals_dir=folder, seals_password_file=tmp_path / "password")
    ctx: Context = service.app.state.ctx
    opened: list[str] = []
    read = office.read_pkcs12

    def counted(data: bytes, password: bytes) -> object:
        opened.append("")
        return read(data, password)

    monkeypatch.setattr(office, "read_pkcs12", counted)
    for _ in range(3):
        found = {(one.kind, one.owner): one for one in key_dates.dates(ctx)}
    assert len(opened) == 3, "each once"
    assert found[key_dates.DEPARTMENT_SEAL, "party_soon"].days_left == 9
    assert found[key_dates.PLATFORM_SEAL, office.PLATFORM].days_left in {399, 400}
    assert found[key_dates.DEPARTMENT_SEAL, "party_broken"].reason == "seals.pkcs12"
    assert {kind for kind, _ in found} == set(key_dates.KINDS)
    page = caller(service, "operator").call("GET", "/operator", headers=HTML).text
    for words in ("还有 9 天", "即将到期", "无法读取", "seals.pkcs12"):
        assert words in page
    (tmp_path / "password").write_bytes(b"other words")
    again = {(one.kind, one.owner): one for one in key_dates.dates(ctx)}
    assert again[key_dates.DEPARTMENT_SEAL, "party_soon"].reason == "seals.pkcs12"
    assert Settings().seals_dir is None
