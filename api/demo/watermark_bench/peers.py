"""Other people's marks on the same pictures under the same attacks, in an environment of their own under build/.

blind-watermark and invisible-watermark (both MIT) are installed when the bench runs, and run as a program of their own
with files between; nothing here imports them, and nothing of them is a part of the product. Each is asked twice: as it
is meant to be used, and after the suspect was brought on to the original, which no peer does itself.
"""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from api.demo.watermark_bench.attacks import Attack
from api.demo.watermark_bench.cases import ALPHA
from api.demo.watermark_bench.quality import psnr, ssim
from api.demo.watermark_bench.tone import Picture, floats, luma, whole
from watermark.bending import bending
from watermark.registration import MIN_INLIERS, features

PACKAGES = ("numpy", "opencv-python-headless", "PyWavelets", "onnxruntime")
MARKS = ("blind-watermark==0.4.4", "invisible-watermark==0.2.0")
PHOTOGRAPHS = ("scikit-learn", "scikit-image")
"""For the photographs that they ship; nothing of them is run."""
UNPUBLISHED = "NCorr-FP"
INSTALL_S = 900.0
NAMES = ("blind-watermark", "dwtDctSvd")
RIVAGAN = "rivaGan"
BITS = {"blind-watermark": 64, "dwtDctSvd": 64, RIVAGAN: 32}
"""How many bits each of them carries here; rivaGan takes no others."""

PROGRAM = """
import json, os, sys, time, types
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import cv2, numpy as np
cv2.setNumThreads(1)

class Tensor(np.ndarray):  # rivaGan's network runs in onnxruntime; of torch it uses arrays of 32-bit floats, no more
    def permute(self, *axes): return self.transpose(axes)
    def unsqueeze(self, axis): return np.expand_dims(self, axis)
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return np.ascontiguousarray(self).view(np.ndarray)

torch = sys.modules["torch"] = types.ModuleType("torch")
torch.from_numpy = lambda array: array.view(Tensor)
torch.clamp = lambda array, min, max: np.clip(array, min, max)
import blind_watermark
from imwatermark import WatermarkDecoder, WatermarkEncoder

def embed(name, picture, bits):
    if name == "blind-watermark":
        mark = blind_watermark.WaterMark(password_wm=1, password_img=1)
        mark.read_img(img=picture)
        mark.read_wm(np.array(bits, dtype=bool), mode="bit")
        return np.clip(np.rint(mark.embed()), 0, 255).astype(np.uint8)
    mark = WatermarkEncoder()
    if name == "rivaGan":
        mark.loadModel()
    mark.set_watermark("bits", bits)
    return mark.encode(picture, name)

def read(name, picture, count):
    if name == "blind-watermark":
        found = blind_watermark.WaterMark(password_wm=1, password_img=1).extract(
            embed_img=picture, wm_shape=count, mode="bit")
        return [int(bit >= 0.5) for bit in found]
    if name == "rivaGan":
        WatermarkEncoder.loadModel()
    return [int(bit) for bit in WatermarkDecoder("bits", count).decode(picture, name)]

for line in sys.stdin:
    asked = json.loads(line)
    begun, said = time.process_time(), {}
    try:
        picture = np.load(asked["picture"])
        if asked["act"] == "embed":
            np.save(asked["out"], embed(asked["name"], picture, asked["bits"]))
        else:
            said["bits"] = read(asked["name"], picture, asked["count"])
    except Exception as error:
        said["error"] = type(error).__name__
    said["ms"] = (time.process_time() - begun) * 1000
    print(json.dumps(said), file=answers, flush=True)
"""


class PeerMissingError(Exception):
    """The peers cannot be installed or run here; the text says why."""


def run_command(command: Sequence[str]) -> None:
    """Runs a tool to its end. Raises `PeerMissingError` with the last line that it said."""
    try:
        said = subprocess.run(  # noqa: S603 - package tools, without a shell
            command, capture_output=True, timeout=INSTALL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissingError(type(error).__name__) from None
    if said.returncode:
        words = said.stderr.decode(errors="replace").strip().splitlines() or ["it failed and said nothing"]
        raise PeerMissingError(words[-1][:160])


def installed(folder: Path) -> Path:
    """The environment's interpreter, made when it is not there. Raises `PeerMissingError`."""
    python = folder / "bin" / "python"
    done = folder / "installed"
    wanted = "\n".join((*PACKAGES, *MARKS, *PHOTOGRAPHS)) + "\n"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        known = folder.exists()
        run_command([sys.executable, "-m", "venv", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        try:
            run_command([*pip, *PACKAGES])
            run_command([*pip, "--no-deps", *MARKS, *PHOTOGRAPHS])
        except PeerMissingError:
            if not known:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        done.write_text(wanted, encoding="utf-8")
    return python


def unpublished(folder: Path) -> str:
    """Why NCorr-FP is not measured: what the package client says when asked for it."""
    try:
        run_command([str(installed(folder)), "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", UNPUBLISHED])
    except PeerMissingError as missing:
        return f"not run. It is a research repository and no package: `pip install {UNPUBLISHED}` says: {missing}"
    return "a package of that name answers, but no interface of it is known here"


class Peer:
    """The running program, one question after another; `place` holds the pictures that go between."""

    def __init__(self, python: Path, place: Path) -> None:
        self._place = place
        place.mkdir(parents=True, exist_ok=True)
        self._program = subprocess.Popen(  # noqa: S603 - our own program, without a shell
            [str(python), "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.kill()
        self._program.wait()
        for pipe in (self._program.stdin, self._program.stdout):
            if pipe is not None:
                pipe.close()

    def embed(self, name: str, picture: Picture, bits: Sequence[int]) -> tuple[Picture | None, float]:
        """The marked picture (None where the peer fails) and milliseconds of processor time."""
        out = self._place / "out.npy"
        said = self._asked(picture, {"act": "embed", "name": name, "bits": list(bits), "out": str(out)})
        if "error" in said:
            return None, float(said["ms"])
        marked = np.asarray(np.load(out), dtype=np.uint8)
        return np.asarray(cv2.cvtColor(marked, cv2.COLOR_BGR2RGB), dtype=np.uint8), float(said["ms"])

    def read(self, name: str, picture: Picture) -> tuple[NDArray[np.uint8] | None, float]:
        """The bits that it reads (None where it fails) and milliseconds of processor time."""
        said = self._asked(picture, {"act": "read", "name": name, "count": BITS[name]})
        if "error" in said or len(said["bits"]) != BITS[name]:
            return None, float(said["ms"])
        return np.array(said["bits"], dtype=np.uint8), float(said["ms"])

    def _asked(self, picture: Picture, question: dict[str, object]) -> dict[str, Any]:
        given = self._place / "in.npy"
        np.save(given, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        stdin, stdout = self._program.stdin, self._program.stdout
        assert stdin is not None and stdout is not None  # Popen was asked for pipes
        try:
            stdin.write(json.dumps({"picture": str(given)} | question) + "\n")
            stdin.flush()
            answer = stdout.readline()
        except OSError as error:
            raise PeerMissingError(type(error).__name__) from None
        if not answer:
            raise PeerMissingError("the program ended")
        said: dict[str, Any] = json.loads(answer)
        return said


def registered(suspect: Picture, original: Picture) -> Picture:
    """The suspect in the original's frame and tones, in colour; where nothing is seen, the original itself.

    The product's features, one homography, one round of local bending, a gain and an offset for each channel. A
    suspect that cannot be placed is stretched to the original's size.
    """
    height, width = original.shape[:2]
    found = _homography(suspect, original)
    if found is None:
        return np.asarray(cv2.resize(suspect, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    shape = np.full(suspect.shape[:2], 255, dtype=np.uint8)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    for last in (False, True):
        down = found[2, 0] * columns + found[2, 1] * rows + found[2, 2]
        across_map = ((found[0, 0] * columns + found[0, 1] * rows + found[0, 2]) / down).astype(np.float32)
        down_map = ((found[1, 0] * columns + found[1, 1] * rows + found[1, 2]) / down).astype(np.float32)
        seen = np.asarray(cv2.remap(suspect, across_map, down_map, cv2.INTER_CUBIC), dtype=np.uint8)
        valid = np.asarray(cv2.remap(shape, across_map, down_map, cv2.INTER_LINEAR) > 250, dtype=np.uint8)
        bend = None if last else bending(luma(seen), valid, luma(original))
        if bend is None:
            break
        columns, rows = columns + bend.across, rows + bend.down
    return _toned(seen, valid > 0, original)


def _homography(suspect: Picture, original: Picture) -> NDArray[np.float64] | None:
    """The map from the original's pixels to the suspect's."""
    theirs, ours = features(whole(luma(suspect))), features(whole(luma(original)))
    if min(len(theirs.places), len(ours.places)) < MIN_INLIERS:
        return None
    near = cv2.BFMatcher(cv2.NORM_L2).knnMatch(theirs.descriptors, ours.descriptors, k=2)
    good = [pair[0] for pair in near if len(pair) == 2 and pair[0].distance < 0.85 * pair[1].distance]
    if len(good) < MIN_INLIERS:
        return None
    source = np.array([ours.places[match.trainIdx] for match in good], dtype=np.float32)
    target = np.array([theirs.places[match.queryIdx] for match in good], dtype=np.float32)
    found, agree = cv2.findHomography(
        source, target, method=cv2.USAC_MAGSAC, ransacReprojThreshold=3.0, maxIters=5000, confidence=0.9999
    )
    return None if found is None or int(agree.sum()) < MIN_INLIERS else np.asarray(found, dtype=np.float64)


def _toned(seen: Picture, valid: NDArray[np.bool_], original: Picture) -> Picture:
    out = floats(original)
    for channel in range(3):
        wanted, found = floats(original)[..., channel][valid][::7], floats(seen)[..., channel][valid][::7]
        if len(found) < 50 or float(found.std()) < 1:
            continue
        gain, offset = np.polyfit(found, wanted, 1)
        out[..., channel][valid] = floats(seen)[..., channel][valid] * np.float32(gain) + np.float32(offset)
    return whole(out)


@cache
def agreeing_bits(candidates: int, bits: int) -> int:
    """How many of `bits` must agree so that an innocent among `candidates` does so with probability at most 1e-6.

    One more than there are where even all of them say too little: 32 bits among 10^4.
    """
    tail, needed = 0.0, bits + 1
    for agree in range(bits, -1, -1):
        tail += math.comb(bits, agree) / 2.0**bits
        if candidates * tail > ALPHA:
            return needed
        needed = agree
    return needed


def codes(content_id: str, candidates: int, bits: int) -> NDArray[np.uint8]:
    """A random code for every candidate, shape (candidates, bits)."""
    return np.random.default_rng(len(content_id) * 7919).integers(0, 2, (candidates, bits), dtype=np.uint8)


@dataclass(frozen=True)
class Subject:
    """A picture to be issued, under the name and to the leakers of the product's own case."""

    content_id: str
    picture: Picture
    leakers: Sequence[int]
    candidates: int


def peer_cases(peer: Peer, name: str, subject: Subject, attacks: Sequence[Attack]) -> Iterator[dict[str, object]]:
    """All attacks on one picture marked by one peer: its bits read whole, and the leaker named at 1e-6, each way."""
    every = codes(subject.content_id, subject.candidates, BITS[name])
    most = max(attack.copies for attack in attacks)
    copies: list[Picture] = []
    spent: list[float] = []
    for number in subject.leakers[:most]:
        marked, ms = peer.embed(name, subject.picture, every[number].tolist())
        if marked is None:
            yield {"content": subject.content_id, "peer": name, "error": "cannot be marked"}
            return
        copies.append(marked)
        spent.append(ms)
    quality = {
        "psnr": round(psnr(subject.picture, copies[0]), 2),
        "ssim": round(ssim(subject.picture, copies[0]), 4),
        "embed_ms": round(min(spent), 1),
    }
    for attack in attacks:
        suspect = attack(copies, subject.content_id)
        guilty = list(subject.leakers[: attack.copies])
        told: dict[str, object] = {"content": subject.content_id, "peer": name, "attack": attack.name}
        for way, seen in (("blind", suspect), ("registered", registered(suspect, subject.picture))):
            bits, ms = peer.read(name, seen)
            told[way] = judged(bits, every, guilty)
            told[f"{way}_ms"] = round(ms, 1)
        yield told | quality


def judged(bits: NDArray[np.uint8] | None, every: NDArray[np.uint8], guilty: Sequence[int]) -> dict[str, object]:
    """What the bits that a peer read say: all right, the guilty named at 1e-6, innocents named, bits that agree."""
    if bits is None:
        return {"whole": False, "named": False, "innocents": 0, "agree": None}
    agree = (every == bits).sum(axis=1)
    length = every.shape[1]
    named = set(np.flatnonzero(agree >= agreeing_bits(len(every), length)).tolist())
    return {
        "whole": bool((agree[list(guilty)] == length).any()),
        "named": bool(named & set(guilty)) and not named - set(guilty),
        "innocents": len(named - set(guilty)),
        "agree": int(agree[list(guilty)].max()),
    }
