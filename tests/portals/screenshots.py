"""Pictures of every page for the documentation: `python -m tests.portals.screenshots docs/screenshots [name…]`.

One picture a page, from its sample (`tests.portals.samples`), so that a page looks the same whoever takes it and
whenever: a phone of 360 px and a desk of 1280 px, Chinese and English, side by side. The main stories from the running
service are taken by `tests.portals.service_screenshots`. The index beside the pictures is made of `screenshot_index`.
"""

import io
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from api.locale import LANGUAGES, Lang
from api.portals.render import STATIC
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.portals.screenshot_index import CHAPTERS, index_text
from tests.portals.serving import serving

# Width, scale: a desk's page is legible at half its size.
PHONE, DESK = (360, 1.0), (1280, 0.5)
# A longer page is cut: what stands below is more of the same.
TALLEST = 1000
WHOLE = frozenset({"citizen-consent", "citizen-grant", "department-return-checked", "regulator-trace"})
GAP, BETWEEN = 16, (136, 146, 153)
# The colours of the light theme (tokens.css), and what stands half-way from a text to its ground, for smooth edges.
ON_CARD = ("ink", "muted", "edge", "primary", "stop", "seal")
ON_WEAK = ("primary", "good", "wait", "stop")
COLOUR = re.compile(r"--([\w-]+): #([0-9a-f]{6});")


def main(folder: Path, wanted: list[str]) -> None:
    """Take the pictures (all, or those whose name begins with one wanted) and write the index."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for chapter in CHAPTERS for name, _ in chapter.pages]
    chosen = [name for name in names if not wanted or name.startswith(tuple(wanted))]
    with serving() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        views = list(_views(browser))
        for name in chosen:
            parts = [
                _shot(page, f"{base}/{lang}/standard/{name}", scale, whole=name in WHOLE) for lang, scale, page in views
            ]
            save(beside(parts), folder / f"{name}.webp")
        browser.close()
    (folder / "README.md").write_text(index_text(), encoding="utf-8")


def _views(browser: Browser) -> Iterator[tuple[Lang, float, Page]]:
    """A phone in both languages, then a desk in both."""
    for width, scale in (PHONE, DESK):
        for lang in LANGUAGES:
            size = {"width": width, "height": 740}
            locale = "zh-CN" if lang == "zh-Hans" else "en-GB"
            yield lang, scale, browser.new_page(viewport=size, device_scale_factor=scale, locale=locale)


def _shot(page: Page, address: str, scale: float, *, whole: bool) -> Image.Image:
    """The whole page, or its upper part, in a window as tall: what is fixed to the window's foot stays there."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": 600})
    page.goto(address)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height if whole else min(int(TALLEST / scale), height)})
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def beside(parts: list[Image.Image]) -> Image.Image:
    """The pictures from left to right, their heads at one height."""
    width = sum(part.width for part in parts) + GAP * (len(parts) - 1)
    whole, at = Image.new("RGB", (width, max(part.height for part in parts)), BETWEEN), 0
    for part in parts:
        whole.paste(part, (at, 0))
        at += part.width + GAP
    return whole


@cache
def _palette() -> Image.Image:
    light = (STATIC / "tokens.css").read_text("utf-8").partition("@media")[0]
    colours = {name: tuple(bytes.fromhex(value)) for name, value in COLOUR.findall(light)}
    pairs = [(name, "card") for name in ON_CARD] + [(name, f"{name}-weak") for name in ON_WEAK]
    mixed = [tuple((a + b) // 2 for a, b in zip(colours[x], colours[y], strict=True)) for x, y in pairs]
    mixed += [tuple((a + 2 * b) // 3 for a, b in zip(colours[x], colours["card"], strict=True)) for x in ON_CARD[:2]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in (*colours.values(), *mixed, BETWEEN) for part in colour])
    return palette


def save(picture: Image.Image, path: Path) -> None:
    """As WebP without loss, in the theme's own colours: sharper and smaller than all colours with loss."""
    few = picture.quantize(palette=_palette(), dither=Image.Dither.NONE)
    few.convert("RGB").save(path, lossless=True, quality=100, method=4)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
