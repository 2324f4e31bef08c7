"""PostgreSQL's own tools for backups: `pg_dump` gives one consistent snapshot, `pg_restore` takes it in or not at all.

Both are piped, custom format (which is compressed), so that nothing plain touches a disk. A password goes to them in
the environment, never in the command line, which other users see.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy import URL

from api.errors import ApiError, Kind

DUMP, RESTORE = "pg_dump", "pg_restore"
_DEBIAN = Path("/usr/lib/postgresql")
_TABLES = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
# Whose they were is another server's business; rights are given to the roles that are there.
_LINE = ("--no-owner", "--no-privileges", "--no-password")


@contextlib.contextmanager
def dumped(url: URL) -> Iterator[IO[bytes]]:
    """The snapshot, to be read to its end. Raises ApiError `backup.no_tools`, `backup.tool_failed`."""
    with _running(url, DUMP, "--format=custom", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with process.stdout:
            yield process.stdout
        _finish(process, DUMP)


@contextlib.contextmanager
def loading(url: URL) -> Iterator[IO[bytes]]:
    """Where a snapshot is to be written; all of it stands once the block ends well, nothing where it does not.

    Raises ApiError `backup.no_tools`, `backup.tool_failed`.
    """
    with _running(url, RESTORE, "--single-transaction", "--exit-on-error", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            yield process.stdin
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early, which its code says
        _finish(process, RESTORE)


def is_empty(url: URL) -> bool:
    """Whether a database has no table. Raises ApiError `store.unavailable`."""
    try:
        with psycopg.connect(_libpq(url), password=url.password, connect_timeout=10) as connection:
            row = connection.execute(_TABLES).fetchone()
    except psycopg.Error:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE) from None
    return row is not None and row[0] == 0


@contextlib.contextmanager
def _running(
    url: URL, tool: str, *more: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """One of the tools; killed where the block fails, which undoes what it had begun in the database."""
    environment = dict(os.environ)
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
    process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own programs
        # What they complain of may quote rows.
        [str(_tool(tool)), *_LINE, *more, f"--dbname={_libpq(url)}"],
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


def _finish(process: subprocess.Popen[bytes], tool: str) -> None:
    code = process.wait()
    if code != 0:
        raise ApiError("backup.tool_failed", Kind.UNAVAILABLE, tool=tool, code=code)


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _tool(name: str) -> Path:
    """A tool from PATH, else Debian's newest: one older than the server refuses to work."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    versions = [path for path in _DEBIAN.glob(f"*/bin/{name}") if re.fullmatch(r"\d+", path.parts[-3])]
    if not versions:
        raise ApiError("backup.no_tools", Kind.UNAVAILABLE, tool=name)
    return max(versions, key=lambda path: int(path.parts[-3]))
