"""Reminders: one message for everything that waits for somebody, saying only that there is news and where to read it.

The worker sends them. How, is a `Sender`'s business: a folder of files for development, a mail server elsewhere; an SMS
gateway would be a third. A worker killed in the middle leaves a lease that runs out, so a reminder may come twice, but
is never lost.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Protocol

from api.errors import ApiError, Kind
from api.locale import N_, Lang, translator
from api.services.context import Context
from api.services.notifications import address_of
from api.settings import Settings
from api.store import Session, clock, read_only, unit_of_work
from api.store.ids import new_notification_id
from api.store.queries import notifications, parties
from api.store.queries.notifications import DEAD, NONE, SENT, WAITING, Audience

LEASE_MS = 120_000
ATTEMPTS = 8
FIRST_PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 3_600_000
SUBJECT = N_("You have a new notice")
BODY = N_("You have a new notice in My Data. Sign in to read it: %(link)s\nThis message holds nothing about you.")


class Sender(Protocol):
    """Brings a short message to an address."""

    def send(self, address: str, subject: str, body: str, /) -> None:
        """Send it, or raise `notifications.not_sent` or `notifications.send_tls`; the address is in no message."""
        ...


@dataclass(frozen=True, slots=True)
class FileSender:
    """Writes each message as a file of its own into a folder that only the service's user may read."""

    folder: Path

    def send(self, address: str, subject: str, body: str, /) -> None:
        """Write `<id>.eml`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{new_notification_id()}.eml"
        path.touch(mode=0o600)
        path.write_bytes(bytes(_message("mydata@localhost", address, subject, body)))


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """Hands messages to a mail server (RFC 5321): over TLS from the start, or after STARTTLS (RFC 3207).

    `security` is tls, starttls or none, the last for a relay on the same host; there is no falling back to it.
    """

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = ""
    timeout_s: float = 20.0
    ca_file: Path | None = None

    def send(self, address: str, subject: str, body: str, /) -> None:
        """Send one message over a connection of its own."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        try:
            with self._connect(context) as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(_message(self.sender, address, subject, body))
        except (ssl.SSLError, smtplib.SMTPNotSupportedError):
            raise ApiError("notifications.send_tls", Kind.UNAVAILABLE) from None
        except (OSError, smtplib.SMTPException):
            raise ApiError("notifications.not_sent", Kind.UNAVAILABLE) from None

    def probe(self) -> None:
        """Connect, with TLS where that is set, and say nothing: logging in shows at sending. Raises as `send`."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        try:
            with self._connect(context) as server:
                server.noop()
        except (ssl.SSLError, smtplib.SMTPNotSupportedError):
            raise ApiError("notifications.send_tls", Kind.UNAVAILABLE) from None
        except (OSError, smtplib.SMTPException):
            raise ApiError("notifications.not_sent", Kind.UNAVAILABLE) from None

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        if self.security == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def sender_of(settings: Settings) -> Sender | None:
    """The sender that the settings name; None where reminders are off."""
    if settings.reminders == "none":
        return None
    if settings.reminders == "file":
        return FileSender(settings.data_dir / "reminders")
    password = settings.smtp_password.get_secret_value()
    if settings.smtp_password_file is not None:
        password = settings.smtp_password_file.read_text(encoding="utf-8").strip()
    return SmtpSender(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_from,
        settings.smtp_user,
        password,
        ca_file=settings.smtp_ca_file,
    )


def turn(ctx: Context, sender: Sender | None) -> int:
    """Send what is due; how many messages were tried. Without a sender nothing is due: the portal tells it all."""
    if sender is None:
        return 0
    with read_only(ctx.db) as session:
        if not notifications.is_due(session, clock.now_ms(session)):
            return 0
    with unit_of_work(ctx.db) as session:
        due = notifications.lease(session, clock.advance(session), LEASE_MS)
    for one in due:
        with read_only(ctx.db) as session:
            where = address_of(ctx, session, one.audience)
            portal = _portal(session, one.audience)
        state, error = (NONE, None) if where is None else _sent(ctx, sender, portal, *where)
        with unit_of_work(ctx.db) as session:
            if error is not None:
                state = DEAD if one.attempts >= ATTEMPTS else WAITING
            pause = min(FIRST_PAUSE_MS * 2 ** min(one.attempts - 1, 20), LONGEST_PAUSE_MS)
            next_at = clock.now_ms(session) + pause if state == WAITING else 0
            notifications.settle(session, one.ids, state, next_at, error)
    return len(due)


def _portal(session: Session, to: Audience) -> str:
    """Where its notices are read: the portal of a party has its role's name."""
    party = None if to.party_id is None else parties.get_party(session, to.party_id)
    return "citizen" if party is None else party.role


def _sent(ctx: Context, sender: Sender, portal: str, address: str, language: str) -> tuple[str, str | None]:
    lang: Lang = "en" if language == "en" else "zh-Hans"
    words = translator(lang)
    link = f"{ctx.settings.base_url}/{portal}/notifications"
    try:
        sender.send(address, words.gettext(SUBJECT), words.gettext(BODY) % {"link": link})
    except ApiError as error:
        return WAITING, error.code
    return SENT, None


def _message(sender: str, address: str, subject: str, body: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, address, subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain="mydata.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message
