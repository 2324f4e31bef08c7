"""Made-up pictures of certificates and photos, small, and what people do to pictures before they leak them."""

import io
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import pylopdf_fonts_zh_cn
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.watermark.cases import Content

cv2.setNumThreads(1)

Pixels = NDArray[np.uint8]
PNG = "image/png"
_WORDS = "本证明依授权出具仅限约定用途未经许可不得转借以上信息真实有效特此证明姓名证件号码住址工作单位参保起止缴费月数"
_TYPES = {"PNG": PNG, "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}


def photo(rows: int = 300, columns: int = 400, seed: int = 1) -> Pixels:
    """Clouds, discs and grain, shape (rows, columns, 3)."""
    rng = np.random.default_rng(seed)
    out = np.full((rows, columns, 3), 128.0, np.float32)
    for k in range(2, 8):
        noise = rng.normal(size=(2**k + 2, 2**k + 2, 3)).astype(np.float32)
        out += cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC) * (150 / 1.6**k)
    for _ in range(20):
        middle = (int(rng.integers(columns)), int(rng.integers(rows)))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.circle(
            out, middle, int(rng.integers(6, columns // 8)), colour, -1 if rng.random() < 0.5 else 2, cv2.LINE_AA
        )
    return np.clip(out + rng.normal(size=out.shape) * 2, 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(pylopdf_fonts_zh_cn.sans_path()), size)


def certificate(name: str = "张晓明", seed: int = 1, size: tuple[int, int] = (440, 600)) -> Pixels:
    """One of many certificates of one template: heading, frame, seal; `seed` decides values and photo."""
    image = Image.new("RGB", size, (250, 247, 238))
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    draw.text((size[0] // 2, 40), "个人参保缴费证明", font=_font(30), fill=(20, 20, 20), anchor="mm")
    draw.rectangle((20, 80, size[0] - 20, size[1] - 20), outline=(90, 90, 90), width=2)
    draw.text((40, 95), f"姓名：{name}", font=_font(17), fill=(15, 15, 15))
    short, long = (size[0] - 200) // 17, (size[0] - 80) // 18
    for line in range((size[1] - 180) // 30):
        words = "".join(_WORDS[int(rng.integers(len(_WORDS)))] for _ in range(short if line < 5 else long))
        draw.text((40, 125 + 30 * line), words, font=_font(17), fill=(15, 15, 15))
    image.paste(Image.fromarray(photo(110, 80, seed + 7)), (size[0] - 115, 95))
    draw.ellipse((270, 430, 390, 550), outline=(200, 30, 30), width=4)
    return np.asarray(image)


def encoded(pixels: Pixels, form: str = "PNG", **how: object) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **how)
    return out.getvalue()


def decoded(data: bytes) -> Pixels:
    """The picture's pixels, RGB."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def picture_content(pixels: Pixels, entities: int = 3, content_id: str = "content_i", form: str = "PNG") -> Content:
    """A picture issued to party_0, party_1, ..."""
    content = Content(content_id, _TYPES[form], encoded(pixels, form))
    for i in range(entities):
        content.issue(f"copy_{content_id}_{i}", f"party_{i}")
    return content


def page_picture(data: bytes, dpi: float = 120, page: int = 0) -> Pixels:
    """A page of a PDF as a reader shows it, RGB."""
    document = pypdfium2.PdfDocument(data)
    try:
        grey = np.asarray(document[page].render(scale=dpi / 72, grayscale=True).to_numpy())
        return np.dstack([grey.reshape(grey.shape[:2])] * 3)
    finally:
        document.close()


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    return decoded(encoded(pixels, "JPEG", quality=quality))


def scaled(pixels: Pixels, factor: float) -> Pixels:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=how), np.uint8)


def turned(pixels: Pixels, degrees: float) -> Pixels:
    rows, columns = pixels.shape[:2]
    change = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(pixels, change, (columns, rows), flags=cv2.INTER_CUBIC), np.uint8)


def cropped(pixels: Pixels, share: float) -> Pixels:
    rows, columns = (int(side * share**0.5) for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - rows) // 3, (pixels.shape[1] - columns) // 2
    return pixels[top : top + rows, left : left + columns].copy()


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(5).normal(size=pixels.shape) * deviation
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def photographed(pixels: Pixels) -> Pixels:
    """A phone's photo: perspective, uneven light, blur, noise, compression."""
    rows, columns = pixels.shape[:2]
    frame = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    inner = frame + np.array([[12, 9], [-7, 15], [-14, -6], [9, -11]], np.float32)
    change = cv2.getPerspectiveTransform(frame, inner)
    seen = cv2.warpPerspective(
        cv2.GaussianBlur(pixels, (0, 0), 0.8), change, (columns, rows), flags=cv2.INTER_CUBIC, borderValue=(90, 90, 90)
    )
    light = np.linspace(1.0, 0.75, columns)[None, :, None]
    return jpeg(noisy(np.clip(seen * light, 0, 255).astype(np.uint8), 3), 80)


def binarised(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    sharp = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 31, 15)
    return np.dstack([sharp] * 3)


def whitened(pixels: Pixels) -> Pixels:
    paper = cv2.GaussianBlur(cv2.dilate(pixels, np.ones((15, 15), np.uint8)), (0, 0), 15).astype(np.float32)
    return np.clip((pixels / paper * 255 - 40) * 1.35, 0, 255).astype(np.uint8)


PICTURE_ATTACKS: dict[str, Callable[[Pixels], Pixels]] = {
    "as_is": lambda p: p,
    "jpeg70": lambda p: jpeg(p, 70),
    "jpeg50": lambda p: jpeg(p, 50),
    "half_size": lambda p: scaled(p, 0.5),
    "larger": lambda p: scaled(p, 1.4),
    "cropped": lambda p: cropped(p, 0.5),
    "slightly_turned": lambda p: turned(p, 2.0),
    "on_its_side": lambda p: np.rot90(p).copy(),
    "upside_down": lambda p: np.rot90(p, 2).copy(),
    "mirrored": lambda p: p[:, ::-1].copy(),
    "noisy": lambda p: noisy(p, 8),
    "blurred": lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 1.5), np.uint8),
    "grey": lambda p: np.dstack([cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)] * 3),
    "photographed": photographed,
}
