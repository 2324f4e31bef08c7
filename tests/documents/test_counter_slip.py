"""The receipt printed at a window: one page whatever was done, readable, its code as drawn, nothing personal in it."""

import io

import numpy as np
import pikepdf
import pypdfium2
import pytest

from api.documents.certificate import qr_modules
from api.documents.counter_slip import SlipEntry, SlipView, listed, masked, render_slip

URL = "https://my.example/v/visit_7q2m4t8zk1vx9r3b7q2m4t8zk1"
FIELDS = ["准驾车型", "有效期至", "姓名", "身份证号", "初次领证日期", "住址", "档案编号", "签发机关"]


def view(entries: int, fields: int = 4) -> SlipView:
    what = listed((FIELDS * 4)[:fields])
    made = [
        SlipEntry(
            f"您同意了：演示海港财产保险股份有限公司第{number}营业部可以看您的数据",
            [
                ("看什么", what),
                ("做什么用", "机动车保险理赔"),
                ("到什么时候", "2026年12月22日 14:05"),
                ("最多几次", "2 次"),
            ],
        )
        for number in range(1, entries + 1)
    ]
    return SlipView("演示市民政局", masked("王淑芬"), "居民身份证", "2026年11月22日 14:05", made, "visit_7q2m", URL)


def opened(data: bytes) -> tuple[str, np.ndarray]:
    document = pypdfium2.PdfDocument(data)
    try:
        assert len(document) == 1
        text = "".join(document[0].get_textpage().get_text_range().split())
        picture = np.asarray(document[0].render(scale=3, grayscale=True).to_numpy()).squeeze().copy()
    finally:
        document.close()
    return text, picture


def sizes(data: bytes) -> set[float]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        steps = pikepdf.parse_content_stream(pdf.pages[0])
        return {float(step.operands[1]) for step in steps if str(step.operator) == "Tf"}


@pytest.mark.parametrize(("entries", "fields"), [(1, 4), (2, 14), (3, 20), (4, 3)])
def test_everything_stands_on_one_page(entries: int, fields: int) -> None:
    text, _ = opened(render_slip(view(entries, fields)))
    for number in range(1, entries + 1):
        assert f"第{number}营业部" in text
    assert text.count("2026年12月22日14:05") == entries
    assert ("共20项" in text) is (fields > 14)
    assert "王**" in text and "王淑芬" not in text


def test_what_does_not_fit_is_counted_and_said() -> None:
    text, _ = opened(render_slip(view(30, 14)))
    shown = text.count("机动车保险理赔")
    assert 3 <= shown < 30
    assert f"另有{30 - shown}项，窗口有完整记录" in text
    assert "想收回怎么办？" in text


def test_the_text_is_large_where_there_is_room() -> None:
    assert {16.0, 28.0} <= sizes(render_slip(view(1)))
    small = sizes(render_slip(view(30, 14)))
    assert 16.0 not in small and 10.5 in small


def test_the_code_is_that_of_the_address() -> None:
    _, picture = opened(render_slip(view(1)))
    rows = qr_modules(URL)
    scale, side, height = 3, 108.0 / len(rows), picture.shape[0]
    left, bottom = 595.28 - 50 - 108, 228 - 24 - 108
    read = [
        [
            int(
                picture[
                    int(height - (bottom + (len(rows) - 0.5 - y) * side) * scale),
                    int((left + (x + 0.5) * side) * scale),
                ]
                < 128
            )
            for x in range(len(rows))
        ]
        for y in range(len(rows))
    ]
    assert read == rows


def test_the_same_view_gives_the_same_bytes() -> None:
    assert render_slip(view(2)) == render_slip(view(2))


@pytest.mark.parametrize(("name", "shown"), [("王", "王*"), ("王芳", "王*"), ("王淑芬", "王**"), ("阿依古丽", "阿***")])
def test_names_are_masked(name: str, shown: str) -> None:
    assert masked(name) == shown
