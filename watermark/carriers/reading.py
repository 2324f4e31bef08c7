"""Reading a file of unknown kind. This is what runs inside the sandbox."""

from watermark.carriers.pdf_reading import read_pdf
from watermark.carriers.table_reading import decode, read_csv, read_json, read_text, sniff_text
from watermark.carriers.xlsx_reading import looks_like_workbook, read_xlsx
from watermark.errors import WatermarkError
from watermark.reading import Reading

MAX_BYTES = 32 * 1024 * 1024

_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"\xd0\xcf\x11\xe0", "ole"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "rar"),
)
_KINDS_BY_EXTENSION = {
    "pdf": {"pdf"},
    "json": {"json"},
    "csv": {"csv", "text"},
    "tsv": {"csv", "text"},
    "xlsx": {"xlsx", "zip"},
    "xlsm": {"xlsx", "zip"},
}


def sniff(data: bytes) -> str:
    """What `data` is by its content: pdf, json, csv, text, xlsx, zip, image, ole, gzip, 7z, rar, binary or empty."""
    if not data.strip():
        return "empty"
    if b"%PDF-" in data[:1024]:
        return "pdf"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return "xlsx" if kind == "zip" and looks_like_workbook(data) else kind
    try:
        return sniff_text(decode(data))
    except WatermarkError:
        return "binary"


def check(data: bytes, name: str) -> str:
    """The kind of `data`, if it can be examined and its name does not lie about it.

    Errors: `watermark.empty`, `watermark.too_large`, `watermark.unsupported_kind`, `watermark.wrong_extension`.
    """
    if len(data) > MAX_BYTES:
        raise WatermarkError("watermark.too_large", limit_mb=MAX_BYTES >> 20)
    kind = sniff(data)
    if kind == "empty":
        raise WatermarkError("watermark.empty")
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if kind not in _KINDS_BY_EXTENSION.get(extension, {kind}):
        raise WatermarkError("watermark.wrong_extension", extension=extension, kind=kind)
    if kind not in {"pdf", "json", "csv", "text", "xlsx"}:
        raise WatermarkError("watermark.unsupported_kind", kind=kind)
    return kind


def read(data: bytes, name: str = "") -> Reading:
    """Read `data` in this process. Errors: those of `check`, `watermark.bad_pdf` and its like, limits."""
    kind = check(data, name)
    if kind == "pdf":
        return read_pdf(data)
    if kind == "xlsx":
        return read_xlsx(data)
    text = decode(data)
    return {"json": read_json, "csv": read_csv, "text": read_text}[kind](text)
