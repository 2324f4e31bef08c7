"""Attacks that move, cut or cover pixels. Pictures are RGB, uint8, (height, width, 3); each is a pure function."""

import math

import cv2
import numpy as np

from api.demo.watermark_bench.tone import Picture, jpeg, whole

PAPER = (255, 255, 255)


def _picture(found: object) -> Picture:
    return np.asarray(found, dtype=np.uint8)


def resize(picture: Picture, scale: float) -> Picture:
    """Scaled, and left at its new size."""
    height, width = picture.shape[:2]
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return _picture(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def rotate(picture: Picture, degrees: float) -> Picture:
    """Turned about its middle on a white ground large enough for all of it."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    wide, high = round(width * cosine + height * sine), round(width * sine + height * cosine)
    turn[:, 2] += (wide - width) / 2, (high - height) / 2
    return _picture(
        cv2.warpAffine(
            picture, turn, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=PAPER
        )
    )


def quarter_turn(picture: Picture) -> Picture:
    """Turned by 90 degrees."""
    return np.ascontiguousarray(np.rot90(picture))


def crop(picture: Picture, rng: np.random.Generator, share: float) -> Picture:
    """A window of `share` of the area, in the picture's proportions, anywhere."""
    height, width = picture.shape[:2]
    high, wide = round(height * math.sqrt(share)), round(width * math.sqrt(share))
    top, left = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
    return np.ascontiguousarray(picture[top : top + high, left : left + wide])


def redact(picture: Picture, rng: np.random.Generator, share: float) -> Picture:
    """Black bars, as wide as lines of text, over about `share` of the area."""
    out = picture.copy()
    height, width = picture.shape[:2]
    high = max(6, height // 40)
    covered = 0.0
    while covered < share * height * width:
        wide = int(rng.integers(width // 4, width * 3 // 4))
        top, left = int(rng.integers(0, height - high)), int(rng.integers(0, width - wide))
        out[top : top + high, left : left + wide] = 0
        covered += high * wide
    return out


def bend(picture: Picture, rng: np.random.Generator, reach: float) -> Picture:
    """Smooth random bending by up to `reach` pixels (StirMark's random distortion)."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    moves = []
    for _ in range(2):
        coarse = rng.uniform(-1, 1, (max(4, height // 200 + 3), max(4, width // 200 + 3))).astype(np.float32)
        field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        moves.append(np.asarray(field, dtype=np.float32) * np.float32(reach / max(1e-6, float(np.abs(field).max()))))
    return _picture(
        cv2.remap(picture, columns + moves[0], rows + moves[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def perspective(picture: Picture, rng: np.random.Generator, reach: float, ground: Picture | None = None) -> Picture:
    """Seen from a slant: every corner moves inward by up to `reach` of a side; `ground` fills what is around."""
    height, width = picture.shape[:2]
    inward = rng.uniform(0.2, 1.0, (4, 2)) * reach * np.array([width, height])
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), (corners + signs * inward).astype(np.float32))
    seen = _picture(cv2.warpPerspective(picture, turn, (width, height), flags=cv2.INTER_CUBIC))
    shape = np.full((height, width), 255, dtype=np.uint8)
    inside = cv2.warpPerspective(shape, turn, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32)[..., None]
    around = np.full_like(picture, 96) if ground is None else ground
    return whole(seen * (inside / 255) + around * (1 - inside / 255))


def screenshot(picture: Picture, scale: float) -> Picture:
    """Shown at `scale` in a viewer with a bar above and a grey margin, and taken as a picture."""
    shown = resize(picture, scale)
    height, width = shown.shape[:2]
    bar, margin = max(24, height // 30), max(12, width // 40)
    out = np.full((height + bar + margin, width + 2 * margin, 3), 68, dtype=np.uint8)
    out[:bar] = (32, 34, 37)
    out[bar : bar + height, margin : margin + width] = shown
    return out


def chat(picture: Picture, rng: np.random.Generator, share: float = 0.6, scale: float = 0.7) -> Picture:
    """Cropped, made smaller and sent through a chat application: JPEG 60."""
    return jpeg(resize(crop(picture, rng, share), scale), 60)


def recompressed(picture: Picture, longest: int = 1440) -> Picture:
    """What chat applications do to every picture: at most so many pixels long, then JPEG 75, then JPEG 70 once more."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    return jpeg(jpeg(resize(picture, scale) if scale < 1 else picture, 75), 70)
