"""What the command reads: keys, files, and lists of copies of any length."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from watermark.candidates import CopyBatch
from watermark.errors import WatermarkError
from watermark.keys import SECRET_BYTES, EpochKey

DEFAULT_EPOCH = "1"
FILE_LIMIT = 256 * 1024 * 1024
_LINES = 8192
_LINE_LIMIT = 65_536
_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * SECRET_BYTES}}}")
_KEY_FILE_LIMIT = 4096


def read_file(path: Path, limit: int = FILE_LIMIT) -> bytes:
    """A file's bytes. Errors: `watermark.command.no_file`; `watermark.too_large` beyond `limit`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise WatermarkError("watermark.command.no_file", file=str(path)) from error
    if len(data) > limit:
        raise WatermarkError("watermark.too_large", limit_mb=limit >> 20)
    return data


def read_keys(given: Sequence[str], default_epoch: str) -> Mapping[str, EpochKey]:
    """Keys by epoch from `HEX`, `@FILE` (64 hexadecimal digits or 32 raw bytes), or either after `EPOCH=`.

    Errors: `watermark.bad_key`, `watermark.command.no_file`, `watermark.command.two_keys` for one epoch; none of
    them shows the key.
    """
    keys: dict[str, EpochKey] = {}
    for text in given:
        epoch, mark, spec = (
            text.partition("=") if re.match(r"[A-Za-z0-9_.\-]{1,64}=", text) else (default_epoch, "=", text)
        )
        if not mark or epoch in keys:
            raise WatermarkError("watermark.command.two_keys", epoch=epoch)
        keys[epoch] = EpochKey(epoch, _secret(spec))
    return keys


def _secret(spec: str) -> bytes:
    if spec.startswith("@"):
        data = read_file(Path(spec[1:]), _KEY_FILE_LIMIT)
        if len(data) == SECRET_BYTES:
            return data
        spec = data.decode("ascii", "replace").strip()
    if not _HEX.fullmatch(spec):
        raise WatermarkError("watermark.bad_key", bytes=SECRET_BYTES)
    return bytes.fromhex(spec)


class CopiesFile:
    """Issued copies, one JSON object a line: `copy`, `entity`, and if known `epoch` and `file_sha256` (hexadecimal).

    Read anew each time, some thousand lines at once (`watermark.candidates.CopyStream`). A copy stands in it once: what
    is said of it twice is dropped, and a line that says otherwise of a copy than one before is refused.
    """

    def __init__(self, path: Path, default_epoch: str) -> None:
        self._path = path
        self._epoch = default_epoch

    def batches(self) -> Iterator[CopyBatch]:
        """All copies, each once.

        Errors: `watermark.command.no_file`; with the number of the line at fault `watermark.command.bad_copies`, and
        `watermark.command.copy_twice` where a line before it says otherwise of its copy.
        """
        seen: dict[str, int] = {}
        try:
            with self._path.open("rb") as stream:
                first, lines = 1, []
                number = 0
                while line := stream.readline(_LINE_LIMIT):
                    number += 1
                    lines.append(line)
                    if len(lines) == _LINES:
                        yield _once(*self._batch(lines, first), seen)
                        first, lines = number + 1, []
                if lines:
                    yield _once(*self._batch(lines, first), seen)
        except OSError as error:
            raise WatermarkError("watermark.command.no_file", file=str(self._path)) from error

    def _batch(self, lines: list[bytes], first: int) -> tuple[CopyBatch, Sequence[int]]:
        """The copies on some lines, and the numbers of these lines."""
        try:
            found: list[dict[str, Any]] = json.loads(b"[" + b",".join(lines) + b"]")
            return self._columns(found), range(first, first + len(found))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        numbered = self._one_by_one(lines, first)
        return self._columns([one for _, one in numbered]), [number for number, _ in numbered]

    def _columns(self, found: list[dict[str, Any]]) -> CopyBatch:
        copies, entities = [one["copy"] for one in found], [one["entity"] for one in found]
        epochs = [one.get("epoch", self._epoch) for one in found]
        if not {str} >= {type(text) for column in (copies, entities, epochs) for text in column}:
            raise TypeError("copies")
        files = [one.get("file_sha256") for one in found]
        known = [bytes.fromhex(file.removeprefix("0x")) if file else b"" for file in files] if any(files) else ()
        return CopyBatch(copies, entities, epochs, known)

    def _one_by_one(self, lines: list[bytes], first: int) -> list[tuple[int, dict[str, Any]]]:
        """Without blank lines; the line that is at fault is named."""
        found = []
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            try:
                one = json.loads(line)
                self._columns([one])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise WatermarkError("watermark.command.bad_copies", line=number) from error
            found.append((number, one))
        return found


def _once(batch: CopyBatch, lines: Sequence[int], seen: dict[str, int]) -> CopyBatch:
    """`batch` without what was `seen` before: by copy, a hash of all that was said of it."""
    files = batch.files or [b""] * len(batch.copy_ids)
    kept = []
    for at, copy in enumerate(batch.copy_ids):
        said = hash((batch.entity_ids[at], batch.epochs[at], files[at]))
        before = seen.get(copy)
        if before is None:
            seen[copy] = said
            kept.append(at)
        elif before != said:
            raise WatermarkError("watermark.command.copy_twice", line=lines[at])
    return batch if len(kept) == len(files) else _rows(batch, kept)


def _rows(batch: CopyBatch, kept: Sequence[int]) -> CopyBatch:
    return CopyBatch(
        [batch.copy_ids[at] for at in kept],
        [batch.entity_ids[at] for at in kept],
        [batch.epochs[at] for at in kept],
        [batch.files[at] for at in kept] if batch.files else (),
    )


def ensure_copies(copies: CopiesFile) -> None:
    """Errors: `watermark.command.no_copies` for a list without any; those of `CopiesFile.batches` for its beginning."""
    if not any(batch.copy_ids for batch in copies.batches()):
        raise WatermarkError("watermark.command.no_copies")
