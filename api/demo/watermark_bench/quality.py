"""How much a mark shows: PSNR and SSIM."""

import math

import cv2
import numpy as np

from api.demo.watermark_bench.tone import Floats, Picture, floats, luma, whole

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal to noise ratio in dB over all channels; infinite for equal pictures."""
    squared = float(np.mean((floats(one) - floats(other)) ** 2, dtype=np.float64))
    return math.inf if squared == 0 else 10 * math.log10(255**2 / squared)


def ssim(one: Picture, other: Picture) -> float:
    """Structural similarity of the lumas: Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13 (2004).

    Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, no down-sampling, mean over whole windows.
    """

    def window(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), dtype=np.float32)[5:-5, 5:-5]

    x, y = luma(one), luma(other)
    mx, my = window(x), window(y)
    vx, vy, both = window(x * x) - mx * mx, window(y * y) - my * my, window(x * y) - mx * my
    similar = (2 * mx * my + _C1) * (2 * both + _C2) / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return float(np.mean(similar, dtype=np.float64))


def difference(one: Picture, other: Picture, factor: float = 10.0) -> Picture:
    """Mid-grey plus `factor` times what differs."""
    return whole(np.float32(128) + np.float32(factor) * (floats(other) - floats(one)))
