"""Every page renders in both languages; its HTML is labelled, inline-free and honest about language."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from api.locale import LANGUAGES
from api.portals import render
from api.portals.render import grouped, local_path, render_page, static_url
from tests.portals.samples import Sample, samples

VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
    "path",
    "use",
}
CHAIN_WORDS = re.compile(r"哈希|区块|交易|燃料|钱包|\b(hash|gas|wallet|block|transaction)s?\b", re.IGNORECASE)
ALL = [pytest.param(sample, id=f"{sample.name}-{lang}") for lang in LANGUAGES for sample in samples(lang)]


class Outline(HTMLParser):
    """Collects what the checks ask of a page, and insists on balanced elements."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.text: list[str] = []
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.stack)))
        assert len(attrs) == len(dict(attrs)), f"attribute twice in {tag}"
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.stack)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> without a start"
        assert self.stack.pop() == tag, f"</{tag}> out of place"

    def handle_data(self, data: str) -> None:
        if "script" not in self.stack and "style" not in self.stack:
            self.text.append(data)

    def each(self, *tags: str) -> Iterator[tuple[dict[str, str | None], tuple[str, ...]]]:
        return ((attrs, parents) for tag, attrs, parents in self.elements if tag in tags)


def outline(sample: Sample) -> Outline:
    parsed = Outline()
    parsed.feed(render_page(sample.template, sample.view, sample.page))
    parsed.close()
    assert parsed.stack == []
    return parsed


@pytest.mark.parametrize("sample", ALL)
def test_page(sample: Sample) -> None:
    html = outline(sample)
    elements = html.elements
    assert next(html.each("html"))[0]["lang"] == sample.page.lang
    assert len(list(html.each("h1"))) == 1
    assert len(list(html.each("main"))) == 1
    # Nothing inline: the policy would block it, and then the page would be broken.
    assert not [tag for tag, attrs, _ in elements if "style" in attrs or any(name.startswith("on") for name in attrs)]
    assert all("src" in attrs for attrs, _ in html.each("script"))
    assert not list(html.each("style"))
    # Every entry has a label.
    labelled = {attrs["for"] for attrs, _ in html.each("label") if "for" in attrs}
    for attrs, parents in html.each("input", "select", "textarea"):
        if attrs.get("type") != "hidden":
            assert "label" in parents or attrs.get("id") in labelled, attrs
    ids = [attrs["id"] for _, attrs, _ in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs, _ in elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert name not in attrs or attrs[name] in ids, attrs
    # A changing form carries the token of the session, but for what changes nothing of anybody's.
    forms = [(at, attrs) for at, (tag, attrs, _) in enumerate(elements) if tag == "form"]
    for at, attrs in forms:
        if attrs.get("method") == "post" and sample.page.viewer and attrs["action"] not in {"/preferences", "/verify"}:
            inside = [a.get("name") for tag, a, parents in elements[at + 1 :] if tag == "input" and "form" in parents]
            assert inside[:1] == ["csrf"], attrs
    # Links stay here, icons exist.
    for attrs, _ in html.each("a", "link", "use"):
        assert attrs["href"].startswith(("/", "#")), attrs
    sprite = (render.STATIC / "icons.svg").read_text("utf-8")
    for attrs, _ in html.each("use"):
        assert f'id="{attrs["href"].split("#")[1]}"' in sprite
    text = " ".join(html.text)
    assert "%(" not in text
    assert "None" not in text.split()
    if sample.page.portal == "citizen":
        assert not CHAIN_WORDS.search(text), CHAIN_WORDS.search(text)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_speak_one_language(lang: str) -> None:
    """In English no Chinese but the switch to it; in Chinese no sentence of English."""
    for sample in samples(lang):
        text = " ".join(outline(sample).text)
        if lang == "en":
            rest = text.replace("中文", "")
            chinese = set(re.findall("[\u4e00-\u9fff]+", rest)) - {"证号", "姓名", "住址", "有效期至"}
            if sample.name.startswith("public-seal-"):
                # As their certificates name them.
                chinese -= {"演示", "演示印章签发", "演示市公安局", "演示市民政局", "电子印章"}
            assert not chinese, (sample.name, chinese)
        elif "sample" not in sample.template and sample.name not in {
            "entity-keys",
            "entity-keys-none",
            "entity-grant",
            "entity-grant-ended",
        }:
            commands = r"mydata (verify bundle\.json --rpc URL --trust trust\.json|epoch rotate)"
            assert not re.findall(r"\b[a-z]+ [a-z]+ [a-z]+\b", re.sub(commands, "", text)), sample.name


def test_every_sample_has_a_name_of_its_own() -> None:
    """A page under a name that is taken would never be looked at in a browser."""
    names = [sample.name for sample in samples("en")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_consent_offers_both_answers_alike() -> None:
    for lang in LANGUAGES:
        html = outline(next(one for one in samples(lang) if one.name == "citizen-consent"))
        answers = {attrs["value"]: attrs for attrs, parents in html.each("button") if attrs.get("name") == "decision"}
        assert set(answers) == {"approve", "deny"}
        boxes = [attrs for attrs, _ in html.each("input") if attrs.get("type") == "checkbox"]
        # Nothing optional is ticked beforehand.
        assert boxes
        assert not [attrs for attrs in boxes if "checked" in attrs]


def test_values_are_escaped() -> None:
    from dataclasses import replace

    sample = next(one for one in samples("en") if one.name == "citizen-me")
    view = replace(sample.view, name='<script>alert("x")</script>')
    assert "<script>alert" not in render_page(sample.template, view, sample.page)
    assert "<b>" not in grouped("<b>0123</b>")


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "", None, "/a\nb", "javascript:x"]
)
def test_next_never_leads_elsewhere(path: str | None) -> None:
    assert local_path(path) == "/"


def test_next_keeps_a_path_of_ours() -> None:
    assert local_path("/citizen/grants?x=1") == "/citizen/grants?x=1"


def test_grouped_identifiers_copy_whole() -> None:
    text = re.sub("<[^>]+>", "", grouped("0x0123456789abcdef"))
    assert text == "0x0123456789abcdef"
    assert "…" in grouped("copy_7Q2M4T8ZK1VX9R3B", 12)


def test_static_addresses_change_with_their_content() -> None:
    assert re.fullmatch(r"/static/tokens\.css\?v=[0-9a-f]{12}", static_url("tokens.css"))
    assert static_url("tokens.css").split("=")[1] != static_url("base.css").split("=")[1]
