"""`python -m chain verify BUNDLE --rpc URL --trust FILE [--file COPY] [--json] [--lang zh|en]`.

Needs a node of the chain and the trust file, and no service. Exit codes: 0 valid, 1 invalid, 2 wrong use or a file that
cannot be read, 3 revoked, 4 pending, 5 unknown. `python -m chain party …` stands in `chain.party`, `witness …` in
`chain.witness.command`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from chain import party
from chain.bundle import BUNDLE_LIMIT, Bundle, parse_bundle
from chain.errors import FormatError
from chain.node import Web3Node
from chain.texts import LANGUAGES, Lang, text
from chain.trustfile import TRUST_LIMIT, TrustFile, parse_trust_file
from chain.verdict import EXIT_FORMAT, Aspect, Finding, State, Verdict
from chain.verify import verify
from chain.view import NodeView
from chain.witness import command as witness

FILE_LIMIT = 256 * 1024 * 1024
TIMEOUT_S = 10.0

_MARKS = {State.VALID: "✓", State.INVALID: "✗", State.REVOKED: "⊘", State.PENDING: "…", State.UNKNOWN: "?"}
_STYLES = {
    State.VALID: "green",
    State.INVALID: "bold red",
    State.REVOKED: "bold magenta",
    State.PENDING: "yellow",
    State.UNKNOWN: "yellow",
}

_Parsed = TypeVar("_Parsed")


class UnreadableError(Exception):
    """One of the given files cannot be read or is not of its form; `which` is `bundle`, `trust` or `file`."""

    def __init__(self, which: str, code: str, pointer: str) -> None:
        super().__init__(code)
        self.which = which
        self.code = code
        self.pointer = pointer


def read_file(which: str, path: Path, limit: int, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """Read and parse a file of at most `limit` bytes; raises `UnreadableError`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise UnreadableError(which, "chain.format.too_large", "")
        return parse(data)
    except OSError:
        raise UnreadableError(which, "chain.format.file", "") from None
    except FormatError as error:
        raise UnreadableError(which, error.code, error.detail) from None


def verify_with_node(bundle: Bundle, trust: TrustFile, rpc: str, file: bytes | None) -> Verdict:
    """Verify against the node at `rpc`, by this machine's clock."""
    node = Web3Node(rpc, timeout_s=TIMEOUT_S)
    try:
        return verify(bundle, trust, NodeView(node, trust), now_s=int(time.time()), file=file)
    finally:
        node.close()


def run_verify(
    bundle: Path,
    rpc: str,
    trust: Path,
    *,
    file: Path | None = None,
    as_json: bool = False,
    languages: Sequence[Lang] = LANGUAGES,
    console: Console | None = None,
) -> int:
    """Verify the bundle in a file, print what was found, and return the exit code."""
    out = console or Console(soft_wrap=True, highlight=False)
    try:
        parsed_trust = read_file("trust", trust, TRUST_LIMIT, parse_trust_file)
        parsed = read_file("bundle", bundle, BUNDLE_LIMIT, parse_bundle)
        copy = None if file is None else read_file("file", file, FILE_LIMIT, bytes)
    except UnreadableError as error:
        if as_json:
            out.print_json(json.dumps({"error": {"file": error.which, "code": error.code, "pointer": error.pointer}}))
        else:
            _print_unreadable(out, error, languages)
        return EXIT_FORMAT
    verdict = verify_with_node(parsed, parsed_trust, rpc, copy)
    if as_json:
        out.print_json(json.dumps(verdict.to_json()))
    else:
        print_verdict(out, verdict, languages)
    return verdict.exit_code


def print_verdict(out: Console, verdict: Verdict, languages: Sequence[Lang] = LANGUAGES) -> None:
    """Print steps, aspects, notes and the whole in the languages asked."""
    for finding in verdict.findings:
        _print_finding(out, finding, languages)
    out.print()
    for aspect in Aspect:
        found = verdict.aspect(aspect)
        name = " / ".join(text("aspects", aspect.value, lang) for lang in languages)
        state = " / ".join(text("states", found.state.value, lang) for lang in languages)
        out.print(
            f"[{_STYLES[found.state]}]{_MARKS[found.state]}[/] {name}: {state} [dim]{found.code} ({found.step})[/]"
        )
    out.print()
    for note in verdict.notes:
        for lang in languages:
            out.print(f"• {escape(text('notes', note.code, lang, note.facts))}")
    for lang in languages:
        if verdict.block is None:
            out.print(f"[dim]{text('labels', 'no_block', lang)}[/]")
        else:
            facts: dict[str, str | int] = {"number": verdict.block.number, "time": verdict.block.time_s}
            out.print(f"[dim]{text('labels', 'block', lang, facts)}[/]")
    out.print()
    for lang in languages:
        out.print(f"[{_STYLES[verdict.state]}]{text('whole', verdict.state.value, lang)}[/]")


def _print_finding(out: Console, finding: Finding, languages: Sequence[Lang]) -> None:
    style = _STYLES[finding.state]
    for line, lang in enumerate(languages):
        lead = f"{finding.step:>2}. [{style}]{_MARKS[finding.state]}[/]" if line == 0 else "     "
        said = text("steps", str(finding.step), lang)
        found = escape(text("findings", finding.code, lang, finding.facts))
        colour = "dim" if finding.state is State.VALID else style
        out.print(f"{lead} {said}  [{colour}]{found}[/]")


def _print_unreadable(out: Console, error: UnreadableError, languages: Sequence[Lang]) -> None:
    for lang in languages:
        which = text("labels", error.which, lang)
        said = text("labels", "unreadable", lang, {"which": which, "text": text("errors", error.code, lang)})
        where = f" {text('labels', 'at', lang, {'pointer': error.pointer})}" if error.pointer else ""
        out.print(f"[bold red]✗[/] {escape(said + where)}")
    out.print(f"  [dim]{error.code}[/]")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chain", description="Evidence of mydata / 数据授权证据")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="verify an evidence bundle / 验证证据包")
    check.add_argument("bundle", type=Path, help="evidence bundle / 证据包")
    check.add_argument("--rpc", required=True, help="RPC URL of a node of the chain / 链节点地址")
    check.add_argument("--trust", type=Path, required=True, help="trust file, obtained separately / 另行取得的可信文件")
    check.add_argument("--file", type=Path, help="the copy that was delivered / 收到的副本")
    check.add_argument("--json", action="store_true", help="print JSON / 输出 JSON")
    check.add_argument("--lang", choices=LANGUAGES, help="one language only / 只用一种语言")
    party.add_commands(commands)
    witness.add_commands(commands)
    given = parser.parse_args(arguments)
    if given.command == "party":
        return party.run(given)
    if given.command == "witness":
        return witness.run(given)
    languages: Sequence[Lang] = LANGUAGES if given.lang is None else (given.lang,)
    return run_verify(given.bundle, given.rpc, given.trust, file=given.file, as_json=given.json, languages=languages)


if __name__ == "__main__":
    sys.exit(main())
