"""Files that come in: kept sealed from their first byte, so that nothing personal ever lies in clear on a disk.

The framework writes an upload above 1 MB into a temporary file as it comes. Here the file is cut into pieces, each
sealed (AES-256-GCM) before it goes to the disk, under a key that is drawn for this one upload and never leaves the
process's memory: whoever finds the temporary directory or its disk finds noise, and with the process the key is gone.
One piece at a time is in memory in clear, whatever the file's size. Small uploads never reach a disk.
"""

import io
import os
import tempfile
from typing import IO, TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette import requests
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser

from api.errors import ApiError, Kind

PIECE_BYTES = 1 << 18
TAG_BYTES = 16
_KEY_BITS, _NONCE_BYTES = 256, 12
_LABEL = b"mydata/upload/1"
_PARSER = "MultiPartParser"

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class SealedFile(io.RawIOBase):
    """A file that is written once from its beginning to its end and then read, with pieces of it sealed on disk.

    The last piece, which is not full, stays in memory. Pieces are numbered: the number is the nonce, which no piece
    shares with another under this file's own key, and pieces that changed places do not open.

    Raises ApiError `http.upload_space` (no room in the temporary directory), `http.upload_broken` (what the disk gives
    back is not what it was given).
    """

    def __init__(self) -> None:
        self._gcm = AESGCM(AESGCM.generate_key(_KEY_BITS))
        self._disk: IO[bytes] | None = None
        self._pieces = 0
        self._tail = bytearray()
        self._at = 0
        self._open = -1, b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes, at its end alone."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read or written."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; gives it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = start + offset
        return self._at

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]  # no other buffers come
        """Append; whatever fills a piece goes to the disk."""
        if self._at != self._size:
            raise io.UnsupportedOperation("an upload is written from its beginning to its end")
        self._tail += data
        self._at += len(data)
        while len(self._tail) >= PIECE_BYTES:
            self._store(bytes(self._tail[:PIECE_BYTES]))
            del self._tail[:PIECE_BYTES]
        return len(data)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read on from where it stands, at most to the end of a piece."""
        target = memoryview(buffer).cast("B")
        number, offset = divmod(self._at, PIECE_BYTES)
        piece = self._piece(number)[offset : offset + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, fewer only at the end; all that are left without a number."""
        wanted = self._size - self._at if size is None or size < 0 else size
        parts: list[bytes] = []
        while wanted > 0:
            number, offset = divmod(self._at, PIECE_BYTES)
            part = self._piece(number)[offset : offset + wanted]
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
            self._at += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Forget it: the file has no name, and its key goes with this object."""
        self._tail.clear()
        self._open = -1, b""
        if self._disk is not None:
            self._disk.close()
        super().close()

    @property
    def _size(self) -> int:
        return self._pieces * PIECE_BYTES + len(self._tail)

    def _store(self, piece: bytes) -> None:
        sealed = self._gcm.encrypt(self._nonce(self._pieces), piece, _LABEL)
        try:
            if self._disk is None:
                self._disk = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed with this object
            self._disk.seek(self._pieces * len(sealed))
            written = self._disk.write(sealed)
        except OSError:
            written = 0
        if written != len(sealed):
            raise ApiError("http.upload_space", Kind.UNAVAILABLE)
        self._pieces += 1

    def _piece(self, number: int) -> bytes:
        """Piece `number` in clear; empty behind the last one."""
        if number >= self._pieces:
            return bytes(self._tail) if number == self._pieces else b""
        if self._open[0] != number:
            assert self._disk is not None, "a full piece is on the disk"
            self._disk.seek(number * (PIECE_BYTES + TAG_BYTES))
            try:
                sealed = self._disk.read(PIECE_BYTES + TAG_BYTES)
                self._open = number, self._gcm.decrypt(self._nonce(number), sealed, _LABEL)
            except (OSError, InvalidTag):
                raise ApiError("http.upload_broken", Kind.INTERNAL) from None
        return self._open[1]

    @staticmethod
    def _nonce(number: int) -> bytes:
        return number.to_bytes(_NONCE_BYTES, "big")


class SealedParser(MultiPartParser):
    """Reads forms as the framework does, with its files sealed."""

    def on_headers_finished(self) -> None:
        """A part begins; one that is a file goes into a sealed one. The framework's own is empty, and in memory."""
        super().on_headers_finished()
        plain = self._current_part.file
        if plain is not None:
            plain.file.close()
            sealed = SealedFile()
            self._files_to_close_on_error[-1] = sealed  # type: ignore[call-overload]  # it is asked to close, no more
            self._current_part.file = UploadFile(
                sealed,  # type: ignore[arg-type]  # all that is asked of a file is there
                size=0,
                filename=plain.filename,
                headers=plain.headers,
            )


def install() -> None:
    """Read every form of this process by `SealedParser`; the framework has no other place to say so.

    Raises AssertionError where the framework has changed, before anything is served.
    """
    assert hasattr(requests, _PARSER), "the framework keeps its parser elsewhere"
    setattr(requests, _PARSER, SealedParser)
