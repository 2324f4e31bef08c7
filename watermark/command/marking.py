"""`python -m watermark mark`: one copy of one file."""

import argparse
import hashlib
import json
import sys
from dataclasses import replace

from watermark.carriers import Carrier, carrier_for
from watermark.carriers.media import media_type_of
from watermark.carriers.table import TableCarrier
from watermark.carriers.xlsx import XlsxCarrier
from watermark.command.inputs import read_file, read_keys
from watermark.command.outputs import write_file
from watermark.errors import WatermarkError
from watermark.payload import Mark, mark_document
from watermark.words import say


def run(given: argparse.Namespace) -> int:
    """Mark `given.original` into `given.out`. Errors: those of the carrier; `watermark.command.same_file`."""
    keys = read_keys(given.key, given.epoch)
    if given.epoch not in keys:
        raise WatermarkError("watermark.command.no_epoch", epoch=given.epoch)
    key = keys[given.epoch]
    original = read_file(given.original)
    if given.out.exists() and given.out.samefile(given.original):
        raise WatermarkError("watermark.command.same_file")
    media_type = given.type or media_type_of(original, given.original.name)
    mark = Mark(given.copy, given.entity, given.content, given.visible)
    copy = _carrier(media_type, frozenset(given.zero_width)).embed(original, mark, key)
    write_file(given.out, copy)
    if given.document is not None:
        document = mark_document(mark, key, original, copy)
        write_file(given.document, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
    facts: dict[str, str | int | float] = {
        "file": str(given.out),
        "sha256": hashlib.sha256(copy).hexdigest(),
        "bytes": len(copy),
    }
    say("watermark.command.marked", given.lang, facts, to=sys.stdout)
    return 0


def _carrier(media_type: str, zero_width: frozenset[str]) -> Carrier:
    """Errors: `watermark.unsupported_type`; `watermark.command.only_tables` for zero-width marks in another file."""
    carrier = carrier_for(media_type)
    if not zero_width:
        return carrier
    if isinstance(carrier, TableCarrier | XlsxCarrier):
        return replace(carrier, zero_width=zero_width)
    raise WatermarkError("watermark.command.only_tables")
