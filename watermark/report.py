"""The report of a trace: the verdict with everything that is needed to compute its scores again, sealed by its hash.

One JSON object, written in one way only, so that any changed byte is noticed: `seal` is the SHA-256 of the same
object without it. Layout: docs/formats.md. Whoever shows a report elsewhere should state its hash by another way,
since a forger can seal what he changed.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watermark.errors import WatermarkError
from watermark.evidence import ChipLayer, Claim, Coverage, Evidence, Level, OrderGroup, OrderLayer, VariantLayer
from watermark.grounds import CodeGround, ContentGround, FileGround, Grounds
from watermark.verdict import Verdict

REPORT = "mydata-trace/1"


def report_document(verdict: Verdict) -> dict[str, object]:
    """The report of a verdict, sealed: `Verdict.to_dict` with `report`, `grounds` and `seal`."""
    document = {"report": REPORT, **_with_grounds(verdict)}
    return {**document, "seal": _seal(document)}


def _with_grounds(verdict: Verdict) -> dict[str, object]:
    document = verdict.to_dict()
    if verdict.parts:
        document["parts"] = [{"file": name, **_with_grounds(part)} for name, part in verdict.parts]
    elif verdict.grounds is not None:
        document["grounds"] = _grounds_json(verdict.grounds)
    return document


def write_report(document: Mapping[str, object]) -> bytes:
    """The report's bytes; there is one way to write it."""
    return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _seal(document: Mapping[str, object]) -> str:
    return "0x" + hashlib.sha256(write_report(document)).hexdigest()


@dataclass(frozen=True)
class Report:
    """A report that was read and whose seal holds. `document`: all of it. `parts`: of an archive's files."""

    document: Mapping[str, Any]
    grounds: Grounds | None
    parts: tuple["Report", ...] = ()


def read_report(data: bytes) -> Report:
    """The inverse of `write_report`.

    Errors: `watermark.report.bad` for another file, `watermark.report.changed` when a byte is not what was sealed.
    """
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WatermarkError("watermark.report.bad") from error
    if not isinstance(document, dict) or document.get("report") != REPORT or "seal" not in document:
        raise WatermarkError("watermark.report.bad")
    unsealed = {name: value for name, value in document.items() if name != "seal"}
    if write_report(document) != data or _seal(unsealed) != document["seal"]:
        raise WatermarkError("watermark.report.changed")
    try:
        return _report_of(document)
    except (KeyError, TypeError, ValueError) as error:
        raise WatermarkError("watermark.report.bad") from error


def _report_of(document: Mapping[str, Any]) -> Report:
    if not document.get("parts") and "grounds" not in document:
        raise ValueError("grounds")
    grounds = _grounds_of(document["grounds"]) if "grounds" in document else None
    return Report(document, grounds, tuple(_report_of(part) for part in document.get("parts", ())))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError("hex")
    return bytes.fromhex(text[2:])


def _floats(values: NDArray[np.float64]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def _grounds_json(grounds: Grounds) -> dict[str, object]:
    return {
        "keys": {epoch: _hex(key_hash) for epoch, key_hash in grounds.key_hashes},
        "complete": grounds.complete,
        "attempts": grounds.attempts,
        "scored": grounds.scored,
        "held": dict(grounds.held),
        "untouched": [
            {"copy": one.copy_id, "entity": one.entity_id, "file_sha256": _hex(one.file_sha256)}
            for one in grounds.untouched
        ],
        "contents": [_content_json(content) for content in grounds.contents],
    }


def _content_json(content: ContentGround) -> dict[str, object]:
    evidence = content.evidence
    return {
        "content": evidence.content_id,
        "epoch": content.epoch,
        "original_sha256": _hex(content.original_sha256),
        "layout_seed": _hex(content.layout_seed),
        "chips": [{"name": chips.name, "scores": _floats(chips.scores)} for chips in evidence.chip_layers],
        "orders": [
            {
                "name": order.name,
                "level": order.level.value,
                "pooled": order.pooled,
                "groups": [[group.index, group.size, " ".join(map(str, group.observed))] for group in order.groups],
            }
            for order in evidence.order_layers
        ],
        **({"variants": _signs(evidence.variants)} if evidence.variants is not None else {}),
        "claims": [[claim.copy_id, claim.tag] for claim in evidence.claims],
        "rows": evidence.coverage.rows,
        "whole": evidence.coverage.whole,
        "codes": [
            {
                "copy": code.copy_id,
                "entity": code.entity_id,
                "entity_code": _hex(code.entity_code),
                "copy_code": _hex(code.copy_code),
                "tag": code.tag,
            }
            for code in content.codes
        ],
    }


def _grounds_of(data: Mapping[str, Any]) -> Grounds:
    return Grounds(
        contents=tuple(_content_of(content) for content in data["contents"]),
        key_hashes=tuple((str(epoch), _bytes(key_hash)) for epoch, key_hash in data["keys"].items()),
        complete=bool(data["complete"]),
        attempts=int(data["attempts"]),
        scored=int(data["scored"]),
        held=tuple((str(entity), int(count)) for entity, count in data["held"].items()),
        untouched=tuple(
            FileGround(str(one["copy"]), str(one["entity"]), _bytes(one["file_sha256"])) for one in data["untouched"]
        ),
    )


def _content_of(data: Mapping[str, Any]) -> ContentGround:
    evidence = Evidence(
        content_id=str(data["content"]),
        chip_layers=tuple(ChipLayer(str(c["name"]), _scores(c["scores"])) for c in data["chips"]),
        order_layers=tuple(
            OrderLayer(str(o["name"]), Level(o["level"]), tuple(_group(*g) for g in o["groups"]), bool(o["pooled"]))
            for o in data["orders"]
        ),
        claims=tuple(Claim(str(copy_id), str(tag)) for copy_id, tag in data["claims"]),
        coverage=Coverage(rows=int(data["rows"]), whole=bool(data["whole"])),
        variants=_variants(str(data["variants"])) if "variants" in data else None,
    )
    codes: Sequence[Mapping[str, Any]] = data["codes"]
    return ContentGround(
        evidence,
        str(data["epoch"]),
        _bytes(data["original_sha256"]),
        _bytes(data["layout_seed"]),
        tuple(
            CodeGround(
                str(code["copy"]),
                str(code["entity"]),
                _bytes(code["entity_code"]),
                _bytes(code["copy_code"]),
                str(code["tag"]),
            )
            for code in codes
        ),
    )


def _scores(text: str) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8").astype(np.float64)


_SIGNS = "0+-"


def _signs(layer: VariantLayer) -> str:
    return "".join(_SIGNS[sign] for sign in layer.shown.tolist())


def _variants(signs: str) -> VariantLayer:
    return VariantLayer(np.array([{"0": 0, "+": 1, "-": -1}[sign] for sign in signs], dtype=np.int8))


def _group(index: int, size: int, observed: str) -> OrderGroup:
    items = tuple(map(int, observed.split()))
    if not all(0 <= item < size for item in items):
        raise ValueError("group")
    return OrderGroup(int(index), int(size), items)
