"""Screenshots of tables as picture files; and letters as a reader of pictures finds them, without one."""

import io
import unicodedata

from PIL import Image

from api.demo.watermark_bench import screens
from watermark.reading import Piece

Rows = screens.Rows


def screen(rows: Rows, *, size: int = 14, dark: bool = False) -> Image.Image:
    """The rows in a grid under a line of names."""
    return Image.fromarray(screens.screen(rows, size=size, dark=dark))


def as_file(image: Image.Image, form: str = "PNG", *, scale: float = 1.0, **how: object) -> bytes:
    """As a picture file, scaled."""
    if scale != 1.0:
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def letters(text: str, x: float, line: int, *, shown: str | None = None) -> Piece:
    """A piece as a reader finds it, wide letters 14 pixels wide, others 8. `shown`: as what the letters were read."""
    at = []
    for letter in text:
        width = 14.0 if unicodedata.east_asian_width(letter) in "WF" else 5.0 if letter in "()-" else 8.0
        at.append(x + width / 2)
        x += width
    return Piece(shown or text, tuple(at[: len(shown or text)]), 24.0 * line, 24.0 * line + 18)
