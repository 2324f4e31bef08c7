"""What people do to a PDF before they leak it."""

import io
import re
from collections.abc import Callable

import pikepdf
from pikepdf import Array, Name


def _edit(data: bytes, change: Callable[[pikepdf.Pdf], None], **how: object) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        out = io.BytesIO()
        pdf.save(out, **how)
    return out.getvalue()


def _contents(page: pikepdf.Page, change: Callable[[bytes], bytes]) -> None:
    page.contents_coalesce()
    page.Contents.write(change(page.Contents.read_bytes()))


def strip(pdf: pikepdf.Pdf) -> None:
    """Take out metadata, private data and the visible line."""
    if "/Metadata" in pdf.Root:
        del pdf.Root.Metadata
    for page in pdf.pages:
        if "/PieceInfo" in page.obj:
            del page.obj["/PieceInfo"]
        _contents(page, lambda data: re.sub(rb"/Artifact <<.*?EMC", b"", data, flags=re.DOTALL))


def _saved(data: bytes) -> bytes:
    return _edit(
        data, strip, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True, linearize=True
    )


def _wrapped(before: bytes) -> Callable[[bytes], bytes]:
    def attack(data: bytes) -> bytes:
        def change(pdf: pikepdf.Pdf) -> None:
            strip(pdf)
            for page in pdf.pages:
                _contents(page, lambda content: b"q " + before + b" cm\n" + content + b"\nQ")

        return _edit(data, change)

    return attack


def _moved_tms(change: Callable[[float, float], tuple[float, float]]) -> Callable[[bytes], bytes]:
    """Change the position of every glyph that has its own Tm."""

    def place(match: re.Match[bytes]) -> bytes:
        x, y = change(float(match[1]), float(match[2]))
        return b"1 0 0 1 %.3f %.3f Tm" % (x, y)

    def attack(data: bytes) -> bytes:
        def edit(pdf: pikepdf.Pdf) -> None:
            strip(pdf)
            for page in pdf.pages:
                _contents(page, lambda content: re.sub(rb"1 0 0 1 ([\d.-]+) ([\d.-]+) Tm", place, content))

        return _edit(data, edit)

    return attack


def _redacted(data: bytes) -> bytes:
    """Two thirds of the lines taken out."""

    def keep(content: bytes) -> bytes:
        return re.sub(
            rb"1 0 0 1 [\d.-]+ ([\d.-]+) Tm\s*\(.*?\) ?Tj",
            lambda m: m[0] if float(m[1]) > 715 else b"",
            content,
        )

    def change(pdf: pikepdf.Pdf) -> None:
        strip(pdf)
        for page in pdf.pages:
            _contents(page, keep)

    return _edit(data, change)


def _cropped(data: bytes) -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        strip(pdf)
        for page in pdf.pages:
            page.obj[Name.MediaBox] = Array([50, 600, 400, 842])
            page.obj[Name.CropBox] = Array([50, 600, 400, 842])

    return _edit(data, change)


def _other_page_first(data: bytes) -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        strip(pdf)
        with pikepdf.new() as other:
            other.add_blank_page()
            pdf.pages.insert(0, other.pages[0])

    return _edit(data, change)


PDF_ATTACKS: dict[str, Callable[[bytes], bytes]] = {
    "saved": _saved,
    "shifted": _wrapped(b"1 0 0 1 13.7 -21.3"),
    "scaled": _wrapped(b"0.7 0 0 0.7 40 60"),
    "squeezed": _wrapped(b"0.97 0 0 0.91 10 10"),
    "turned": _wrapped(b"0 1 -1 0 700 30"),
    "skewed": _wrapped(b"0.999 0.02 -0.02 0.999 5 5"),
    "redacted": _redacted,
    "cropped": _cropped,
    "other_page_first": _other_page_first,
    "rounded": _moved_tms(lambda x, y: (round(x * 4) / 4, round(y * 4) / 4)),
    "lines_shifted": _moved_tms(lambda x, y: (x + 1.3 * (round(y / 20) % 3), y)),
    "bent": _moved_tms(lambda x, y: (x + 0.8 * (y / 842) ** 2, y + 0.8 * (x / 595) ** 2)),
}
