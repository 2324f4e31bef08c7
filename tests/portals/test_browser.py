"""A real browser on every sample page: no horizontal scroll, no blocked resource, no console error, big targets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.locale import Lang
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.portals.samples import samples
from tests.portals.serving import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]

# Opens what is folded, then measures: horizontal scroll, what stands outside the window, and targets that are too
# small (the native box inside a label of full size is no target of its own).
MEASURE = """() => {
  document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
  const width = document.documentElement.clientWidth;
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  const outside = seen('main *').filter((e) => !e.closest('.visually-hidden, thead')).filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.right > width + 1 || box.left < -1);
  });
  const targets = seen(
    'nav a, .prefs a, .taps a, .back, button, .button, select, input:not([type=hidden], [type=checkbox], [type=radio])'
  );
  return {
    scroll: document.documentElement.scrollWidth - width,
    outside: outside.map((e) => `${e.tagName}.${e.getAttribute('class')}`),
    small: targets.filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 80)),
  };
}"""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.mark.parametrize(
    ("lang", "size", "width"),
    # English in the largest text is the widest; what fits there fits in standard size.
    [
        ("zh-Hans", "standard", 360),
        ("en", "elder", 360),
        pytest.param("zh-Hans", "standard", 1280, marks=pytest.mark.full),
    ],
)
def test_every_page(base: str, browser, lang: Lang, size: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 780})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    faults = {}
    for sample in samples(lang):
        said.clear()
        answer = page.goto(f"{base}/{lang}/{size}/{sample.name}")
        assert answer.status == 200
        # Sample pages poll an address that only the product has.
        found = page.evaluate(MEASURE) | {"console": [text for text in said if "404" not in text]}
        if any(found.values()):
            faults[sample.name] = {name: value for name, value in found.items() if value}
    page.close()
    assert faults == {}


def test_a_violation_would_show(base: str, browser) -> None:
    """The check above can fail: a planted inline handler is blocked and reported."""
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{base}/en/standard/citizen-me")
    page.evaluate("() => document.body.setAttribute('style', 'color:red')")
    page.wait_for_timeout(50)
    page.close()
    assert any("Content Security Policy" in text for text in said)


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_a_citizen_s_head_is_one_line_on_a_phone(base: str, browser, lang: Lang) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 780})
    page.goto(f"{base}/{lang}/standard/citizen-home")
    tops = page.eval_on_selector_all(".top-inner > *", "(all) => all.map((e) => Math.round(e.offsetTop / 20))")
    bottom = page.evaluate("() => document.querySelector('.top-inner').offsetHeight")
    page.close()
    assert len(set(tops)) == 1 and bottom < 75, (tops, bottom)


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_staff_unfold_their_sections_on_a_phone_without_a_script(base: str, browser, lang: Lang) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 780}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/{lang}/standard/regulator-watch")
    head = [page.locator(part).bounding_box() for part in (".brand", ".prefs")]
    assert head[0]["x"] + head[0]["width"] <= head[1]["x"], head
    assert abs(head[0]["y"] - head[1]["y"]) < 10, "name and choices share one line"
    sections, folded = page.locator("nav.sections a"), page.locator(".menu nav a")
    assert not sections.first.is_visible()
    assert not folded.first.is_visible()
    page.click(".menu summary")
    assert folded.evaluate_all("(all) => all.map((e) => e.href)") == sections.evaluate_all(
        "(all) => all.map((e) => e.href)"
    )
    assert all(one.is_visible() for one in folded.all())
    assert page.is_visible(".menu form[action='/signout'] button")
    context.close()


def test_keyboard_reaches_both_answers(base: str, browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 780})
    page.goto(f"{base}/zh-Hans/standard/citizen-consent")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.value || document.activeElement.name || ''"))
    page.close()
    assert reached.index("approve") < reached.index("deny")


def test_drop_zone_names_the_chosen_file(base: str, browser) -> None:
    page = browser.new_page()
    page.goto(f"{base}/en/standard/department-new-chosen")
    page.set_input_files("#file", {"name": "rows.csv", "mimeType": "text/csv", "buffer": b"x" * 2048})
    assert "rows.csv" in page.inner_text("[data-chosen]")
    assert "2.0 KB" in page.inner_text("[data-chosen]")
    page.close()


def test_pages_work_without_script(base: str, browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/en/standard/citizen-grant")
    page.click("summary.button.stop")
    assert page.is_visible("text=Yes, take back")
    context.close()
