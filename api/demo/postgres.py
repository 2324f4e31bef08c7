"""A PostgreSQL server of one's own in a temporary directory, for the demo, the benchmark and the tests.

It is the real server with the settings that decide what a commit means (`fsync`, `synchronous_commit`,
`full_page_writes`) left on. It listens on a socket inside its private directory alone: no port, no password.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from api import lifeline
from api.errors import ApiError, Kind

USER = "mydata"
CHOICE = "postgresql"
"""What is given in place of a URL where a temporary server is wanted."""

READY_S = 60.0
_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # What docs/operations.md asks of every server: neither statements nor the values of a refused row in its log.
    "log_statement": "none",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def binaries() -> Path | None:
    """The directory of `initdb` and `postgres`: from PATH, else Debian's newest; None where they are not installed."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    versions = [path for path in _DEBIAN.glob("*/bin") if re.fullmatch(r"\d+", path.parent.name)]
    places += sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def missing() -> str | None:
    """Why no server can be started here, or None."""
    if binaries() is None:
        return "PostgreSQL's server is not installed (Debian: postgresql)"
    if os.geteuid() == 0 and _plain_user() is None:
        return "PostgreSQL's server refuses to run as root, and there is no user postgres or nobody"
    return None


@dataclass
class Server:
    """One server with a data directory of its own under `folder`, which only its user can enter."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    guard: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, *, locale: str = "", alive: Path | None = None, **more: str) -> "Server":
        """Make a new data directory; nothing runs yet. `locale` is an ICU locale (`zh-Hans-CN`), by default plain C.

        Server and directory end with this process, however that ends; with `alive`, once the lock on that file is free.
        `more` are settings of the server. Raises `launch.no_postgresql`.
        """
        place, reason = binaries(), missing()
        if place is None or reason is not None:
            raise ApiError("launch.no_postgresql", Kind.UNAVAILABLE)
        folder = Path(tempfile.mkdtemp(prefix="mydata-pg-"))
        if os.geteuid() == 0:
            user = _plain_user()
            assert user is not None
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = cls(folder, dict(more))
        server.guard = _guard(folder, alive)
        line = [str(place / "initdb"), "-D", str(server.data), "-U", USER, "--auth=trust", "--no-sync"]
        line += ["--encoding=UTF8", "--locale=C"]
        if locale:
            line += ["--locale-provider=icu", f"--icu-locale={locale}"]
        initdb = server.run(line)
        try:
            done = initdb.wait(READY_S)
        except subprocess.TimeoutExpired:
            initdb.kill()
            done = initdb.wait()
        if done != 0:
            raise ApiError("launch.child_failed", Kind.UNAVAILABLE, child="initdb")
        return server

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.folder / "server.log"

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{USER}@/{database}?host={quote(str(self.folder), safe='')}"

    def dsn(self, database: str) -> str:
        """The same for psycopg."""
        return f"host={self.folder} user={USER} dbname={database}"

    def start(self) -> None:
        """Start it and wait until it answers; after `kill` this includes its recovery. Raises `launch.child_failed`."""
        place = binaries()
        if place is None:
            raise ApiError("launch.no_postgresql", Kind.UNAVAILABLE)
        line = [str(place / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for name, value in (_SETTINGS | self.more).items():
            line += ["-c", f"{name}={value}"]
        self.process = self.run(line)
        deadline = time.monotonic() + READY_S
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise ApiError("launch.child_failed", Kind.UNAVAILABLE, child="postgres") from None
                time.sleep(0.02)
            else:
                return

    def run(self, line: list[str]) -> subprocess.Popen[bytes]:
        """Start one of the server's programs as the user that owns the directory."""
        user = _plain_user() if os.geteuid() == 0 else None
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the server's own programs
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )

    def stop(self) -> None:
        """Ask it to end at once, transactions under way undone; then insist."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """SIGKILL to it and all its processes, as a machine that fails: nothing is flushed, nothing is said."""
        if self.process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            whole = psutil.Process(self.process.pid)
            family = [whole, *whole.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family[1:], timeout=30)
        self.process.wait()
        self.process = None

    def remove(self) -> None:
        """Stop it and delete everything."""
        self.stop()
        if self.guard is not None:
            self.guard.kill()
            self.guard.wait()
            self.guard = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str, template: str = "template1") -> str:
        """A new database, a copy of `template` which nobody may be connected to; its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Delete a database, ending whoever is connected to it."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def store_url(choice: str) -> Iterator[str]:
    """The database URL that a choice means: nothing for SQLite in the data directory, a URL as it is.

    `postgresql` starts a temporary server, which is removed at the end. Raises `launch.no_postgresql`.
    """
    if choice != CHOICE:
        yield choice
        return
    server = Server.create()
    try:
        server.start()
        yield server.create_database(USER)
    finally:
        server.remove()


def _guard(folder: Path, alive: Path | None) -> subprocess.Popen[bytes]:
    environment, ends = (dict(os.environ), ()) if alive is not None else lifeline.given(os.environ)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "api.demo.guard", str(folder), *([] if alive is None else [str(alive)])],
        env=environment,
        pass_fds=ends,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _plain_user() -> pwd.struct_passwd | None:
    """Whom the server runs as where this process is root, which it refuses."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None
