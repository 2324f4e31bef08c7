"""`python -m watermark rescore`: whether a report states what its own grounds give."""

import argparse
import sys

from watermark.command.inputs import read_file, read_keys
from watermark.report import read_report
from watermark.rescore import rescore
from watermark.words import say


def run(given: argparse.Namespace) -> int:
    """Compute again and compare; 1 if anything differs. Errors: those of `watermark.report.read_report`."""
    report = read_report(read_file(given.report))
    keys = read_keys(given.key, given.epoch) if given.key else None
    found = rescore(report, keys)
    named = {str(one["entity"]) for one in report.document["accused"]}
    for entity in sorted(found.entities, key=lambda entity: -found.entities[entity]):
        if entity in named:
            facts: dict[str, str | int | float] = {"entity": entity, "log10_e": round(found.entities[entity], 3)}
            say("watermark.command.rescored", given.lang, facts, to=sys.stdout)
    for one in found.commitments:
        if one.entity_id in named:
            hashes = {"code": one.code_sha256.hex(), "layout": one.layout_sha256.hex(), "copy": one.copy_id}
            say("watermark.command.commitment", given.lang, hashes, to=sys.stdout)
    for code, facts_of in found.reservations:
        say(code, given.lang, facts_of, to=sys.stdout)
    for code, facts_of in found.differences:
        say(code, given.lang, facts_of, to=sys.stderr)
    say("watermark.command.differs" if found.differences else "watermark.command.agrees", given.lang, to=sys.stdout)
    return 1 if found.differences else 0
