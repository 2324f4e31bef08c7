"""A log as its readers reach it over HTTP (c2sp.org/tlog-tiles), and where witnesses hand in what they signed."""

from urllib.parse import urlsplit

import requests

from chain.errors import ChainError, Kind
from chain.note import NOTE_LIMIT
from chain.tiles import WIDTH, FetchTile, Tile, TileTree

TIMEOUT_S = 20.0
_CHUNK = 16 * 1024
_NOT_FOUND = 404
_OK = 200
_FIRST_ERROR = 400


class SourceError(ChainError):
    """The log's service gave no answer that can be used.

    `chain.witness.log_silent`, `.log_empty` (no checkpoint yet), `.log_refused` (it did not take a cosignature; the
    detail is its own code).
    """

    code = "chain.witness.log_silent"
    kind = Kind.UNAVAILABLE


class LogSource:
    """The log under `prefix`: `<prefix>/checkpoint`, `<prefix>/tile/…`; answers are bounded, redirects not followed."""

    def __init__(self, prefix: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(prefix)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SourceError(prefix)
        self.prefix = prefix.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def checkpoint(self) -> str:
        """The newest checkpoint as a note. Raises SourceError."""
        status, body = self._get("checkpoint", NOTE_LIMIT)
        if status == _NOT_FOUND:
            raise SourceError(self.prefix, code="chain.witness.log_empty")
        if status != _OK:
            raise SourceError(f"{status}")
        try:
            return body.decode()
        except UnicodeDecodeError:
            # Shown to the rules as what it is: no note.
            return body.decode("latin-1")

    def tree(self, size: int) -> TileTree:
        """The tree over the first `size` leaves, as the log shows it. Its `node` raises SourceError and ProofError."""
        return TileTree(size, self._fetch())

    def deliver(self, note: str) -> None:
        """Hand a co-signed checkpoint in. Raises SourceError."""
        try:
            answer = self._session.post(
                f"{self.prefix}/cosignatures",
                json={"note": note},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                body = answer.raw.read(_CHUNK, decode_content=True)
        except requests.RequestException as error:
            raise SourceError(type(error).__name__) from None
        if answer.status_code >= _FIRST_ERROR:
            raise SourceError(f"{answer.status_code} {_told(body)}", code="chain.witness.log_refused")

    def _fetch(self) -> FetchTile:
        def fetch(tile: Tile) -> bytes:
            status, body = self._get(f"tile/{tile.path}", Tile(tile.level, tile.index).length)
            if status == _NOT_FOUND and tile.width < WIDTH:
                # A log may drop a partial tile once the full one is there; its beginning is the same.
                status, body = self._get(f"tile/{Tile(tile.level, tile.index).path}", Tile(0, 0).length)
                body = body[: tile.length]
            if status != _OK:
                raise SourceError(f"{status}")
            return body

        return fetch

    def _get(self, path: str, limit: int) -> tuple[int, bytes]:
        try:
            with self._session.get(
                f"{self.prefix}/{path}", timeout=self._timeout_s, allow_redirects=False, stream=True
            ) as answer:
                body = b""
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > limit:
                        raise SourceError("an answer without end")
                return answer.status_code, body
        except requests.RequestException as error:
            raise SourceError(type(error).__name__) from None


def _told(body: bytes) -> str:
    """What a refusal says, cut short; printable characters alone, for it goes to a terminal."""
    return "".join(character for character in body[:200].decode("utf-8", "replace") if character.isprintable())
