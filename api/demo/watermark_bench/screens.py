"""Tables photographed off a screen: drawn as a spreadsheet program shows them, changed as pictures are, and traced."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont

from api.demo.watermark_bench import attacks, cases, tables
from api.demo.watermark_bench.geometry import resize
from api.demo.watermark_bench.tone import Picture, jpeg
from watermark import Verdict

ROWS = 20
FEWEST, MOST = 12, 18
CONTROL = "table picture: "
_LIGHT = ((255, 255, 255), (20, 20, 20), (210, 210, 210))
_DARK = ((30, 30, 30), (220, 220, 220), (70, 70, 70))

Rows = Sequence[Mapping[str, str]]
Shot = Callable[[tables.Rows], Picture]


def screen(rows: Rows, *, size: int = 14, dark: bool = False, ruled: bool = True) -> Picture:
    """The rows in a grid under a line of names, letters so many pixels high; shape (rows, columns, 3)."""
    names = list(rows[0])
    font = ImageFont.truetype(str(pylopdf_fonts_zh_cn.sans_path()), size)
    lines = [names, *([row[name] for name in names] for row in rows)]
    widths = [max(int(font.getlength(line[k])) for line in lines) + 12 for k in range(len(names))]
    high = size + 10
    paper, ink, rule = _DARK if dark else _LIGHT
    image = Image.new("RGB", (sum(widths) + 1, high * len(lines) + 1), paper)
    draw = ImageDraw.Draw(image)
    for y, line in enumerate(lines):
        x = 0
        for text, width in zip(line, widths, strict=True):
            if ruled:
                draw.rectangle((x, y * high, x + width, (y + 1) * high), outline=rule)
            draw.text((x + 6, y * high + 3), text, font=font, fill=ink)
            x += width
    return np.asarray(image)


def _turned(picture: Picture, degrees: float) -> Picture:
    height, width = picture.shape[:2]
    moved = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(picture, moved, (width, height), borderValue=(255, 255, 255)), np.uint8)


def _photographed(picture: Picture) -> Picture:
    (phone,) = (attack for attack in attacks.NOTE if attack.name == "phone photo")
    return phone([resize(picture, 2.0)], "screen")


SHOTS: Mapping[str, Shot] = {
    "as it is": screen,
    "dark": lambda rows: screen(rows, dark=True),
    "without rules": lambda rows: screen(rows, ruled=False),
    "letters of 11 pixels": lambda rows: screen(rows, size=11),
    "letters of 20 pixels": lambda rows: screen(rows, size=20),
    "JPEG 70": lambda rows: jpeg(screen(rows), 70),
    "JPEG 40": lambda rows: jpeg(screen(rows), 40),
    "dark, JPEG 70": lambda rows: jpeg(screen(rows, dark=True), 70),
    "scaled to 0.5": lambda rows: resize(screen(rows), 0.5),
    "scaled to 0.75": lambda rows: resize(screen(rows), 0.75),
    "scaled to 1.5": lambda rows: resize(screen(rows), 1.5),
    "scaled to 0.75, JPEG 70": lambda rows: jpeg(resize(screen(rows), 0.75), 70),
    "turned by 1 degree": lambda rows: _turned(screen(rows), 1.0),
    "phone photo of the screen (simulated)": lambda rows: _photographed(screen(rows)),
    "16 rows scrolled to": lambda rows: screen(rows[3:19]),
    "every second row hidden": lambda rows: screen(rows[::2]),
    "three columns": lambda rows: screen([dict(list(row.items())[:3]) for row in rows]),
    "rows sorted by number (nothing left to name by)": lambda rows: screen(sorted(rows, key=lambda row: row["证号"])),
}


MISSING: dict[str, object] = {"missing": "the part that reads lettering (mydata[ocr])"}


def _issued(candidates: int) -> tuple[cases.Issue, int, tables.Rows]:
    """The table, who leaks it, and the rows of that copy."""
    issue = tables.issue_table(tables.CSV, ROWS, candidates)
    (guilty,) = issue.leakers(1)
    return issue, guilty, tables.rows_of(issue.file(guilty))


def shot_cases(candidates: int) -> Iterator[tuple[dict[str, object], Verdict | None]]:
    """Each way of showing a table: figures and the verdict."""
    issue, guilty, rows = _issued(candidates)
    contents = issue.contents()
    for name, shot in SHOTS.items():
        asked = cases.ask(cases.png(shot(rows)), "leak.png", contents)
        told = cases.judged(asked, [guilty], candidates)
        yield {"content": issue.content_id, "attack": name} | told, asked.verdict


def figures(candidates: int) -> Iterator[dict[str, object]]:
    """A row for each planted fault, and how many rows are needed."""
    issue, _, rows = _issued(candidates)
    contents = issue.contents()
    stranger = tables.rows_of(issue.made(candidates + 7))
    told = cases.ask(cases.png(screen(stranger)), "leak.png", contents)
    yield {"control": CONTROL + "a copy never issued"} | cases.judged(told, [], candidates)
    told = cases.ask(cases.png(screen(rows)), "leak.png", contents, cases.OTHER_KEY)
    yield {"control": CONTROL + "another key"} | cases.judged(told, [], candidates)
    yield {"needed_on_screen": _needed(candidates)}


def _needed(candidates: int) -> dict[str, object]:
    """How many rows name the leaker at 1e-6, and at 1e-9: two columns as issued, scaled to 0.75, JPEG 70."""
    needed: dict[str, object] = {"candidates": candidates, "suspect": None, "identified": None}
    for count in range(FEWEST, MOST + 1):
        issue = tables.issue_table(tables.CSV, count, candidates)
        (guilty,) = issue.leakers(1)
        rows = [{name: row[name] for name in ("住址", "证号")} for row in tables.rows_of(issue.file(guilty))]
        suspect = cases.png(jpeg(resize(screen(rows), 0.75), 70))
        told = cases.judged(cases.ask(suspect, "leak.png", issue.contents()), [guilty], candidates)
        if told["named"] and needed["suspect"] is None:
            needed["suspect"] = count
        if told["named"] and told["outcome"] == "identified":
            needed["identified"] = count
            break
    return needed
