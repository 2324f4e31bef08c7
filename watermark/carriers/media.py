"""The media type of an original, from its bytes, and from its name where bytes leave it open."""

from watermark.carriers.reading import sniff
from watermark.errors import WatermarkError

DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BY_KIND = {
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": "text/csv",
    "text": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": DOCX_TYPE,
}
_TEXTS = {"json": "application/json", "csv": "text/csv", "txt": "text/plain", "text": "text/plain", "md": "text/plain"}
_IMAGES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"RIFF", "image/webp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"GIF8", "image/gif"),
)


def media_type_of(data: bytes, name: str = "") -> str:
    """The media type. Texts look alike (a line of prose may be a table of one line): there the name's ending decides.

    Errors: `watermark.empty`; `watermark.unsupported_kind` for a kind that has no media type here.
    """
    kind = sniff(data)
    if kind == "empty":
        raise WatermarkError("watermark.empty")
    if kind in {"csv", "text", "json"}:
        return _TEXTS.get(name.rpartition(".")[2].lower(), _BY_KIND[kind])
    if kind == "image":
        return next((media_type for magic, media_type in _IMAGES if data.startswith(magic)), "image/*")
    if kind not in _BY_KIND:
        raise WatermarkError("watermark.unsupported_kind", kind=kind)
    return _BY_KIND[kind]
