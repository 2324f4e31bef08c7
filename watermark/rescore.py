"""Computes a report's scores again, from what the report holds: no key, no file, no service.

From the seeds of the codes and of the layout follow the chips and orders that the accused's copies carry; held
against the evidence they give the e-values; those, with the number of candidates, whom the rule accuses, which copy,
at which level, in which words and with which bounds. What remains to be believed is that the evidence was read from
the leaked file and that nobody was left out throughout (trace it again to see), and that seeds and files are those of
these copies: their receipts committed to `code_sha256`, `layout_sha256` and the file's hash before the copies left.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from watermark.control import Control, control_of
from watermark.errors import WatermarkError
from watermark.grounds import CodeGround, ContentGround, Grounds
from watermark.keys import EpochKey
from watermark.payload import MARKER
from watermark.report import Report
from watermark.restating import Finding, Restated, against_archive
from watermark.scoring import ContentScorer, CopyScore, variant_table


@dataclass(frozen=True)
class Commitment:
    """What the receipt of a copy must have committed to, if the report's seeds are those of this copy."""

    copy_id: str
    entity_id: str
    code_sha256: bytes
    layout_sha256: bytes


@dataclass(frozen=True)
class Rescored:
    """The outcome of computing again.

    `differences`: what the report states otherwise, as codes with facts (`watermark.rescore.*`); none is a pass.
    `reservations`: what the report alone cannot show and its reader must look up, likewise. `entities`: log10 E of each
    entity of which the report lists copies (of one that it does not list in full, at least so much); `copies`: of each
    copy, both levels together.
    """

    differences: tuple[Finding, ...]
    reservations: tuple[Finding, ...]
    entities: Mapping[str, float]
    copies: Mapping[str, float]
    commitments: tuple[Commitment, ...]


class _Listed:
    """Seeds as a report lists them (`watermark.keys.Codes`)."""

    def __init__(self, content: ContentGround) -> None:
        self._content = content
        self._entities = {code.entity_id: code.entity_code for code in content.codes}
        self._copies = {code.copy_id: code for code in content.codes}

    def entity_code(self, content_id: str, entity_id: str) -> bytes:  # noqa: ARG002 - one content's list
        return self._entities[entity_id]

    def copy_code(self, content_id: str, copy_id: str) -> bytes:  # noqa: ARG002 - one content's list
        return self._copies[copy_id].copy_code

    def layout_seed(self, content_id: str, version: str) -> bytes:  # noqa: ARG002 - one content's list
        return self._content.layout_seed

    def copy_tag(self, content_id: str, entity_id: str, copy_id: str) -> str:  # noqa: ARG002 - one content's list
        return self._copies[copy_id].tag


def rescore(report: Report, keys: Mapping[str, EpochKey] | None = None) -> Rescored:
    """Compute the scores of a report again. With `keys` by epoch, the seeds are checked against them as well.

    Errors: `watermark.report.bad` for a report that is sealed but lacks something.
    """
    try:
        return _rescore_parts(report, keys) if report.parts else _rescore_file(report, keys, attempts=1)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, IndexError) as error:
        raise WatermarkError("watermark.report.bad") from error


def _rescore_file(report: Report, keys: Mapping[str, EpochKey] | None, *, attempts: int) -> Rescored:
    grounds = report.grounds or Grounds((), ())
    differences: list[Finding] = []
    scores: list[CopyScore] = []
    commitments = []
    for content in grounds.contents:
        scorer = ContentScorer(content.evidence, _Listed(content))
        for code in content.codes:
            scores.append(scorer.score(code.entity_id, code.copy_id))
            commitments.append(_commitment(content, code))
        if keys is not None:
            differences += _against_key(content, keys.get(content.epoch))
    restated = Restated(report.document, grounds, scores, attempts)
    differences += restated.differences()
    copies: dict[str, float] = {}
    for score in scores:
        copies[score.copy_id] = max(score.log10_e, copies.get(score.copy_id, -math.inf))
    return Rescored(tuple(differences), tuple(restated.reservations()), restated.entities, copies, tuple(commitments))


def control_for(report: Report, decoys: int, of_orders: int | None = None) -> Control | None:
    """What `decoys` codes that were never issued score on the content of the strongest candidate; None without one.

    `of_orders`: so many instead where orders of lists are weighed, of which each costs as much as ten or more of chips.
    """
    strongest = next(iter([*report.document["accused"], *report.document["ranked"]]), None)
    if strongest is None or report.grounds is None:
        return None
    for content in report.grounds.contents:
        if any(strongest["copy"] in {None, code.copy_id} for code in content.codes):
            seed = bytes.fromhex(str(report.document["file_sha256"]).removeprefix("0x"))
            count = decoys if of_orders is None or not content.evidence.order_layers else of_orders
            return control_of(content.evidence, count, seed, variant_table(content.evidence, _Listed(content)))
    return None


def _rescore_parts(report: Report, keys: Mapping[str, EpochKey] | None) -> Rescored:
    """An archive: each file's verdict, and that the whole says what follows from them."""
    parts = [_rescore_file(part, keys, attempts=len(report.parts)) for part in report.parts]
    differences = [difference for part in parts for difference in part.differences]
    differences += against_archive(report.document, [part.document for part in report.parts])
    reservations = dict.fromkeys((code, tuple(facts.items())) for part in parts for code, facts in part.reservations)
    entities: dict[str, float] = {}
    copies: dict[str, float] = {}
    for part in parts:
        for known, found in ((entities, part.entities), (copies, part.copies)):
            known.update({name: max(score, known.get(name, -math.inf)) for name, score in found.items()})
    commitments = dict.fromkeys(commitment for part in parts for commitment in part.commitments)
    held = tuple((code, dict(facts)) for code, facts in reservations)
    return Rescored(tuple(differences), held, entities, copies, tuple(commitments))


def _commitment(content: ContentGround, code: CodeGround) -> Commitment:
    return Commitment(
        code.copy_id,
        code.entity_id,
        hashlib.sha256(b"mydata/code/1\0" + code.entity_code + code.copy_code).digest(),
        hashlib.sha256(b"mydata/layout/1\0" + content.layout_seed).digest(),
    )


def _against_key(content: ContentGround, key: EpochKey | None) -> list[Finding]:
    if key is None:
        return [("watermark.rescore.no_key", {"epoch": content.epoch})]
    content_id = content.evidence.content_id
    wrong: list[Finding] = []
    if key.layout_seed(content_id, MARKER) != content.layout_seed:
        wrong.append(("watermark.rescore.layout", {"content": content_id}))
    for code in content.codes:
        derived = (
            key.entity_code(content_id, code.entity_id),
            key.copy_code(content_id, code.copy_id),
            key.copy_tag(content_id, code.entity_id, code.copy_id),
        )
        if derived != (code.entity_code, code.copy_code, code.tag):
            wrong.append(("watermark.rescore.code", {"copy": code.copy_id}))
    return wrong
