"""What people are told, how they choose it, and reminders that say nothing, over a mail server that really answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo import flow
from api.demo import flow_looks as moves
from api.errors import ApiError
from api.services import notifications, reminders
from api.services.reminders import FileSender, SmtpSender
from tests.api.calls import caller
from tests.looks.smtp import MailServer, certificate
from tests.town import HARBOUR, Service

JSON = "application/json"
ADDRESS = "wang.shufen@example.org"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer("starttls", certificate(tmp_path))
    yield server
    server.stop()


def sender(server: MailServer, security: str) -> SmtpSender:
    return SmtpSender("localhost", server.port, security, "mydata@example.org", ca_file=server.certificate)


def topics(who: flow.Person) -> list[str]:
    return [one["topic"] for one in moves.notices_of(who)]


def test_each_fact_is_told_once_and_read_once(service: Service) -> None:
    holder = service.citizen(service.driver(0))
    grant = service.grant(service.driver(0), days=6)
    service.town.machine(HARBOUR).pull(grant, JSON)
    assert set(topics(holder)) == {"request", "granted"}
    service.ctx.log.wake()
    for _ in range(3):
        notifications.note_what_comes(service.ctx)
    found = topics(holder)
    assert (found.count("expiring"), found.count("looked")) == (1, 1)
    holder.post(f"/v1/grants/{grant}/revoke")
    assert topics(holder).count("ended") == 1
    unread = holder.get("/v1/notifications")["unread"]
    assert unread == 5
    (first, *_) = moves.notices_of(holder)
    assert holder.post("/v1/notifications/read", {"id": first["id"]})["marked"] == 1
    page = holder.get_bytes("/citizen/notifications").decode()
    assert "演示" in page
    assert holder.post("/v1/notifications/read", {})["marked"] == 4
    assert holder.get("/v1/notifications")["unread"] == 0
    with pytest.raises(ApiError):
        service.citizen(service.driver(1)).post("/v1/notifications/read", {"id": first["id"]})
    clerk = caller(service, "entity").call("GET", "/v1/notifications").json()
    assert {one["topic"] for one in clerk["items"]} == {"granted", "ended"}


def test_a_reminder_goes_out_encrypted_and_says_nothing(service: Service, mail: MailServer) -> None:
    person = service.driver(2)
    holder = service.citizen(person)
    holder.post("/v1/notifications/settings", {"address": ADDRESS, "topics": {"granted": "portal"}})
    (row,) = service.rows("SELECT address_enc FROM notification_settings")
    assert ADDRESS.encode() not in bytes(row[0])
    service.grant(person)
    mail.refuse = True
    assert reminders.turn(service.ctx, sender(mail, "starttls")) == 1
    assert mail.messages == []
    assert reminders.turn(service.ctx, sender(mail, "starttls")) == 0, "it waits a while before it is tried again"
    service.execute("UPDATE notifications SET next_at_ms = 0 WHERE send_state = 'waiting'")
    mail.refuse = False
    assert reminders.turn(service.ctx, sender(mail, "starttls")) == 1
    assert (len(mail.messages), mail.encrypted) == (1, [True])
    assert ADDRESS in mail.recipients[-1]
    text = mail.messages[0]
    for secret in (person.name, person.number, "HARBOUR", "insurance", "grant_"):
        assert secret not in text
    assert reminders.turn(service.ctx, sender(mail, "starttls")) == 0, "nothing is sent twice"
    holder.post("/v1/notifications/settings", {"address": None})
    service.grant(service.driver(2))
    assert reminders.turn(service.ctx, sender(mail, "starttls")) == 0, "no address, no reminder"


def test_a_mail_server_without_encryption_gets_nothing(tmp_path: Path) -> None:
    plain = MailServer("none", certificate(tmp_path))
    with pytest.raises(ApiError) as error:
        sender(plain, "starttls").send(ADDRESS, "x", "y")
    assert error.value.code == "notifications.send_tls"
    plain.stop()
    unknown = MailServer("tls", certificate(tmp_path))
    with pytest.raises(ApiError) as error:
        SmtpSender("localhost", unknown.port, "tls", "mydata@example.org").send(ADDRESS, "x", "y")
    assert error.value.code == "notifications.send_tls", "nobody vouches for this server"
    sender(unknown, "tls").send(ADDRESS, "x", "y")
    assert unknown.encrypted == [True]
    unknown.stop()


def test_files_serve_development(tmp_path: Path) -> None:
    FileSender(tmp_path / "out").send(ADDRESS, "You have a new notice", "link")
    (path,) = (tmp_path / "out").glob("*.eml")
    assert path.stat().st_mode & 0o077 == 0
    assert "You have a new notice" in path.read_text()


def test_addresses_that_cannot_be(service: Service) -> None:
    holder = service.citizen(service.driver(3))
    for bad in ("nobody", "a@b\nBcc: c@d", "a b@c", "@x"):
        with pytest.raises(ApiError) as error:
            holder.post("/v1/notifications/settings", {"address": bad})
        assert error.value.code == "notifications.bad_address"
