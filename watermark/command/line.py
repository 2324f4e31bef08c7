"""The command line: arguments, errors in two languages, exit codes.

    python -m watermark mark IN OUT --copy ID --entity ID --content ID --key HEX|@FILE [--visible TEXT]
    python -m watermark trace SUSPECT... --original FILE --content ID --copies FILE --key HEX|@FILE --json OUT
        (the first three together once for every content that a suspect may come from)
    python -m watermark rescore REPORT [--key HEX|@FILE]

Exit codes: 0 done (`trace`: a verdict was reached, whatever it says); 1 a report does not hold; 2 wrong use, or a file
that cannot be read or written; 3 of several suspects some could not be read.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from watermark.command import marking, rescoring, tracing
from watermark.command.inputs import DEFAULT_EPOCH
from watermark.errors import WatermarkError
from watermark.words import LANGUAGES, say, text

EXIT_DONE, EXIT_DIFFERS, EXIT_USE, EXIT_SOME = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """The arguments of all three commands."""
    top = argparse.ArgumentParser(prog="python -m watermark", description=text("help.top", "en"))
    commands = top.add_subparsers(dest="command", required=True, metavar="mark|trace|rescore")
    mark = commands.add_parser("mark", help=text("help.mark", "en"))
    mark.add_argument("original", metavar="IN", type=Path)
    mark.add_argument("out", metavar="OUT", type=Path)
    mark.add_argument("--copy", required=True, metavar="ID")
    mark.add_argument("--entity", required=True, metavar="ID")
    mark.add_argument("--visible", default="", metavar="TEXT", help=text("help.visible", "en"))
    mark.add_argument("--type", default=None, metavar="MEDIA/TYPE", help=text("help.type", "en"))
    mark.add_argument("--document", default=None, metavar="FILE", type=Path, help=text("help.document", "en"))
    mark.add_argument("--zero-width", action="append", default=[], metavar="FIELD", help=text("help.zero_width", "en"))
    mark.set_defaults(run=marking.run)
    trace = commands.add_parser("trace", help=text("help.trace", "en"))
    trace.add_argument("suspects", metavar="SUSPECT", nargs="+", type=Path)
    several: dict[str, Any] = {"action": "append", "required": True}
    trace.add_argument("--original", metavar="FILE", type=Path, help=text("help.original", "en"), **several)
    trace.add_argument("--copies", metavar="FILE", type=Path, help=text("help.copies", "en"), **several)
    trace.add_argument("--json", required=True, metavar="OUT", type=Path, help=text("help.json", "en"))
    trace.add_argument("--html", default=None, metavar="OUT", type=Path, help=text("help.html", "en"))
    trace.add_argument("--decoys", default=None, metavar="N", type=_count, help=text("help.decoys", "en"))
    trace.add_argument("--type", default=None, metavar="MEDIA/TYPE", help=text("help.type", "en"))
    trace.set_defaults(run=tracing.run)
    rescore = commands.add_parser("rescore", help=text("help.rescore", "en"))
    rescore.add_argument("report", metavar="REPORT", type=Path)
    rescore.set_defaults(run=rescoring.run)
    mark.add_argument("--content", required=True, metavar="ID")
    trace.add_argument("--content", metavar="ID", **several)
    for command in (mark, trace, rescore):
        required = command is not rescore
        command.add_argument(
            "--key", action="append", required=required, metavar="HEX|@FILE", help=text("help.key", "en")
        )
        command.add_argument("--epoch", default=DEFAULT_EPOCH, metavar="NAME", help=text("help.epoch", "en"))
        command.add_argument("--lang", choices=LANGUAGES, default=None, help=text("help.lang", "en"))
    return top


def _count(value: str) -> int:
    number = int(value)
    if not 0 <= number <= 100_000_000:
        raise ValueError(value)
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except WatermarkError as error:
        say(error.code, given.lang, error.facts, to=sys.stderr)
        if error.code == "watermark.report.changed":
            return EXIT_DIFFERS
    except OSError as error:
        say("watermark.command.no_write", given.lang, {"file": str(error.filename or "")}, to=sys.stderr)
    return EXIT_USE
