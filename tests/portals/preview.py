"""Pictures of every sample page: `python -m tests.portals.preview FOLDER [name…]`, for looking at."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.portals.samples import samples
from tests.portals.serving import serving

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def main(folder: Path, wanted: list[str]) -> None:
    """Write <name>.<lang>.<width>[.elder|.dark].png for every page, or for those whose name begins with one wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    views = [
        ("zh-Hans", "standard", 360, "light"),
        ("en", "standard", 360, "light"),
        ("zh-Hans", "standard", 1280, "light"),
        ("en", "standard", 1280, "light"),
        ("zh-Hans", "elder", 360, "light"),
        ("en", "standard", 360, "dark"),
    ]
    with serving() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for lang, size, width, scheme in views:
            page = browser.new_page(viewport={"width": width, "height": 780}, color_scheme=scheme)
            for sample in samples(lang):
                if wanted and not any(sample.name.startswith(start) for start in wanted):
                    continue
                page.goto(f"{base}/{lang}/{size}/{sample.name}")
                suffix = (
                    f"{lang}.{width}"
                    + ("" if size == "standard" else f".{size}")
                    + ("" if scheme == "light" else f".{scheme}")
                )
                page.screenshot(path=folder / f"{sample.name}.{suffix}.png", full_page=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
