"""A small mail server (RFC 5321) for tests: takes what it is sent and keeps it; with or without TLS."""

import datetime
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailServer:
    """`security` is tls, starttls or none; `refuse` answers 451 to every message."""

    security: str
    certificate: Path | None = None
    refuse: bool = False
    messages: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.context: ssl.SSLContext | None = None
        if self.certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(self.certificate)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                with connection:
                    connection.settimeout(30)
                    self._talk(connection)
            except OSError:
                continue  # a client that turned away

    def _talk(self, connection: socket.socket) -> None:
        secure = self.security == "tls"
        if secure and self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        lines = connection.makefile("rb")

        def say(text: str) -> None:
            connection.sendall(text.encode() + b"\r\n")

        say("220 test")
        while line := lines.readline():
            word = line.decode().split()[0].upper()
            if word == "EHLO":
                offers = self.security == "starttls" and not secure
                say("250-test\r\n250 STARTTLS" if offers else "250 test")
            elif word == "STARTTLS" and self.context is not None:
                say("220 go ahead")
                connection = self.context.wrap_socket(connection, server_side=True)
                lines, secure = connection.makefile("rb"), True
            elif word == "RCPT":
                self.recipients.append(line.decode().strip())
                say("250 ok")
            elif word == "DATA":
                say("354 go ahead")
                body = b""
                while (part := lines.readline()) != b".\r\n":
                    body += part
                if not self.refuse:
                    self.messages.append(body.decode())
                    self.encrypted.append(secure)
                say("451 later" if self.refuse else "250 ok")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


def certificate(folder: Path) -> Path:
    """A certificate of its own for `localhost`, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "mail.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
