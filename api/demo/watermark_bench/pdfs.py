"""The product's certificate PDFs issued, attacked as files and as pictures of their pages, and traced."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pikepdf
import pypdfium2
from PIL import Image

from api.demo.watermark_bench import attacks
from api.demo.watermark_bench.attacks import Attack
from api.demo.watermark_bench.cases import Issue, ask, judged, png
from api.demo.watermark_bench.pictures import certificate_pdf, rendered
from api.demo.watermark_bench.tone import Picture
from watermark import Verdict

PDF = "application/pdf"
DPI = 150


@dataclass(frozen=True)
class FileAttack:
    """What is done to one copy's file; `act` gives the leaked file and its name."""

    name: str
    act: Callable[[bytes], tuple[bytes, str]]


def _edited(data: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        out = io.BytesIO()
        pdf.save(
            out, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True, compress_streams=True
        )
    return out.getvalue()


def stripped(pdf: pikepdf.Pdf) -> None:
    """Takes out what is explicit: metadata, page data, the visible line."""
    if "/Metadata" in pdf.Root:
        del pdf.Root.Metadata
    for page in pdf.pages:
        if "/PieceInfo" in page.obj:
            del page.obj["/PieceInfo"]
        page.contents_coalesce()
        page.Contents.write(re.sub(rb"/Artifact <<.*?EMC", b"", page.Contents.read_bytes(), flags=re.DOTALL))


def _resaved(data: bytes) -> tuple[bytes, str]:
    return _edited(data, stripped), "leak.pdf"


def _cropped(data: bytes) -> tuple[bytes, str]:
    def change(pdf: pikepdf.Pdf) -> None:
        stripped(pdf)
        for page in pdf.pages:
            page.mediabox = page.cropbox = pikepdf.Array([40, 420, 560, 760])

    return _edited(data, change), "leak.pdf"


def _printed(data: bytes) -> tuple[bytes, str]:
    """Printed to PDF: the page set into a new document by another program, a little smaller."""
    source = pypdfium2.PdfDocument(_edited(data, stripped))
    target = pypdfium2.PdfDocument.new()
    target.import_pages(source)
    for page in target:
        for thing in page.get_objects(max_depth=1):
            thing.transform(pypdfium2.PdfMatrix(0.96, 0, 0, 0.96, 12, 17))
        page.gen_content()
    out = io.BytesIO()
    target.save(out)
    target.close()
    source.close()
    return out.getvalue(), "leak.pdf"


def _as_picture(data: bytes) -> tuple[bytes, str]:
    return png(_page(data)), "leak.png"


def _page(data: bytes) -> Picture:
    return rendered(_edited(data, stripped), DPI)


def _picture_in_pdf(data: bytes) -> tuple[bytes, str]:
    out = io.BytesIO()
    Image.fromarray(_page(data)).save(out, "PDF", resolution=DPI, quality=85)
    return out.getvalue(), "leak.pdf"


def _extracted(data: bytes) -> tuple[bytes, str]:
    document = pypdfium2.PdfDocument(data)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return text.encode(), "leak.txt"


FILE_ATTACKS = (
    FileAttack("saved anew, ids and line stripped", _resaved),
    FileAttack("page cropped", _cropped),
    FileAttack("printed to PDF, 96 %", _printed),
    FileAttack("rasterised, 150 dpi", _as_picture),
    FileAttack("rasterised into a PDF, JPEG 85", _picture_in_pdf),
    FileAttack("text extracted", _extracted),
)
"""Text extraction leaves no mark: what is expected there is that nobody is named with a bound."""


def _renamed(attack: Attack) -> Attack:
    return Attack(f"page as picture > {attack.name}", attack.act, attack.copies)


_BY_NAME = {attack.name: attack for attack in attacks.EVERY}
PICTURE_ATTACKS = tuple(
    _renamed(_BY_NAME[name])
    for name in (
        "JPEG 30",
        "crop to 25%",
        "noise 15",
        "blur 2",
        "print-scan",
        "phone photo",
        "photo of a screen",
        "chat: crop, scale, q60",
        "whitening",
        "binarise",
        "halftone 3 px",
        "screenshot 0.8",
        "average of 2",
        "average of 3",
        "average of 5",
        "average of 10",
    )
)


def issue_pdf(design: str, candidates: int) -> Issue:
    """A certificate's PDF, issued to so many entities."""
    return Issue(f"content_pdf_{design}", PDF, certificate_pdf(design), candidates)


def pdf_cases(issue: Issue, names: Sequence[str] = ()) -> Iterator[tuple[dict[str, object], Verdict | None]]:
    """All attacks on one certificate's PDF, or those named: figures and the verdict."""
    pages: dict[int, Picture] = {}
    every: tuple[FileAttack | Attack, ...] = (*FILE_ATTACKS, *PICTURE_ATTACKS)
    for attack in every:
        if names and attack.name not in names:
            continue
        guilty = issue.leakers(attack.copies if isinstance(attack, Attack) else 1)
        files = [issue.file(number) for number in guilty]
        if isinstance(attack, FileAttack):
            suspect, name = attack.act(files[0])
        else:
            for number, file in zip(guilty, files, strict=True):
                if number not in pages:
                    pages[number] = _page(file)
            suspect, name = png(attack([pages[number] for number in guilty], issue.content_id)), "leak.png"
        asked = ask(suspect, name, issue.contents())
        told = judged(asked, guilty, issue.candidates)
        yield {"content": issue.content_id, "attack": attack.name, "copies": len(guilty)} | told, asked.verdict
