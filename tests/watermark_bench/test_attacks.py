"""Every attack of the bench: a picture in, a picture out, the same one for the same seed."""

import numpy as np
import pytest

from api.demo.watermark_bench import collusion, geometry, pictures, scenes, tone
from api.demo.watermark_bench.attacks import CHAINS, EVERY, MORE, NOTE, Attack
from api.demo.watermark_bench.quality import difference, psnr, ssim
from api.demo.watermark_bench.tone import Picture

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def copies() -> list[Picture]:
    """Ten copies of a made picture, each a little different."""
    base = pictures.landscape(RNG(1), 200, 280)
    return [tone.noise(base, RNG(10 + number), 2) for number in range(10)]


@pytest.mark.parametrize("attack", EVERY, ids=lambda attack: attack.name)
def test_every_attack_gives_a_picture_and_always_the_same(attack: Attack, copies: list[Picture]) -> None:
    before = [copy.copy() for copy in copies]
    once = attack(copies, "seed")
    assert once.dtype == np.uint8
    assert once.ndim == 3 and once.shape[2] == 3 and min(once.shape[:2]) >= 8
    assert (once == attack(copies, "seed")).all()
    assert all((one == other).all() for one, other in zip(before, copies, strict=True)), "it changed what it was given"
    if attack.name != "none":
        assert once.shape != copies[0].shape or (once != copies[0]).any()


def test_there_are_as_many_as_the_notes_table_has_and_more() -> None:
    assert len(NOTE) == 34
    assert len({attack.name for attack in EVERY}) == len(EVERY)
    assert len(EVERY) >= 35
    assert all(2 <= len(attack.name.split(" > ")) <= 3 for attack in CHAINS)
    joined = {attack.name for attack in (*NOTE, *MORE) if attack.copies > 1}
    assert {
        f"{way} of {n}" for way in ("average", "minimum", "maximum", "median", "mosaic") for n in (2, 3, 5, 10)
    } == (joined)


def test_random_attacks_follow_their_seed(copies: list[Picture]) -> None:
    for attack in EVERY:
        if attack.name in {"noise 5", "bend 3 px", "phone photo", "mosaic of 2"}:
            one, other = attack(copies, "a"), attack(copies, "b")
            assert one.shape != other.shape or (one != other).any()


def test_collusion_does_what_its_name_says() -> None:
    low, mid, high = (np.full((300, 300, 3), value, dtype=np.uint8) for value in (10, 20, 60))
    three = [high, low, mid]
    assert (collusion.average(three) == 30).all()
    assert (collusion.lowest(three) == 10).all()
    assert (collusion.highest(three) == 60).all()
    assert (collusion.middle(three) == 20).all()
    assert (collusion.middle([low, high]) == 35).all()
    mixed = collusion.mosaic(three, RNG(2))
    assert set(np.unique(mixed).tolist()) == {10, 20, 60}
    assert (mixed[:48, :48] == mixed[0, 0]).all()


def test_geometry_keeps_what_it_should(copies: list[Picture]) -> None:
    picture = copies[0]
    assert geometry.crop(picture, RNG(3), 0.25).shape == (100, 140, 3)
    assert (geometry.quarter_turn(geometry.quarter_turn(picture)) == picture[::-1, ::-1]).all()
    assert geometry.resize(picture, 0.5).shape == (100, 140, 3)
    assert geometry.rotate(picture, 3).shape[0] > picture.shape[0]
    covered = (geometry.redact(picture, RNG(4), 0.2) == 0).all(axis=2).mean()
    assert 0.1 < covered < 0.35
    assert psnr(picture, geometry.bend(picture, RNG(5), 1.0)) < 60


def test_tones_do_what_their_names_say(copies: list[Picture]) -> None:
    picture = copies[0]
    assert set(np.unique(tone.binarise(picture)).tolist()) <= {0, 255}
    assert set(np.unique(tone.halftone(picture, 4)).tolist()) <= {0, 255}
    grey = tone.greyscale(picture)
    assert (grey[..., 0] == grey[..., 2]).all()
    assert len(np.unique(tone.posterise(picture, 8))) <= 8
    assert abs(float(tone.halftone(picture, 4).mean()) - float(picture.mean())) < 40
    assert tone.blur(picture, 3).std() < picture.std()
    assert scenes.uneven_light(picture, RNG(6), 0.5).mean() < picture.mean()


def test_quality_is_measured_as_published(copies: list[Picture]) -> None:
    picture = copies[0]
    assert psnr(picture, picture) == float("inf")
    assert ssim(picture, picture) == pytest.approx(1.0)
    flat = np.full((64, 64, 3), 100, dtype=np.uint8)
    brighter = np.full((64, 64, 3), 110, dtype=np.uint8)
    assert psnr(flat, brighter) == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    # Flat pictures: only the luminance term counts, (2 a b + C1) / (a^2 + b^2 + C1).
    c1 = (0.01 * 255) ** 2
    assert ssim(flat, brighter) == pytest.approx((2 * 100 * 110 + c1) / (100**2 + 110**2 + c1), abs=1e-4)
    assert ssim(picture, tone.noise(picture, RNG(7), 20)) < ssim(picture, tone.noise(picture, RNG(7), 5)) < 1
    assert (difference(flat, brighter) == 228).all()
