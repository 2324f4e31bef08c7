"""Pictures of the main stories: `python -m tests.portals.service_screenshots docs/screenshots`.

Starts the whole stack with demo data, signs in as its people, and photographs what they see. Every page, from its
sample, is taken by `tests.portals.screenshots`.
"""

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from eth_account import Account
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from api.demo import up
from api.demo.seed import seed_once
from tests.portals.preview import CHROMIUM
from tests.portals.screenshots import save

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 860}


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        running = up.start(Path(name), port=0, chain_port=0)
        try:
            seed_once(running.settings, Console(stderr=True))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                # Once: the grant may allow no further use.
                leak = _pulled(browser.new_page(), running.url, Path(name))
                for lang, short in (("zh-Hans", "zh"), ("en", "en")):
                    context = browser.new_context(viewport=PHONE, locale="zh-CN" if short == "zh" else "en-GB")
                    context.add_cookies([{"name": "mydata_lang", "value": lang, "url": running.url}])
                    _story(context.new_page(), running.url, folder, short, leak)
                    context.close()
                browser.close()
        finally:
            running.stack.stop()


def _story(page: Page, url: str, folder: Path, lang: str, leak: Path) -> None:
    def shot(name: str, *, size: dict[str, int] = PHONE, full: bool = False) -> None:
        page.wait_for_load_state("load")
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        if full:
            # A taller window, not a stitched picture: what is fixed to the window's foot stays at the foot.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": size["width"], "height": height})
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        save(picture, folder / f"service-{name}.{lang}.webp")

    page.goto(url)
    shot("landing", size=DESK)
    _citizen(page, url, shot)
    _department(page, url, shot)
    _entity(page, url, shot)
    _regulator(page, url, shot, leak)


INSURER = re.compile("演示海港财产保险公司|Demo Harbour Insurance")
SOCIAL = re.compile("演示市社会保险事业中心|Demo City Social Insurance Centre")
COURT = re.compile("演示海港人民法院|Demo Harbour Court")


def _sign_in(page: Page, url: str, role: str, who: re.Pattern[str] | None = None) -> None:
    page.context.clear_cookies(name="mydata_session")
    page.goto(f"{url}/signin/{role}")
    buttons = page.locator("main form button")
    (buttons if who is None else buttons.filter(has_text=who)).first.click()
    page.wait_for_url(f"{url}/{role}")


def _citizen(page: Page, url: str, shot: Callable[..., None]) -> None:
    _sign_in(page, url, "citizen")
    shot("citizen-home")
    page.goto(f"{url}/citizen/requests")
    page.locator("main a[href^='/citizen/requests/req_']").nth(1).click()
    shot("citizen-consent", full=True)
    own_key = page.url + "?own_key=1"
    page.goto(f"{url}/citizen/footprints")
    shot("citizen-footprints")
    _own_key(page, own_key, shot)
    page.goto(f"{url}/citizen/grants")
    page.locator("main a[href^='/citizen/grants/']").first.click()
    shot("citizen-grant", full=True)


def _own_key(page: Page, address: str, shot: Callable[..., None]) -> None:
    """Terms laid out for a key of the holder's own; nothing is given, and the draft ends by itself."""
    page.goto(address)
    for box in page.locator("input[type=checkbox][required]").all():
        box.check()
    page.fill("#key", Account.create().address)
    page.locator("form[action$='/own-key'] .main-action").click()
    page.wait_for_selector("#signature")
    page.locator("summary").first.click()
    shot("citizen-own-key", full=True)


def _department(page: Page, url: str, shot: Callable[..., None]) -> None:
    _sign_in(page, url, "department")
    shot("department-new", size=DESK)
    page.goto(f"{url}/department/returns")
    page.locator("main a[href^='/department/returns/']").first.click()
    shot("department-return", size=DESK)


def _entity(page: Page, url: str, shot: Callable[..., None]) -> None:
    _sign_in(page, url, "entity", INSURER)
    shot("entity-home", size=DESK)
    page.goto(f"{url}/entity/grants")
    shot("entity-grants", size=DESK)
    _sign_in(page, url, "entity", SOCIAL)
    page.goto(f"{url}/entity/items?q=养老保险")
    shot("entity-items", size=DESK)
    _sign_in(page, url, "entity", COURT)
    page.goto(f"{url}/entity/queries")
    shot("court-queries", size=DESK, full=True)


def _regulator(page: Page, url: str, shot: Callable[..., None], leak: Path) -> None:
    _sign_in(page, url, "regulator")
    page.locator("#files").set_input_files(str(leak))
    page.locator("button.main-action").first.click()
    page.wait_for_selector(".verdict")
    shot("regulator-verdict", size=DESK, full=True)
    page.locator("main a[href^='/regulator/grants/']").first.click()
    page.wait_for_selector("#measures")
    shot("regulator-consent", size=DESK, full=True)


def _pulled(page: Page, url: str, folder: Path) -> Path:
    """A copy as the insurer downloads it from its portal."""
    _sign_in(page, url, "entity", INSURER)
    page.goto(f"{url}/entity/grants")
    links = page.locator("main a[href^='/entity/grants/grant_']")
    for path in [one.get_attribute("href") for one in links.all()]:
        page.goto(f"{url}{path}")
        pull = page.locator("main form[action$='/pulls'] button")
        if pull.count():
            with page.expect_download() as waiting:
                pull.first.click()
            copy = folder / waiting.value.suggested_filename
            waiting.value.save_as(copy)
            return copy
    raise LookupError("no entity can pull in the demo data")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
