"""Reading a file of unknown kind. This is what runs inside the sandbox."""

from watermark.carriers.docx_reading import looks_like_docx, read_docx
from watermark.carriers.image_reading import read_image
from watermark.carriers.pdf_reading import read_suspect_pdf
from watermark.carriers.table_reading import decode, read_csv, read_json, read_text, sniff_text
from watermark.carriers.xlsx_reading import looks_like_workbook, read_xlsx
from watermark.carriers.zip_reading import read_zip
from watermark.errors import WatermarkError
from watermark.reading import Reading

MAX_BYTES = 32 * 1024 * 1024

_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "bmp"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"RIFF", "riff"),
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
    "txt": {"text", "csv", "json"},
    "docx": {"docx", "zip"},
    "zip": {"zip", "xlsx", "docx"},
    "xlsx": {"xlsx", "zip"},
    "xlsm": {"xlsx", "zip"},
    **{ending: {"image"} for ending in ("png", "jpg", "jpeg", "jpe", "jfif", "webp", "tif", "tiff", "gif", "bmp")},
}
_READ = frozenset({"pdf", "json", "csv", "text", "xlsx", "docx", "image", "zip"})
_PACKED = {"xlsx": read_xlsx, "docx": read_docx, "zip": read_zip}
_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
_HEIF = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif"})


def sniff(data: bytes) -> str:
    """What `data` is by its content.

    One of pdf, json, csv, text, xlsx, docx, zip, image, heif, ole, gzip, 7z, rar, binary, empty.
    """
    if not data.strip():
        return "empty"
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        return "heif"
    for magic, kind in _MAGIC:
        if data.startswith(magic) and (found := _closer(data, kind)):
            return found
    try:
        return sniff_text(decode(data))
    except WatermarkError:
        return "binary"


def _closer(data: bytes, kind: str) -> str | None:
    """The kind where the first bytes leave a doubt; None if they misled."""
    if kind == "zip":
        return "xlsx" if looks_like_workbook(data) else "docx" if looks_like_docx(data) else "zip"
    if kind == "riff":
        return "image" if data[8:12] == b"WEBP" else "binary"
    if kind == "bmp":  # the length of its second header follows at 14
        return "image" if len(data) > 26 and data[6:10] == bytes(4) and data[14:18] in _BMP_HEADERS else None
    return kind


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
    if kind not in _READ:
        raise WatermarkError("watermark.unsupported_kind", kind=kind)
    return kind


def read(data: bytes, name: str = "") -> Reading:
    """Read `data` in this process. Errors: those of `check`; `watermark.bad_pdf`, `watermark.bad_image`; limits."""
    kind = check(data, name)
    if kind == "image":
        return read_image(data)
    if kind == "pdf":
        return read_suspect_pdf(data)
    if kind in _PACKED:
        return _PACKED[kind](data)
    text = decode(data)
    return {"json": read_json, "csv": read_csv, "text": read_text}[kind](text)
