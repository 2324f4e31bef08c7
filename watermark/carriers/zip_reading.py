"""Unpacks archives of suspects, in the sandbox: which files they hold. Each is read by itself afterwards."""

import io
import zipfile
import zlib

from watermark.errors import WatermarkError
from watermark.reading import Reading

MAX_FILES = 200
MAX_UNPACKED = 64 * 1024 * 1024
"""Of all files together, those of archives inside archives included."""
MAX_DEPTH = 3
_CHUNK = 1 << 16
_ZIP = b"PK\x03\x04"
_LEFT_OUT = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def read_zip(data: bytes) -> Reading:
    """The files, archives inside it unpacked as well, with names such as `outer.zip/inner.csv`.

    Errors: `watermark.bad_zip` (damaged, locked, empty), `watermark.zip_limit` (too many files, too much in them, too
    deep).
    """
    unpacker = _Unpacker()
    unpacker.unpack(data, "", 1)
    if not unpacker.files:
        raise WatermarkError("watermark.bad_zip")
    return Reading("zip", files=tuple(unpacker.files))


class _Unpacker:
    def __init__(self) -> None:
        self.files: list[tuple[str, bytes]] = []
        self._left = MAX_UNPACKED

    def unpack(self, data: bytes, under: str, depth: int) -> None:
        """Add the files of one archive."""
        if depth > MAX_DEPTH:
            raise _too_much()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                for entry in entries:
                    if not entry.filename.startswith(_LEFT_OUT) and not entry.filename.endswith(_LEFT_OUT):
                        self._add(archive, entry, under, depth)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            ValueError,
            EOFError,
            OSError,
        ) as error:
            # Among them: methods of packing that are not known here, and files under a password.
            raise WatermarkError("watermark.bad_zip") from error

    def _add(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, under: str, depth: int) -> None:
        parts = []
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):  # what an entry says of its size is its own claim
                self._left -= len(chunk)
                if self._left < 0:
                    raise _too_much()
                parts.append(chunk)
        data, name = b"".join(parts), under + entry.filename
        if data.startswith(_ZIP) and not _is_document(data):
            self.unpack(data, name + "/", depth + 1)
            return
        if data.strip():
            self.files.append((name, data))
        if len(self.files) > MAX_FILES:
            raise _too_much()


def _is_document(data: bytes) -> bool:
    from watermark.carriers.docx_reading import looks_like_docx
    from watermark.carriers.xlsx_reading import looks_like_workbook

    return looks_like_workbook(data) or looks_like_docx(data)


def _too_much() -> WatermarkError:
    return WatermarkError("watermark.zip_limit", files=MAX_FILES, limit_mb=MAX_UNPACKED >> 20, depth=MAX_DEPTH)
