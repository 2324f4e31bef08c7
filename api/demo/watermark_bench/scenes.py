"""Attacks that pass through paper, screens and cameras: all simulated, no printer or phone is part of this bench."""

import cv2
import numpy as np

from api.demo.watermark_bench import geometry, tone
from api.demo.watermark_bench.tone import Floats, Picture, floats, whole


def uneven_light(picture: Picture, rng: np.random.Generator, lowest: float) -> Picture:
    """Light that falls off across the picture from 1.05 to `lowest`, with a soft shadow."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (columns / width - 0.5) + np.sin(angle) * (rows / height - 0.5)
    along = (along - along.min()) / max(1e-6, float(along.max() - along.min()))
    light = 1.05 - (1.05 - lowest) * along
    centre, reach = rng.uniform(0.2, 0.8, 2), rng.uniform(0.15, 0.3)
    away = ((columns / width - centre[0]) ** 2 + (rows / height - centre[1]) ** 2) / reach**2
    light = light - np.float32(0.12) * np.exp(-away)
    return whole(floats(picture) * light[..., None].astype(np.float32))


def moire(picture: Picture, rng: np.random.Generator, depth: float) -> Picture:
    """Beats between a screen's lines and a sensor's: three colours, each with a grating of its own."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    out = floats(picture)
    for channel in range(3):
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 22)
        warp = 6 * np.sin(rows * np.float32(2 * np.pi / height) + np.float32(channel))
        wave = np.cos((columns * np.cos(angle) + rows * np.sin(angle) + warp) * np.float32(2 * np.pi / period))
        out[..., channel] *= 1 + np.float32(depth) * wave
    return whole(out)


def _desk(rng: np.random.Generator, height: int, width: int) -> Picture:
    grain = rng.standard_normal((max(2, height // 3), 8)).astype(np.float32)
    wood = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    return whole(np.asarray(wood, dtype=np.float32)[..., None] * 9 + np.array([118, 92, 70], dtype=np.float32))


def _lens(picture: Picture, strength: float) -> Picture:
    """Barrel distortion of a wide lens."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = columns / (width / 2) - 1, rows / (height / 2) - 1
    factor = 1 + np.float32(strength) * (across**2 + down**2)
    x, y = (across * factor + 1) * (width / 2), (down * factor + 1) * (height / 2)
    bent = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, dtype=np.uint8)


def print_scan(picture: Picture, rng: np.random.Generator) -> Picture:
    """Printed and put on a scanner: ink spreads, tones shift, the sheet lies askew, the scanner adds noise and JPEG."""
    values: Floats = tone.gaussian(floats(picture), 0.8)
    values = np.float32(237) * (values / np.float32(255)) ** np.float32(1.15) + np.float32(12)
    values += tone.gaussian(rng.standard_normal(values.shape, dtype=np.float32), 0.7) * 6
    sheet = geometry.rotate(whole(values), float(rng.uniform(0.3, 1.2)))
    return tone.jpeg(tone.noise(geometry.resize(sheet, 1.08), rng, 2.5), 85)


def phone_photo(picture: Picture, rng: np.random.Generator) -> Picture:
    """Photographed on a desk: perspective, lens, uneven light, focus, sensor noise, JPEG 80."""
    height, width = picture.shape[:2]
    seen = geometry.perspective(picture, rng, 0.07, _desk(rng, height, width))
    seen = _lens(geometry.resize(seen, 1.15), 0.012)
    lit = uneven_light(tone.blur(seen, 0.9), rng, 0.72)
    cast = tone.colour_cast(lit, 1.0, 0.97, 0.9)
    return tone.jpeg(tone.noise(cast, rng, 4), 80)


def screen_photo(picture: Picture, rng: np.random.Generator) -> Picture:
    """A screen photographed: moire, uneven light, perspective, noise, JPEG 75."""
    seen = geometry.perspective(moire(picture, rng, 0.10), rng, 0.05)
    lit = uneven_light(tone.blur(geometry.resize(seen, 1.1), 0.8), rng, 0.75)
    return tone.jpeg(tone.noise(lit, rng, 4), 75)
