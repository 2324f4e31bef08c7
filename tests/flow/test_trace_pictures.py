"""Photos and pictures brought to the regulator: the content is found without a hidden id, by number or by look."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from api.demo import flow, flow_traces
from api.demo.client import Person
from api.demo.provision import party_id
from api.services import trace_candidates
from tests.town import BANKS, CLAIM, HARBOUR, TITLES, Service, small_city
from tests.watermark.pictures import Pixels, encoded, page_picture, photo, photographed
from tests.watermark.screens import as_file, screen
from watermark.carriers import image_evidence
from watermark.carriers.pdf_reading import text_of
from watermark.forgetting import held
from watermark.lettering import can_read
from watermark.reading import Raster

pytestmark = pytest.mark.slow


@dataclass
class Sheets:
    """PDF copies: one form filled in for several drivers, each for the insurer, and a landlord's titles for a bank."""

    drivers: list[flow.Envelope]
    title: flow.Envelope


@pytest.fixture(scope="module")
def sheets(service: Service) -> Sheets:
    pull = flow.pull_envelope
    drivers = [pull(service.town, HARBOUR, service.grant(service.driver(at), items=CLAIM), "pdf") for at in range(3)]
    loan = {"purpose": "bank.personal_credit", "case_no": "L-9", "days": 5, "uses": 5}
    bank = BANKS[0]
    title = pull(service.town, bank, service.grant(small_city().landlords[0], bank, TITLES, **loan), "pdf")
    return Sheets(drivers, title)


def _photo(envelope: flow.Envelope) -> bytes:
    """A phone's photo of the printed copy; black bars lie over the foot, where its number stands, and over values."""
    page = page_picture(envelope.file, 140)
    rows, columns = page.shape[:2]
    page[int(rows * 0.955) :] = 255
    for top in (0.17, 0.215):
        page[int(rows * top) : int(rows * (top + 0.018)), int(columns * 0.38) : int(columns * 0.8)] = 0
    return encoded(_smaller(photographed(page)), "JPEG", quality=85)


def _smaller(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA), np.uint8)


def _traced(service: Service, data: bytes, **fields: str) -> dict[str, Any]:
    item = flow_traces.examine(service.town.regulator(), "photo.jpg", data, **fields)
    report = item["report"]
    return {**report, "id": item["id"], "entities": {one["entity"] for one in report["accused"]}}


def test_a_photo_with_its_number_redacted_is_found_by_look(service: Service, sheets: Sheets) -> None:
    found = _traced(service, _photo(sheets.drivers[1]))
    assert found["outcome"] == "identified", found
    assert [one["copy"] for one in found["named"]] == [sheets.drivers[1].copy]
    looked = found["looked"]
    assert looked["tried"] == looked["there"] >= 3
    copies = service.rows("SELECT count(*) FROM copies WHERE media_type = 'application/pdf'")[0][0]
    assert found["n"] == copies
    page = service.town.regulator().get_bytes(f"/regulator/traces/{found['id']}").decode()
    assert "与图片逐一比对" in page


def test_a_number_read_off_it_leads_to_the_content(service: Service, sheets: Sheets) -> None:
    copy = sheets.title.copy
    for number in (copy[-8:], copy, f" {copy[-8:].upper()} "):
        found = _traced(service, _photo(sheets.title), number=number)
        assert found["entities"] == {party_id(BANKS[0])}, number
        assert found["n"] == 1
        assert "looked" not in found


def test_the_report_shows_the_file_beside_the_original(service: Service, sheets: Sheets) -> None:
    """As PDF and page, from the file given once more; planted fault: another file gives no picture and an error."""
    leak = _photo(sheets.drivers[2])
    found = _traced(service, leak, number=sheets.drivers[2].copy)
    service.settle()
    who = service.town.regulator()
    at = f"/regulator/traces/{found['id']}/report"
    plain = flow_traces.report(who, found["id"])
    told = "".join(text_of(plain).split())
    (named,) = found["named"]
    assert named["copy"] in told
    assert f"{named['deliveries'][0]['receipt']}" in told
    assert "对齐后" not in told
    looks = "SELECT sum(1 + repeats) FROM look_counts"
    before = service.rows(looks)[0][0]
    again = {
        form: flow_traces.report_with_pictures(who, found["id"], "photo.jpg", leak, form) for form in ("pdf", "html")
    }
    assert "对齐后的前后对比" in text_of(again["pdf"])
    assert len(again["pdf"]) > len(plain) + 50_000
    assert again["html"].count(b"data:image/jpeg;base64,") == 3
    assert service.rows(looks)[0][0] == before + 2
    other = _with_pictures(who, at, _photo(sheets.drivers[1]), "pdf")
    assert other.status_code == 409
    assert "不是当时检验的文件" in other.text
    assert service.rows(looks)[0][0] == before + 2
    assert _with_pictures(service.citizen(service.driver()), at, leak, "pdf").status_code in {401, 403, 404}


def _with_pictures(who: Person, at: str, data: bytes, form: str) -> httpx.Response:
    answer: httpx.Response = who.http.post(
        at,
        data={"form": form},
        files={"files": ("photo.jpg", data, "image/jpeg")},
        headers={"X-CSRF-Token": who.csrf},
    )
    return answer


def test_the_window_and_the_limit_bound_what_is_opened(
    service: Service, sheets: Sheets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted fault: the right original outside the window, or beyond the limit, names nobody and says so."""
    early = _traced(service, _photo(sheets.drivers[0]), until="2020-01-01")
    assert (early["outcome"], early["looked"]) == ("none", {"tried": 0, "there": 0})
    monkeypatch.setattr(trace_candidates, "MAX_LOOKED_AT", 1)
    limited = _traced(service, _photo(sheets.drivers[0]))
    assert limited["looked"]["tried"] == 1
    assert limited["looked"]["there"] > 1
    assert not limited["accused"]


def test_a_pasted_number_does_not_keep_anybody_from_looking(service: Service, sheets: Sheets) -> None:
    """A picture that claims to be somebody else's copy: the claim names nobody, the look still finds whose it is."""
    leak = _photo(sheets.drivers[1])
    claimed = _claiming(leak, sheets.title.copy)
    image_evidence.suspect_of(Raster.of(np.zeros((8, 8), np.uint8)))
    assert held() > 0
    found = _traced(service, claimed)
    assert held() == 0, "what was compared is forgotten"
    assert [one["copy"] for one in found["named"]] == [sheets.drivers[1].copy], found
    copies = service.rows("SELECT count(*) FROM copies WHERE media_type = 'application/pdf'")[0][0]
    assert (found["outcome"], found["n"]) == ("identified", copies)
    early = _traced(service, claimed, until="2020-01-01")
    assert (early["accused"], early["n"], early["looked"]["tried"]) == ([], 1, 0)


def _claiming(jpeg: bytes, copy_id: str) -> bytes:
    """The picture with another copy's id in its metadata, and a tag that is not right."""
    out = io.BytesIO()
    said = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" mydata:copy="{copy_id}" mydata:mark="{bytes(16).hex()}"/>'.encode()
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.save(out, "JPEG", quality=95, xmp=said)
    return out.getvalue()


def test_a_strangers_photo_is_none_of_ours(service: Service, sheets: Sheets) -> None:
    assert _traced(service, encoded(photo(300, 400)))["outcome"] == "none"


@pytest.mark.skipif(not can_read(), reason="the part that reads lettering (mydata[ocr]) is not installed")
def test_a_screenshot_of_a_table_leads_to_its_content(service: Service, sheets: Sheets) -> None:
    """What it says is read off the picture and looked up; planted fault: somebody else's rows lead to nothing."""
    # One row is the least that a picture can hold: a single misread sign may hide it, so there are three to read.
    for at in (1, 2, 3):
        envelope = flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver(at), items=CLAIM), "csv")
        names, *lines = list(csv.reader(io.StringIO(envelope.file.decode("utf-8-sig"))))
        kept = [k for k, name in enumerate(names) if name != "_mydata"]
        rows = [{names[k]: line[k] for k in kept} for line in lines]
        found = _traced(service, as_file(screen(rows)))
        if found["outcome"] != "none":
            break
    assert found["outcome"] == "suspect", found
    assert "watermark.trace.provenance" in found["codes"]
    assert found["entities"] == {party_id(HARBOUR)}
    strangers = [{name: "".join(reversed(value)) for name, value in row.items()} for row in rows]
    nothing = _traced(service, as_file(screen(strangers)))
    assert (nothing["outcome"], nothing["accused"]) == ("none", [])


def test_a_request_has_a_limit_of_pictures_and_says_what_it_left_out(
    service: Service, sheets: Sheets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_candidates, "MAX_PICTURES", 0)
    found = _traced(service, _photo(sheets.drivers[0]))
    assert found["outcome"] == "none"
    assert "watermark.trace.pictures_left_out" in found["codes"]
    assert "looked" not in found
