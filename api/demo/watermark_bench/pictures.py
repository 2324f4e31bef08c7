"""The pictures of the bench: the product's own certificates, rendered, with a photo and a seal drawn on; photographs.

Nobody is shown: portraits are drawn from ellipses and noise, certificates are the fictitious city's. Photographs come
from packages that are installed beside the peers; where there are none, textured landscapes are made, and it is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pypdfium2

from api.catalogue import load_catalogue
from api.demo.city import City, generate_city
from api.demo.watermark_bench.tone import Picture, decoded, floats, gaussian, whole
from api.documents.certificate import CertificateView, render_certificate

DESIGNS = {
    "id_card": ("person.id_card", 150, "portrait", (255, 255, 255)),
    "driving_licence": ("person.driving_licence", 150, "portrait", (255, 250, 240)),
    "education": ("person.education_certificate", 150, "portrait", (255, 245, 245)),
    "property_title": ("person.real_estate_title", 200, "house", (255, 255, 255)),
    "business_licence": ("enterprise.business_licence", 200, "house", (255, 255, 255)),
}
"""Design: type of certificate, resolution in dots per inch, what is drawn on it, colour of its paper."""

DPI = (96, 150, 200, 300)

PHOTOGRAPHS = {
    "china": "sklearn/datasets/images/china.jpg",
    "coffee": "skimage/data/coffee.png",
    "astronaut": "skimage/data/astronaut.png",
}
"""Photographs that the packages scikit-learn and scikit-image ship, by their path in the peers' environment."""

TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Subject:
    """One picture of the bench. `kind`: certificate or photograph. `source`: where it comes from."""

    name: str
    kind: str
    picture: Picture
    source: str


@cache
def certificate_pdf(design: str) -> bytes:
    """The product's PDF of a certificate of the fictitious city."""
    catalogue = load_catalogue()
    schema = catalogue.type(DESIGNS[design][0])
    held = _city().by_type()[schema.code][0]
    department = catalogue.departments[schema.department]
    number = "cert_01JD8Z5Q6N7M8K9P"
    link = f"https://mydata.example.cn/verify/{number}"
    view = CertificateView(
        schema, held.values, department.demo_zh, department.demo_en, number, link,
        elc=schema.elc("11371099MA22Y0XU3D", number, 1),
    )  # fmt: skip
    return render_certificate(view)


@cache
def _city() -> City:
    return generate_city(20, 300, seed=3, today=TODAY)


def rendered(pdf: bytes, dpi: int, page: int = 0) -> Picture:
    """A page of a PDF as PDFium draws it."""
    with pypdfium2.PdfDocument(pdf) as document:
        found = document[page].render(scale=dpi / 72).to_numpy()
    return np.ascontiguousarray(cv2.cvtColor(found[..., :3], cv2.COLOR_BGR2RGB), dtype=np.uint8)


def certificate(design: str, dpi: int | None = None) -> Subject:
    """A certificate at its design's resolution, or at `dpi`."""
    resolution = dpi or DESIGNS[design][1]
    picture = drawn_on(design, certificate_pdf(design), resolution)
    return Subject(design, "certificate", picture, f"{DESIGNS[design][0]}, {resolution} dpi")


def drawn_on(design: str, pdf: bytes, dpi: int) -> Picture:
    """The first page of `pdf` on the design's paper, with its photo."""
    _, _, drawn, paper = DESIGNS[design]
    page = rendered(pdf, dpi)
    height, width = page.shape[:2]
    tint = np.array(paper, dtype=np.float32) / 255
    out = floats(page) * tint
    rng = np.random.default_rng(len(design))
    wide, high = (
        (width * 15 // 100, width * 20 // 100) if drawn == "portrait" else (width * 24 // 100, width * 16 // 100)
    )
    photo = portrait(rng, high, wide) if drawn == "portrait" else landscape(rng, high, wide)
    top, left = height * (40 if drawn == "portrait" else 62) // 100, width * 88 // 100 - wide
    out[top : top + high, left : left + wide] = floats(photo)
    return whole(out)


def portrait(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Somebody who does not exist: ellipses, shading and grain."""
    out = np.empty((height, width, 3), dtype=np.float32)
    out[:] = np.linspace(205, 175, height, dtype=np.float32)[:, None, None] * np.array([0.85, 0.95, 1.1], np.float32)
    middle, unit = (width // 2, int(height * 0.45)), width / 10
    skin, hair, cloth = (222.0, 184.0, 160.0), (38.0, 32.0, 30.0), (52.0, 66.0, 98.0)

    def ellipse(centre: tuple[int, int], axes: tuple[float, float], colour: tuple[float, ...]) -> None:
        cv2.ellipse(out, centre, (int(axes[0]), int(axes[1])), 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse((middle[0], int(height * 1.02)), (unit * 4.4, height * 0.26), cloth)
    ellipse((middle[0], int(height * 0.72)), (unit * 1.2, height * 0.1), skin)
    ellipse((middle[0], middle[1] - int(unit)), (unit * 2.75, unit * 3.4), hair)
    ellipse(middle, (unit * 2.35, unit * 3.1), skin)
    for side in (-1, 1):
        eye = (middle[0] + int(side * unit), middle[1] - int(unit * 0.4))
        ellipse(eye, (unit * 0.42, unit * 0.2), (245.0, 245.0, 245.0))
        ellipse(eye, (unit * 0.2, unit * 0.2), (30.0, 24.0, 22.0))
    ellipse((middle[0], middle[1] + int(unit * 1.6)), (unit * 0.8, unit * 0.2), (176.0, 92.0, 92.0))
    shade = np.linspace(1.08, 0.86, width, dtype=np.float32)[None, :, None]
    grain = gaussian(rng.standard_normal((height, width), dtype=np.float32), 0.8) * 7
    return whole(gaussian(out * shade, 0.6) + grain[..., None])


def _fractal(rng: np.random.Generator, height: int, width: int) -> Picture:
    values = np.zeros((height, width), dtype=np.float32)
    cells, weight = 3, 1.0
    while cells < max(height, width):
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        values += weight * np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
        cells, weight = cells * 2, weight * 0.62
    values -= values.min()
    return whole(values / max(1e-6, float(values.max())) * 255)


def landscape(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A made landscape: sky, hills of fractal noise, a house with windows."""
    relief = floats(_fractal(rng, height, width))
    sky = np.linspace(1.0, 0.75, height, dtype=np.float32)[:, None, None] * np.array([168, 198, 236], np.float32)
    out = sky + (relief[..., None] - 128) * np.float32(0.15)
    ridge = height * 0.45 + 0.18 * height * (relief[height // 2] / 255 - 0.5)
    below = np.arange(height, dtype=np.float32)[:, None] > ridge[None, :]
    out[below] = (relief[..., None] * np.array([0.42, 0.58, 0.3], np.float32) + 30)[below]
    left, right, top, bottom = width // 4, width * 3 // 4, height * 35 // 100, height * 85 // 100
    wall = relief[top:bottom, left:right, None] * 0.12 + np.array([196, 178, 150], np.float32)
    out[top:bottom, left:right] = wall
    for row in range(2):
        for column in range(4):
            y = top + (bottom - top) * (1 + 4 * row) // 9
            x = left + (right - left) * (1 + 4 * column) // 17
            out[y : y + (bottom - top) // 4, x : x + (right - left) // 8] = (58, 72, 92)
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * 2
    return whole(out + grain)


def photographs(folder: Path) -> list[Subject]:
    """The three photographs found below `folder` (the peers' environment), or made landscapes instead."""
    found: list[Subject] = []
    for number, (name, place) in enumerate(PHOTOGRAPHS.items()):
        files = sorted(folder.glob(f"lib/python*/site-packages/{place}"))
        if files:
            found.append(Subject(name, "photograph", decoded(files[0].read_bytes()), f"shipped as {place}"))
        else:
            made = landscape(np.random.default_rng(900 + number), 480, 640)
            found.append(Subject(f"made_{name}", "photograph", made, "made: fractal landscape, no photograph"))
    return found


def subjects(folder: Path, names: Sequence[str] = ()) -> list[Subject]:
    """Five certificates and three photographs, or those of them that are named."""
    every = [certificate(design) for design in DESIGNS if not names or design in names]
    return every + [one for one in photographs(folder) if not names or one.name.removeprefix("made_") in names]
