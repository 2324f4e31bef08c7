"""Contrast of every pair of tokens that stands on another, in all four themes (WCAG 2.2: 4.5:1; elder mode 7:1)."""

import re

import pytest

from api.portals.render import STATIC

PAIRS = [
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "line"),
    ("ink", "primary-weak"),
    ("ink", "good-weak"),
    ("ink", "wait-weak"),
    ("ink", "stop-weak"),
    ("muted", "paper"),
    ("muted", "card"),
    ("muted", "primary-weak"),
    ("muted", "wait-weak"),
    ("muted", "stop-weak"),
    ("primary", "paper"),
    ("primary", "card"),
    ("primary", "primary-weak"),
    ("on-primary", "primary"),
    ("on-primary", "primary-strong"),
    ("good", "good-weak"),
    ("good", "card"),
    ("wait", "wait-weak"),
    ("stop", "stop-weak"),
    ("stop", "card"),
    ("on-stop", "stop"),
    ("seal", "card"),
]


def blocks() -> list[tuple[str, dict[str, str]]]:
    """Themes in the order of the file, print left out: (selector with its media, colours)."""
    css = re.sub(r"/\*.*?\*/", "", (STATIC / "tokens.css").read_text("utf-8"), flags=re.DOTALL)
    found = []
    for media, rest in re.findall(r"(?:@media ([^{]+)\{\s*)?((?::root(?:\[data-elder\])?[,\s]*)+\{[^}]*\})", css):
        selector, body = rest.split("{", 1)
        colours = dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6})", body))
        found.append((f"{media.strip()} {selector.strip()}".strip(), colours))
    return found


def themes() -> dict[str, dict[str, str]]:
    by_name = dict(blocks())
    dark = "(prefers-color-scheme: dark)"
    light = by_name[":root"]
    return {
        "light": light,
        "dark": light | by_name[f"{dark} :root"],
        "elder light": light | by_name[":root[data-elder]"],
        # The order of the cascade: the elder block is more specific than the dark one, its own dark block last.
        "elder dark": light
        | by_name[f"{dark} :root"]
        | by_name[":root[data-elder]"]
        | by_name[f"{dark} :root[data-elder]"],
    }


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_contrast_is_computed_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark", "elder light", "elder dark"])
def test_pairs(theme: str) -> None:
    colours = themes()[theme]
    least = 7.0 if theme.startswith("elder") else 4.5
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in PAIRS}
    assert {pair: value for pair, value in weak.items() if value < least} == {}


@pytest.mark.parametrize("theme", ["light", "dark", "elder light", "elder dark"])
def test_edges_of_controls_show(theme: str) -> None:
    """WCAG 1.4.11: what marks a control as one stands out 3:1 from its surroundings."""
    colours = themes()[theme]
    assert contrast(colours["edge"], colours["paper"]) >= 3
    assert contrast(colours["edge"], colours["card"]) >= 3


def test_colours_stand_in_the_tokens_alone() -> None:
    for name in ("base.css", "navigation.css", "components.css", "forms.css", "lists.css", "landing.css"):
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(", (STATIC / name).read_text("utf-8")), name


def test_seal_red_is_for_seals_alone() -> None:
    for name in ("base.css", "navigation.css", "components.css", "forms.css", "lists.css", "landing.css"):
        css = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text("utf-8"), flags=re.DOTALL)
        for rule in css.split("}"):
            assert "var(--seal)" not in rule or ".seal" in rule
