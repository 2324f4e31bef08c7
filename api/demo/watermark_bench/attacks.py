"""All attacks on pictures, by name. The first 34 are the table of the design note, `MORE` and `CHAINS` go beyond it.

The note names 26 (from "none" to the averages of 2, 3, 5 and 10 copies) and counts 34; the other eight were chosen here
before anything was measured, from what the project asks of the bench, and stand last in `NOTE`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from api.demo.watermark_bench import collusion, geometry, scenes, tone
from api.demo.watermark_bench.tone import Picture

Random = np.random.Generator
Single = Callable[[Picture, Random], Picture]


@dataclass(frozen=True)
class Attack:
    """What is done to `copies` copies of one content, each another entity's. `act` is pure but for its generator."""

    name: str
    act: Callable[[Sequence[Picture], Random], Picture]
    copies: int = 1

    def __call__(self, pictures: Sequence[Picture], seed: str = "") -> Picture:
        """The attacked picture; the same pictures and seed give the same one."""
        rng = np.random.default_rng(crc32(f"{seed}/{self.name}".encode()))
        return self.act(pictures[: self.copies], rng)


def _one(name: str, act: Single) -> Attack:
    return Attack(name, lambda pictures, rng: act(pictures[0], rng))


def _fixed(name: str, act: Callable[[Picture], Picture]) -> Attack:
    return Attack(name, lambda pictures, _: act(pictures[0]))


def _joined(name: str, act: Callable[[Sequence[Picture]], Picture], copies: int) -> Attack:
    return Attack(f"{name} of {copies}", lambda pictures, _: act(pictures), copies)


def _mosaic(copies: int) -> Attack:
    return Attack(f"mosaic of {copies}", collusion.mosaic, copies)


def chain(first: Attack, *others: Attack) -> Attack:
    """One after the other; all but the first work on one picture."""

    def act(pictures: Sequence[Picture], rng: Random) -> Picture:
        found = first.act(pictures, rng)
        for other in others:
            found = other.act([found], rng)
        return found

    return Attack(" > ".join(one.name for one in (first, *others)), act, first.copies)


def _crop(share: float) -> Attack:
    return _one(f"crop to {share:.0%}", lambda p, rng: geometry.crop(p, rng, share))


def _noise(sigma: float) -> Attack:
    return _one(f"noise {sigma:g}", lambda p, rng: tone.noise(p, rng, sigma))


def _jpeg(quality: int) -> Attack:
    return _fixed(f"JPEG {quality}", lambda p: tone.jpeg(p, quality))


def _resize(scale: float) -> Attack:
    return _fixed(f"resize {scale:g}", lambda p: geometry.resize(p, scale))


def _rotate(degrees: float) -> Attack:
    return _fixed(f"rotate {degrees:g}", lambda p: geometry.rotate(p, degrees))


def _blur(sigma: float) -> Attack:
    return _fixed(f"blur {sigma:g}", lambda p: tone.blur(p, sigma))


def _median(size: int) -> Attack:
    return _fixed(f"median {size}", lambda p: tone.median(p, size))


def _gamma(exponent: float) -> Attack:
    return _fixed(f"gamma {exponent:g}", lambda p: tone.gamma(p, exponent))


def _screenshot(scale: float) -> Attack:
    return _fixed(f"screenshot {scale:g}", lambda p: geometry.screenshot(p, scale))


def _redact(share: float) -> Attack:
    return _one(f"redact {share:.0%}", lambda p, rng: geometry.redact(p, rng, share))


def _bend(reach: float) -> Attack:
    return _one(f"bend {reach:g} px", lambda p, rng: geometry.bend(p, rng, reach))


def _halftone(cell: float) -> Attack:
    return _fixed(f"halftone {cell:g} px", lambda p: tone.halftone(p, cell))


NONE = _fixed("none", lambda p: p)
GREY = _fixed("greyscale", tone.greyscale)
PRINT_SCAN = _one("print-scan", scenes.print_scan)
PHONE = _one("phone photo", scenes.phone_photo)
SCREEN = _one("photo of a screen", scenes.screen_photo)
CHAT = _one("chat: crop, scale, q60", geometry.chat)
WHITEN = _fixed("whitening", tone.whiten)
BINARISE = _fixed("binarise", tone.binarise)
RECOMPRESSED = _fixed("chat app, twice", geometry.recompressed)
UNEVEN = _one("uneven light", lambda p, rng: scenes.uneven_light(p, rng, 0.6))
MOIRE = _one("moire", lambda p, rng: scenes.moire(p, rng, 0.1))

NOTE = (
    NONE,
    *(_jpeg(quality) for quality in (70, 50, 30)),
    *(_resize(scale) for scale in (0.5, 0.75, 1.5)),
    *(_rotate(degrees) for degrees in (1, 3)),
    _fixed("rotate 90", geometry.quarter_turn),
    *(_crop(share) for share in (0.5, 0.25, 0.1)),
    *(_noise(sigma) for sigma in (5, 15)),
    *(_blur(sigma) for sigma in (1, 2)),
    PRINT_SCAN,
    PHONE,
    CHAT,
    WHITEN,
    BINARISE,
    *(_joined("average", collusion.average, copies) for copies in (2, 3, 5, 10)),
    # Not named by the note: chosen here.
    _screenshot(0.8),
    RECOMPRESSED,
    SCREEN,
    UNEVEN,
    _redact(0.2),
    _bend(3),
    _median(3),
    _gamma(0.7),
)

_JOINS = (("minimum", collusion.lowest), ("maximum", collusion.highest), ("median", collusion.middle))

MORE = (
    _jpeg(15),
    _fixed("WebP 50", lambda p: tone.webp(p, 50)),
    _resize(0.33),
    _rotate(20),
    _crop(0.05),
    _noise(25),
    _blur(3),
    _median(5),
    _fixed("sharpen 1.5", lambda p: tone.sharpen(p, 1.5)),
    _gamma(1.6),
    _fixed("contrast 0.6", lambda p: tone.contrast(p, 0.6, 10)),
    _fixed("colour cast", lambda p: tone.colour_cast(p, 1.0, 0.9, 0.7)),
    GREY,
    _fixed("8 levels", lambda p: tone.posterise(p, 8)),
    _halftone(3),
    _halftone(5),
    _screenshot(0.5),
    _screenshot(1.25),
    MOIRE,
    _redact(0.5),
    _bend(8),
    _one("perspective 12 %", lambda p, rng: geometry.perspective(p, rng, 0.12)),
    *(_joined(name, act, copies) for name, act in _JOINS for copies in (2, 3, 5, 10)),
    *(_mosaic(copies) for copies in (2, 3, 5, 10)),
)

CHAINS = (
    chain(_crop(0.25), _resize(0.75), _jpeg(50)),
    chain(_rotate(3), _noise(5), _jpeg(70)),
    chain(_gamma(0.7), _blur(1), _jpeg(50)),
    chain(PRINT_SCAN, _jpeg(30)),
    chain(PRINT_SCAN, CHAT),
    chain(PHONE, RECOMPRESSED),
    chain(PHONE, GREY, _jpeg(50)),
    chain(_screenshot(0.8), RECOMPRESSED),
    chain(_redact(0.2), CHAT),
    chain(_bend(3), _crop(0.5)),
    chain(WHITEN, _resize(0.75)),
    chain(_joined("average", collusion.average, 3), _jpeg(50)),
    chain(_joined("average", collusion.average, 5), PRINT_SCAN),
    chain(_mosaic(3), _screenshot(0.8), _jpeg(70)),
)

EVERY = (*NOTE, *MORE, *CHAINS)
