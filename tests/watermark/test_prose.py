"""Text and word processor's files: not a letter altered, spacing names the copy, provenance where it is gone."""

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermark.cases import KEY, KEYS, Content, licence
from watermark import Mark, Outcome, WatermarkError, candidate_tags, carrier_for, provenance_tags, sniff
from watermark.carriers.media import DOCX_TYPE
from watermark.trace import trace

TEXT = "text/plain"
PROSE = [
    "关于居民个人住房贷款担保事项的说明,申请人于二〇二六年三月提出申请。",
    "经核实,申请人提交的材料齐全,符合本办法第三条和第七条规定的条件。",
    "The holder states that the household consists of four persons.",
    "本说明一式两份,由申请人和受理单位各执一份,自签字之日起生效。",
]


def _document(copies: int = 6) -> bytes:
    """A letter with runs of several formats, a table, a tab, and letters that are spaced already."""
    made = docx.Document()
    for i in range(copies):
        for line in PROSE:
            paragraph = made.add_paragraph()
            paragraph.add_run(f"{i + 1}. ").bold = True
            paragraph.add_run(line)
            paragraph.add_run("\tend").italic = True
    table = made.add_table(rows=0, cols=3)
    for i in range(4):
        values = licence(i).values
        for cell, value in zip(table.add_row().cells, (values["姓名"], values["证号"], values["住址"]), strict=True):
            cell.text = value
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _text() -> bytes:
    return "\n".join(f"第{i}条 {PROSE[i % 4]} 编号{1000 + 37 * i}" for i in range(120)).encode()


@pytest.fixture(scope="module")
def letter() -> Content:
    return _issued(_document(), DOCX_TYPE)


@pytest.fixture(scope="module")
def text() -> Content:
    return _issued(_text(), TEXT)


def _issued(original: bytes, media_type: str, entities: int = 3) -> Content:
    content = Content("content_d", media_type, original)
    for i in range(entities):
        content.issue(f"copy_{i}", f"party_{i}")
    return content


def _texts(data: bytes) -> list[str]:
    made = docx.Document(io.BytesIO(data))
    return [p.text for p in made.paragraphs] + [c.text for t in made.tables for r in t.rows for c in r.cells]


def _repacked(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            kept = change(entry.filename, old.read(entry))
            if kept is not None:
                new.writestr(entry.filename, kept)
    return out.getvalue()


def _without_label(data: bytes) -> bytes:
    """Saved anew, the custom properties emptied."""
    made = docx.Document(io.BytesIO(data))
    out = io.BytesIO()
    made.save(out)
    return _repacked(out.getvalue(), lambda name, part: b"<Properties/>" if name == "docProps/custom.xml" else part)


def test_a_documents_text_is_unchanged(letter: Content) -> None:
    before = _texts(letter.original)
    for copy in letter.files.values():
        after = _texts(copy)
        added = [line for line in after if line not in before]
        assert [line for line in after if line in before] == before
        assert len(added) == 2
        assert "甲保险公司" in added[0]
        assert sniff(copy) == "docx"


def test_the_same_mark_gives_the_same_bytes_and_another_gives_others(letter: Content) -> None:
    again = _issued(letter.original, DOCX_TYPE).files
    assert again == letter.files
    assert len(set(again.values())) == 3


def test_spacing_names_the_copy_after_a_re_save(letter: Content) -> None:
    verdict = trace(_without_label(letter.files["copy_1"]), "leak.docx", [letter.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [(one.entity_id, one.copy_id) for one in verdict.accused] == [("party_1", "copy_1")]
    assert "label" not in verdict.layers
    assert verdict.layers["spacing.entity"] > 20
    assert verdict.layers["spacing.copy"] > 20


def test_half_of_the_paragraphs_in_another_document_still_name_it(letter: Content) -> None:
    made = docx.Document(io.BytesIO(letter.files["copy_2"]))
    body = made.element.body
    for paragraph in list(made.paragraphs)[::2]:
        body.remove(paragraph._element)
    made.add_paragraph("Something of somebody else.")
    out = io.BytesIO()
    made.save(out)
    verdict = trace(_without_label(out.getvalue()), "leak.docx", [letter.candidates], KEYS)
    assert [one.copy_id for one in verdict.accused] == ["copy_2"]


def test_without_spacing_nobody_is_named(letter: Content) -> None:
    """Control: the same text, typed anew."""
    made = docx.Document()
    for line in _texts(letter.files["copy_1"]):
        made.add_paragraph(line)
    out = io.BytesIO()
    made.save(out)
    verdict = trace(out.getvalue(), "leak.docx", [letter.candidates], KEYS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.fits == ("party_0", "party_1", "party_2")


def test_a_documents_text_pasted_elsewhere_is_provenance(letter: Content) -> None:
    only = _issued(letter.original, DOCX_TYPE, entities=1)
    verdict = trace("\n".join(_texts(letter.original)).encode(), "leak.txt", [only.candidates], KEYS)
    assert verdict.outcome is Outcome.SUSPECT
    assert verdict.bound is None


def test_a_document_is_found_by_its_values(letter: Content) -> None:
    tags = set(provenance_tags(letter.original, DOCX_TYPE, KEY))
    assert tags & set(candidate_tags(f"{licence(2).values['证号']}\n".encode(), "leak.txt", KEY))
    assert not tags & set(candidate_tags(b"3710000000 Nobody\n", "leak.txt", KEY))


def test_a_text_keeps_its_lines(text: Content) -> None:
    original = text.original.decode().splitlines()
    for copy in text.files.values():
        lines = copy.decode().splitlines()
        assert [line.rstrip() for line in lines[: len(original)]] == original
        assert len(lines) == len(original) + 2


def test_blanks_at_line_ends_name_the_copy(text: Content) -> None:
    lines = text.files["copy_1"].decode().splitlines()[:-2]
    verdict = trace("\n".join(lines).encode(), "leak.txt", [text.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [one.copy_id for one in verdict.accused] == ["copy_1"]


def test_trimmed_lines_are_provenance_at_most(text: Content) -> None:
    lines = [line.rstrip() for line in text.files["copy_1"].decode().splitlines()[:-2]]
    verdict = trace("\n".join(lines).encode(), "leak.txt", [text.candidates], KEYS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    only = _issued(text.original, TEXT, entities=1)
    verdict = trace("\n".join(lines).encode(), "leak.txt", [only.candidates], KEYS)
    assert verdict.outcome is Outcome.SUSPECT
    assert verdict.bound is None


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_keeps_its_lines(text: str) -> None:
    mark = Mark("copy_1", "party_1", "content_x", "notice")
    copy = (
        carrier_for(TEXT).embed(text.encode(), mark, KEY).decode("utf-8-sig" if text.startswith("\ufeff") else "utf-8")
    )
    lines = text.removeprefix("\ufeff").splitlines()
    assert [line.rstrip() for line in copy.splitlines()[: len(lines)]] == [line.rstrip() for line in lines]


@pytest.mark.parametrize("original", [b"PK\x03\x04 nothing", b"words", b""])
def test_other_files_are_not_marked_as_documents(original: bytes) -> None:
    with pytest.raises(WatermarkError) as refused:
        carrier_for(DOCX_TYPE).embed(original, Mark("c", "e", "x", ""), KEY)
    assert refused.value.code == "watermark.bad_original"


def test_a_signed_document_is_refused(letter: Content) -> None:
    out = io.BytesIO(letter.original)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("_xmlsignatures/sig1.xml", "<x/>")
    with pytest.raises(WatermarkError) as refused:
        carrier_for(DOCX_TYPE).embed(out.getvalue(), Mark("c", "e", "x", ""), KEY)
    assert refused.value.code == "watermark.signed_original"
