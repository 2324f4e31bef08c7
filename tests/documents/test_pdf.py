"""PDFs: what is read out equals what was put in, every glyph stands alone, the same view gives the same bytes."""

import dataclasses
import io
import re
import threading
import time

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pdfminer.high_level import extract_text

from api.catalogue import load_catalogue
from api.documents.certificate import CLEAR, CertificateView, grouped, qr_modules, render_certificate
from api.documents.copies import CopyRecord
from api.documents.copy_sheet import CopyHeader, CopySheetView, render_copy_sheet
from api.documents.fonts import Typeface, font_face
from api.documents.ornament import demo_seal
from api.documents.pdf_writer import A4, Align, PdfDocument, Style
from api.documents.text_layout import wrap
from api.errors import ApiError

CATALOGUE = load_catalogue()
HEADER = CopyHeader(
    "演示海港财产保险公司", "Demo Harbour Insurance", "机动车保险理赔", "Motor insurance claims", "CL-2026-0815",
    "2026年11月22日", "grant_01JD8Z5Q6N7M8K9P", "2027年11月22日",
)  # fmt: skip


def read_out(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def picture(data: bytes, page: int = 0, scale: float = 2.0) -> np.ndarray:
    document = pypdfium2.PdfDocument(data)
    try:
        return np.asarray(document[page].render(scale=scale, grayscale=True).to_numpy()).squeeze().copy()
    finally:
        document.close()


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def operators(data: bytes) -> list[tuple[str, list]]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return [(str(i.operator), list(i.operands)) for page in pdf.pages for i in pikepdf.parse_content_stream(page)]


def test_every_type_reads_out_exactly_by_two_extractors(views):
    assert {view.schema.code for view in views} == {schema.code for schema in CATALOGUE.ready_types()}
    for view in views:
        data = render_certificate(view)
        by_pdfium = squeezed(read_out(data))
        by_miner = (
            squeezed(extract_text(io.BytesIO(data))) if view in views[::12] else by_pdfium
        )  # it takes 0.3 s a page
        for field in view.schema.fields:
            value = view.values[field.name]
            for expected in (field.zh, field.en, field.display(value)):
                assert squeezed(expected) in by_pdfium, (view.schema.code, field.name)
                assert squeezed(expected) in by_miner, (view.schema.code, field.name)
        for expected in (
            view.organ_zh,
            view.organ_en,
            view.schema.zh,
            view.schema.en,
            view.record_id,
            view.elc,
            "电子副本",
        ):
            assert squeezed(expected) in by_pdfium


def test_no_label_reaches_into_the_next_column(views):
    half = (A4[0] - 2 * 60 - 24) / 2
    for view in views:
        for field in view.schema.fields:
            assert Style(8.5).width(field.zh) + 5 + Style(7).width(field.en) < half, (view.schema.code, field.name)


def test_the_seal_is_drawn_and_not_written(views):
    view = views[0]
    count = squeezed(read_out(render_certificate(view))).count("演示")
    without = squeezed(read_out(render_certificate(dataclasses.replace(view, demo=False)))).count("演示")
    # The badge is the one word that a demo page has more; the seal's words are outlines.
    assert count - without == 1
    assert "样章" not in read_out(render_certificate(view))


def test_a_real_certificate_bears_no_seal(views):
    def red(data: bytes) -> int:
        document = pypdfium2.PdfDocument(data)
        pixels = np.asarray(document[0].render(scale=1).to_numpy()).astype(int)
        document.close()
        return int(((pixels[..., 2] - pixels[..., 1] > 80) & (pixels[..., 2] > 150)).sum())

    assert red(render_certificate(views[0])) > 1000
    assert red(render_certificate(dataclasses.replace(views[0], demo=False))) == 0


def test_the_seal_is_red_and_has_no_star():
    content = demo_seal("演示市公安局").content.decode()
    assert content.startswith("0.784 0.0627 0.18 RG")
    # A five-pointed star would be a filled polygon of ten straight edges; all filled paths here are glyph outlines.
    assert not re.search(r"m(?:\s+\S+ \S+ l){9}\s+(?:h )?f", content)


def test_every_glyph_has_its_own_place(views):
    for data in (render_certificate(views[0]), render_copy_sheet(sheet_of(views))):
        found = operators(data)
        shows = [n for n, (name, _) in enumerate(found) if name in ("Tj", "TJ", "'", '"')]
        assert len(shows) > 100
        for n in shows:
            name, operands = found[n]
            assert name == "Tj"
            assert len(bytes(operands[0])) == 2  # one CID
            assert found[n - 1][0] == "Tm"


def test_the_same_view_gives_the_same_bytes(views):
    first = render_certificate(views[0])
    time.sleep(1.1)  # identifiers made from the clock change with the second
    assert render_certificate(views[0]) == first
    assert render_certificate(views[0]) != render_certificate(views[1])
    assert render_copy_sheet(sheet_of(views)) == render_copy_sheet(sheet_of(views))


def test_threads_give_the_same_bytes(views):
    alone = [render_certificate(view) for view in views[:5]]
    found: dict[int, list[bytes]] = {}

    def work(number: int) -> None:
        found[number] = [render_certificate(view) for view in views[:5]]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n] for n in range(4)] == [alone] * 4


def test_top_and_bottom_stay_free_for_the_visible_line(views):
    for data in (*map(render_certificate, views[::3]), render_copy_sheet(sheet_of(views))):
        count = len(pypdfium2.PdfDocument(data))
        for page in range(count):
            pixels = picture(data, page)
            edge = int(CLEAR * 2)
            assert pixels[:edge].min() == 255
            assert pixels[-edge:].min() == 255


def test_the_qr_code_on_the_page_is_the_one_of_the_url(views):
    view = views[0]
    modules = np.array(qr_modules(view.verify_url))
    pixels = picture(render_certificate(view), scale=4) < 128
    left, bottom, size = 60.0, CLEAR + 4 + 46 + 18, 84.0
    side = size / len(modules)
    for row in range(len(modules)):
        for column in range(len(modules)):
            x = (left + (column + 0.5) * side) * 4
            y = (A4[1] - bottom - size + (row + 0.5) * side) * 4
            assert pixels[int(y), int(x)] == bool(modules[row, column]), (row, column)


def test_a_missing_glyph_is_an_error_and_no_box(views):
    holder = views[0].schema.holder_name_field
    values = {**views[0].values, holder: "张\U00020bb7"}
    with pytest.raises(ApiError) as caught:
        render_certificate(dataclasses.replace(views[0], values=values))
    assert caught.value.code == "documents.missing_glyph"
    assert dict(caught.value.facts) == {"count": 1}


def test_rare_names_that_the_faces_have_are_printed(views):
    holder = views[0].schema.holder_name_field
    data = render_certificate(dataclasses.replace(views[0], values={**views[0].values, holder: "乜䶮龘犇堃"}))
    assert "乜䶮龘犇堃" in squeezed(read_out(data))


def test_characters_that_share_a_glyph_are_told_apart():
    document = PdfDocument("t")
    text = "甲·乙•丙 丁\u00a0戊一⼀"
    document.page().text(60, 700, text, Style(12))
    assert read_out(document.to_bytes()).strip().replace("\u00a0", " ") == text.replace("\u00a0", " ")
    with pikepdf.open(io.BytesIO(document.to_bytes())) as pdf:
        assert len(pdf.pages[0].Resources.Font) == 2


def test_long_values_run_on_to_another_page():
    schema = CATALOGUE.type("enterprise.business_licence")
    values = {field.name: "2026-01-01" if field.kind.value == "date" else "1" for field in schema.fields}
    values |= {
        "company_type": "有限责任公司",
        "scope": "技术服务、技术开发；货物进出口。" * 60,
        "registered_capital": "1.00",
    }
    view = CertificateView(schema, values, "演示市市场监督管理局", "Demo", "cert_1", "https://x.example/c")
    data = render_certificate(view)
    assert len(pypdfium2.PdfDocument(data)) == 2
    assert squeezed(values["scope"]) in squeezed(read_out(data))


@pytest.mark.parametrize("code", ["person.driving_licence", "person.real_estate_title"])
def test_a_certificate_is_small(views, code):
    view = next(view for view in views if view.schema.code == code)
    assert len(render_certificate(view)) < 80_000


def sheet_of(views, header: CopyHeader | None = HEADER) -> CopySheetView:
    records = [
        CopyRecord(
            view.schema.code, f"r{n}", {f.name: view.values[f.name] for f in view.schema.fields[:4]}, view.organ_zh
        )
        for n, view in enumerate(views)
    ]
    titles = next(view for view in views if view.schema.code == "person.real_estate_title")
    wanted = ("certificate_number", "location", "usage", "area")
    records += [
        CopyRecord(titles.schema.code, f"t{n:02}", {k: titles.values[k] for k in wanted}, titles.organ_zh)
        for n in range(40)
    ]
    return CopySheetView(records, CATALOGUE, header, "https://mydata.example.cn/verify/copy_1")


def test_a_sheet_states_for_whom_and_shows_all_granted_fields(views):
    view = sheet_of(views)
    data = render_copy_sheet(view)
    text = squeezed(read_out(data))
    for expected in dataclasses.astuple(HEADER):
        assert squeezed(expected) in text
    for record in view.records:
        schema = CATALOGUE.type(record.type_code)
        for name, value in record.values.items():
            assert squeezed(schema.field(name).display(value)) in text, (record.type_code, name)
    assert len(pypdfium2.PdfDocument(data)) > 2


def test_a_sheet_shows_nothing_that_was_not_granted(views):
    licence = next(view for view in views if view.schema.code == "person.driving_licence")
    record = CopyRecord(licence.schema.code, "r", {"licence_class": "C1"})
    text = squeezed(read_out(render_copy_sheet(CopySheetView([record], CATALOGUE, HEADER))))
    for name, value in licence.values.items():
        if name != "licence_class" and len(value) > 3:
            assert squeezed(licence.schema.field(name).display(value)) not in text


def test_a_sheet_without_header_depends_on_the_records_alone(views):
    text = read_out(render_copy_sheet(sheet_of(views, None)))
    assert HEADER.entity_zh not in text
    assert HEADER.grant_id not in text


def test_nothing_on_a_sheet_leaves_the_page(views):
    for name, operands in operators(render_copy_sheet(sheet_of(views))):
        if name == "Tm":
            assert 40 < float(operands[4]) < A4[0] - 40


def test_an_empty_sheet_is_refused():
    with pytest.raises(ApiError) as caught:
        render_copy_sheet(CopySheetView([], CATALOGUE))
    assert caught.value.code == "documents.no_records"


@pytest.mark.parametrize(
    ("number", "want"),
    [
        ("371099198001011231", "371099 19800101 1231"),
        ("91371099MA0001181R", "9137 1099 MA00 0118 1R"),
        ("鲁(2026)演示市不动产权第0000001号", "鲁(2026)演示市不动产权第0000001号"),
        ("J371099-2020-000001", "J371099-2020-000001"),
        ("12345678", "12345678"),
    ],
)
def test_numbers_are_grouped_without_losing_a_character(number, want):
    assert grouped(number) == want
    assert grouped(number).replace(" ", "") == number


def test_wrapping_keeps_every_character_and_every_line_in_width():
    style = Style(11)
    text = "须经批准的项目，经批准后方可经营（含网络销售）；以 GB/T-2260-2007 及 https://example.cn/a/b?x=1 为准。" * 5
    for width in (60, 120, 300, 480):
        lines = wrap(text, style, width)
        assert squeezed("".join(lines)) == squeezed(text)
        assert max(style.width(line) for line in lines) <= width + 0.1
        assert not any(line[0] in "，。；）" for line in lines)
        assert not any(line.endswith("（") for line in lines)


def test_align_puts_text_where_it_says():
    for align, left in ((Align.LEFT, 200.0), (Align.CENTRE, 180.0), (Align.RIGHT, 160.0)):
        document = PdfDocument("t")
        document.page().text(200, 700, "演示文字", Style(10), align)
        first = next(operands for name, operands in operators(document.to_bytes()) if name == "Tm")
        assert float(first[4]) == pytest.approx(left, abs=0.01)


def test_a_broken_letter_is_told_before_anything_is_drawn():
    assert font_face(Typeface.SANS).missing("演示\U00020bb7\ue000") == 2
    with pytest.raises(ApiError):
        demo_seal("\U00020bb7局")
