"""Carriers of prose: plain text and word processor's files. Not a letter is altered.

Plain text has little room: a blank at the end of a line, where the original has none, is a chip. What most survives is
provenance. A word processor's file has room for a chip every two letters: they are set 0.1 pt closer or wider (run
spacing, ECMA-376 17.3.2.35), which no reader sees and which every office program keeps when it saves.

Notice and keyed tag stand in a last line of a text; in a file in its custom properties, and the notice, for people, in
a last small paragraph.
"""

import io
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # comes with python-docx; has no types of its own

from watermark.carriers.docx_reading import BODY, read_docx
from watermark.carriers.media import DOCX_TYPE
from watermark.carriers.prose_evidence import (
    LETTERS_A_CHIP,
    SPACING,
    TRAILING,
    chip_count,
    docx_evidence,
    text_evidence,
)
from watermark.carriers.table_reading import decode
from watermark.carriers.xlsx_writing import custom_properties
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark, chips
from watermark.provenance import Leak

TEXT_TYPE = "text/plain"
STEP = 2
"""Twentieths of a point by which letters are set closer or wider."""

_BOM = b"\xef\xbb\xbf"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PRESERVE = "{http://www.w3.org/XML/1998/namespace}space"
_TYPES, _RELATIONS, _CUSTOM = "[Content_Types].xml", "_rels/.rels", "docProps/custom.xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
# What stands before `spacing` among a run's properties (CT_RPr is a sequence).
_BEFORE = frozenset(
    f"{_W}{name}"
    for name in (
        *("rStyle", "rFonts", "b", "bCs", "i", "iCs", "caps", "smallCaps", "strike", "dstrike", "outline", "shadow"),
        *("emboss", "imprint", "noProof", "snapToGrid", "vanish", "webHidden", "color"),
    )
)


def _label(mark: Mark, key: EpochKey) -> str:
    return f"{mark.notice_zh}|{mark.copy_id}|{key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id)}"


class TextCarrier:
    """Plain text, UTF-8, UTF-16 or GB18030; the copy is UTF-8."""

    name = "text"
    media_types = frozenset({TEXT_TYPE})

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy: the original's lines, and a last line with notice, id and tag. Errors: `bad_original`."""
        try:
            text = decode(original)
        except WatermarkError as error:
            raise WatermarkError("watermark.bad_original") from error
        lines = text.splitlines(keepends=True)
        wanted = chips(mark, key, TRAILING, len(lines)).tolist()
        end = "\r\n" if "\r\n" in text else "\n"
        marked = [_with_blank(line) if chip > 0 else line for line, chip in zip(lines, wanted, strict=True)]
        if marked and not marked[-1].endswith(("\n", "\r")):
            marked[-1] += end
        notices = [notice for notice in (mark.notice_en,) if notice]
        last = end.join([*notices, _label(mark, key)])
        bom = _BOM if original.startswith(_BOM) else b""
        return bom + ("".join(marked) + last + end).encode()

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.reading import read

        return text_evidence(Leak.of(read(suspect)), original, content_id)


def _with_blank(line: str) -> str:
    body = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
    # An empty line, and one that ends in a blank already, stay: there a blank may mean something.
    return line if not body or body != body.rstrip() else body + " " + line[len(body) :]


class DocxCarrier:
    """Word processor's files (DOCX)."""

    name = "docx"
    media_types = frozenset({DOCX_TYPE})

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy. Its text is read again and compared.

        Errors: `watermark.bad_original`; `watermark.signed_original` for a file with a signature.
        """
        try:
            read = read_docx(original)
            with zipfile.ZipFile(io.BytesIO(original)) as archive:
                parts = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
        except (WatermarkError, zipfile.BadZipFile, ValueError) as error:
            raise WatermarkError("watermark.bad_original") from error
        if any(name.lower().startswith("_xmlsignatures/") for name in parts):
            raise WatermarkError("watermark.signed_original")
        wanted = chips(mark, key, SPACING, chip_count(read.paragraphs)).tolist()
        try:
            body = _parsed(parts[BODY])
            _space(body, wanted)
            _append_notices(body, [notice for notice in (mark.notice_zh, mark.notice_en) if notice])
            parts[BODY] = _written(body)
            _add_property(parts, _label(mark, key))
        except (etree.XMLSyntaxError, KeyError) as error:
            raise WatermarkError("watermark.bad_original") from error
        copy = _packed(parts)
        texts = [paragraph.text for paragraph in read_docx(copy).paragraphs]
        if texts[: len(read.paragraphs)] != [paragraph.text for paragraph in read.paragraphs]:
            raise WatermarkError("watermark.bad_original")
        return copy

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.reading import read

        return docx_evidence(Leak.of(read(suspect)), original, content_id)


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - lxml has no types
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _written(element: Any) -> bytes:  # noqa: ANN401 - lxml has no types
    data: bytes = etree.tostring(element, xml_declaration=True, encoding="UTF-8", standalone=True)
    return data


@dataclass
class _Piece:
    """What one element adds to its paragraph: `letters` of them; `run` if they are text alone."""

    run: Any
    letters: int


def _space(body: Any, wanted: list[int]) -> None:  # noqa: ANN401 - lxml has no types
    """Set every run's letters closer or wider, as the chips want; a run is cut where they change."""
    offset = 0
    for pieces in list(_paragraphs(body)):
        for piece in pieces:
            if piece.run is not None and piece.letters:
                _cut(piece.run, offset, wanted)
            offset += piece.letters


def _paragraphs(body: Any) -> Iterator[list[_Piece]]:  # noqa: ANN401 - lxml has no types
    """Pieces of each paragraph, in the order in which paragraphs end, as the reader counts them."""
    open_paragraphs: list[list[_Piece]] = []
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if element.tag == f"{_W}p":
            if event == "start":
                open_paragraphs.append([])
            else:
                yield open_paragraphs.pop()
        elif event == "start" and open_paragraphs and isinstance(element.tag, str):
            letters = _letters(element)
            if letters:
                parent = element.getparent()
                open_paragraphs[-1].append(_Piece(parent if _only_text(parent) else None, letters))


def _letters(element: Any) -> int:  # noqa: ANN401 - lxml has no types
    """Letters that the reader counts for an element."""
    name = etree.QName(element).localname
    if name == "t":
        return len(element.text or "")
    parent = element.getparent()
    in_run = parent is not None and etree.QName(parent).localname == "r"
    return int(name in {"tab", "br", "cr", "noBreakHyphen"} and in_run)


def _only_text(run: Any) -> bool:  # noqa: ANN401 - lxml has no types
    """Whether a run is properties and one text: only such a run is cut."""
    tags = [child.tag for child in run]
    return run.tag == f"{_W}r" and tags in ([f"{_W}rPr", f"{_W}t"], [f"{_W}t"])


def _cut(run: Any, offset: int, wanted: list[int]) -> None:  # noqa: ANN401 - lxml has no types
    text = run.find(f"{_W}t").text
    cuts = [0]
    places = [wanted[(offset + k) // LETTERS_A_CHIP] for k in range(len(text))]
    cuts += [k for k in range(1, len(text)) if places[k] != places[k - 1]]
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        piece = deepcopy(run)
        piece.tail = None
        held = piece.find(f"{_W}t")
        held.text = text[start:end]
        held.set(_PRESERVE, "preserve")
        _set_spacing(piece, places[start] * STEP)
        run.addprevious(piece)
    run.getparent().remove(run)


def _set_spacing(run: Any, wider: int) -> None:  # noqa: ANN401 - lxml has no types
    properties = run.find(f"{_W}rPr")
    if properties is None:
        properties = etree.Element(f"{_W}rPr")
        run.insert(0, properties)
    spacing = properties.find(f"{_W}spacing")
    if spacing is None:
        spacing = etree.Element(f"{_W}spacing")
        properties.insert(sum(child.tag in _BEFORE for child in properties), spacing)
    value = spacing.get(f"{_W}val", "0")
    base = round(float(value.removesuffix("pt")) * (20 if value.endswith("pt") else 1))
    spacing.set(f"{_W}val", str(base + wider))


def _append_notices(body: Any, notices: list[str]) -> None:  # noqa: ANN401 - lxml has no types
    holder = body.find(f"{_W}body")
    if holder is None:
        raise WatermarkError("watermark.bad_original")
    last = holder.find(f"{_W}sectPr")
    for notice in notices:
        paragraph = etree.Element(f"{_W}p")
        run = etree.SubElement(paragraph, f"{_W}r")
        properties = etree.SubElement(run, f"{_W}rPr")
        etree.SubElement(properties, f"{_W}color").set(f"{_W}val", "7F7F7F")
        etree.SubElement(properties, f"{_W}sz").set(f"{_W}val", "16")
        etree.SubElement(run, f"{_W}t").text = notice
        if last is None:
            holder.append(paragraph)
        else:
            last.addprevious(paragraph)


def _add_property(parts: dict[str, bytes], label: str) -> None:
    """The label as a custom property; where the original has such properties, beside them."""
    if _CUSTOM in parts:
        properties = _parsed(parts[_CUSTOM])
        numbers = [int(child.get("pid", "1")) for child in properties if isinstance(child.tag, str)]
        added = _parsed(custom_properties(label).encode())[0]
        added.set("pid", str(max([1, *numbers]) + 1))
        properties.append(added)
        parts[_CUSTOM] = _written(properties)
        return
    parts[_CUSTOM] = custom_properties(label).encode()
    types = _parsed(parts[_TYPES])
    override = etree.SubElement(types, f"{{{types.nsmap[None]}}}Override")
    override.set("PartName", "/" + _CUSTOM)
    override.set("ContentType", "application/vnd.openxmlformats-officedocument.custom-properties+xml")
    parts[_TYPES] = _written(types)
    relations = _parsed(parts[_RELATIONS])
    relation = etree.SubElement(relations, f"{{{relations.nsmap[None]}}}Relationship")
    relation.set("Id", "rIdMydata")
    relation.set("Type", f"{_OFFICE}/relationships/custom-properties")
    relation.set("Target", _CUSTOM)
    parts[_RELATIONS] = _written(relations)


def _packed(parts: dict[str, bytes]) -> bytes:
    """The same bytes for the same parts: no time, one way of packing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, _FIRST_MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, data)
    return out.getvalue()
