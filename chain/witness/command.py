"""`python -m chain witness …`, and `mydata witness …`: run a witness, compare two, check a proof of a fork.

    init FOLDER --name NAME          make a key; prints the verifier key that the log's operator and verifiers need
    follow FOLDER --url PREFIX …     follow the log under PREFIX (such as https://service/v1/log) and co-sign
    compare A B …                    hold two witnesses' checkpoints, folders or notes, against one another
    check PROOF …                    check a proof of a fork, offline

The log's key is given by `--trust FILE` or `--log-key KEY` and never taken from the log. Exit codes: 0 all is well (of
`check`: the proof holds), 1 the log was refused, forked, or the proof proves nothing, 2 wrong use or a file that cannot
be used, 5 something did not answer, so that nothing is known.
"""

import argparse
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from chain.cosign import NoteKey, log_key, parse_key
from chain.errors import ChainError, FormatError, WrongChainError
from chain.fork import FORK_LIMIT, Fork, compare, opened, parse_fork
from chain.merkle import NodeAt
from chain.node import Web3Node
from chain.note import ED25519_ALGORITHM, NOTE_LIMIT, Checkpoint
from chain.texts import LANGUAGES, text, time_text
from chain.trustfile import TRUST_LIMIT, TrustFile, parse_trust_file
from chain.view import NodeView
from chain.witness.folder import NOTE_FILE, FolderError, WitnessFolder, create, read_state
from chain.witness.follow import OnChain, Outcome, Peer, Round, Witness
from chain.witness.source import LogSource, SourceError

WELL, WRONG, MISUSE, UNKNOWN = 0, 1, 2, 5
EVERY_S = 10.0
RPC_TIMEOUT_S = 10.0
_STYLES = {
    Outcome.COSIGNED: "green",
    Outcome.UNCHANGED: "dim",
    Outcome.REFUSED: "bold red",
    Outcome.HALTED: "bold red",
    Outcome.SILENT: "yellow",
}
_EXITS = {
    Outcome.COSIGNED: WELL,
    Outcome.UNCHANGED: WELL,
    Outcome.REFUSED: WRONG,
    Outcome.HALTED: WRONG,
    Outcome.SILENT: UNKNOWN,
}
_FORMAT = "chain.format."


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Put `witness` and its acts into the command line."""
    witness = commands.add_parser("witness", help="follow a log and co-sign it / 见证日志并联署")
    add_acts(witness)


def add_acts(witness: argparse.ArgumentParser) -> None:
    """Put the acts into a parser of their own."""
    acts = witness.add_subparsers(dest="act", required=True)
    made = acts.add_parser("init", help="make a witness's key / 生成见证方密钥")
    made.add_argument("folder", type=Path, help="the witness's folder / 见证方目录")
    made.add_argument("--name", required=True, help="such as witness.example.org/city / 见证方名称")
    follow = acts.add_parser("follow", help="follow a log / 跟踪日志")
    follow.add_argument("folder", type=Path)
    follow.add_argument("--url", required=True, help="prefix of the log, such as https://service/v1/log / 日志地址")
    follow.add_argument("--rpc", help="also look at the chain, which needs --trust / 同时核对链上记录（需 --trust）")
    follow.add_argument(
        "--peer",
        action="append",
        default=[],
        help="another witness's folder or the address of it / 其他见证方的目录或网址",
    )
    follow.add_argument("--every", type=_seconds, default=EVERY_S, help="seconds between rounds / 间隔秒数")
    follow.add_argument("--once", action="store_true", help="one round / 只看一次")
    compared = acts.add_parser("compare", help="compare two witnesses / 比对两个见证方")
    compared.add_argument("one", type=Path, help="folder or note / 目录或检查点文件")
    compared.add_argument("other", type=Path)
    compared.add_argument("--url", action="append", default=[], help="who shows the larger tree / 出示较大树的地址")
    compared.add_argument("--out", type=Path, default=Path("fork.json"), help="where a proof is written / 证明文件")
    check = acts.add_parser("check", help="check a proof of a fork / 核验分叉证明")
    check.add_argument("proof", type=Path)
    for one in (follow, compared, check):
        trusted = one.add_mutually_exclusive_group(required=True)
        trusted.add_argument("--trust", type=Path, help="trust file / 可信文件")
        trusted.add_argument("--log-key", help="the log's verifier key / 日志公钥")


def run(given: argparse.Namespace, console: Console | None = None, stop: threading.Event | None = None) -> int:
    """Carry out what `add_acts` parsed; returns the exit code. `stop` ends `follow` after its round."""
    out = console or Console(soft_wrap=True, highlight=False)
    try:
        if given.act == "init":
            return _init(out, given)
        trust, log = _trusted(given)
        if given.act == "follow":
            return _follow(out, given, trust, log, stop or threading.Event())
        if given.act == "compare":
            return _compare(out, given, log)
        return _check(out, given, log)
    except (FolderError, FormatError, WrongChainError) as error:
        _say(out, "bold red", error.code, error.detail)
        return MISUSE
    except OSError as error:
        _say(out, "bold red", "chain.format.file", str(error.filename or ""))
        return MISUSE


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `mydata witness`; returns the exit code."""
    parser = argparse.ArgumentParser(prog="mydata witness", description="Witness of a receipt log / 回执日志见证")
    add_acts(parser)
    return run(parser.parse_args(arguments))


def _init(out: Console, given: argparse.Namespace) -> int:
    public = create(given.folder, given.name)
    _say(out, "green", "made")
    out.print(escape(str(public)))
    return WELL


def _follow(
    out: Console, given: argparse.Namespace, trust: TrustFile | None, log: NoteKey, stop: threading.Event
) -> int:
    if given.rpc is not None and trust is None:
        _say(out, "bold red", "rpc_without_trust")
        return MISUSE
    if threading.current_thread() is threading.main_thread():
        _end_on_signals(stop)
    node = None if given.rpc is None else Web3Node(given.rpc, timeout_s=RPC_TIMEOUT_S)
    source = LogSource(given.url)
    peers = [_peer(one) for one in given.peer]
    on_chain = None if node is None or trust is None else _chain(node, trust)
    try:
        with WitnessFolder(given.folder, log, source.prefix) as folder:
            witness = Witness(folder, source, lambda: int(time.time()), on_chain, peers)
            return _rounds(out, witness, stop, every_s=given.every, once=given.once)
    finally:
        source.close()
        if node is not None:
            node.close()


def _rounds(out: Console, witness: Witness, stop: threading.Event, *, every_s: float, once: bool) -> int:
    """Rounds until told to stop, or until the log forked; what does not change is said once."""
    said = None
    while True:
        found = witness.round()
        if found != said and (once or found.outcome is not Outcome.UNCHANGED or found.code):
            _tell(out, found)
        said = found
        halts = found.outcome is Outcome.HALTED or found.code == "chain.witness.fork"
        if once or halts or stop.wait(every_s):
            return _EXITS[found.outcome]


def _compare(out: Console, given: argparse.Namespace, log: NoteKey) -> int:
    notes = [_note(path) for path in (given.one, given.other)]
    sizes = [opened_by(log, note).size for note in notes]
    larger = (given.one, given.other)[sizes[1] >= sizes[0]]
    try:
        found = _compared(log, notes, given.url or _own_url(larger))
    except (FolderError, FormatError):
        raise
    except ChainError as error:
        _say(out, "yellow", "not_compared", f"{sizes[0]}, {sizes[1]}")
        _say(out, "yellow", error.code, error.detail)
        return UNKNOWN
    if found is None:
        _say(out, "green", "agree", f"{sizes[0]}, {sizes[1]}")
        return WELL
    given.out.write_bytes(found.to_bytes())
    _say(out, "bold red", "chain.witness.fork", str(given.out))
    return WRONG


def _compared(log: NoteKey, notes: Sequence[str], urls: Sequence[str]) -> Fork | None:
    """Ask one address after the other for the larger tree, until one shows it."""
    sources = [LogSource(url) for url in urls]
    trouble: ChainError | None = None
    try:
        for source in sources or (None,):
            try:
                return compare(log, notes[0], notes[1], _tree(source))
            except ChainError as error:
                trouble = error
    finally:
        for source in sources:
            source.close()
    assert trouble is not None
    raise trouble


def _tree(source: LogSource | None) -> Callable[[int], NodeAt]:
    def tree(size: int) -> NodeAt:
        if source is None:
            raise ChainError("--url", code="chain.witness.no_url")
        return source.tree(size).node

    return tree


def _check(out: Console, given: argparse.Namespace, log: NoteKey) -> int:
    found = parse_fork(_read(given.proof, FORK_LIMIT))
    if found.log != log:
        raise FolderError(str(given.proof), code="chain.witness.other_log")
    try:
        first, second = found.check()
    except ChainError:
        _say(out, "bold red", "proves_nothing", str(given.proof))
        return WRONG
    _say(out, "bold red", "proves_fork", f"{first.size}, {second.size}")
    for checkpoint in (first, second):
        out.print(f"  {checkpoint.size}  {checkpoint.root.hex()}")
    return WELL


def opened_by(log: NoteKey, note: str) -> Checkpoint:
    """The checkpoint of a note that must be the log's; anything else is a wrong file. Raises FormatError."""
    try:
        return opened(log, note)
    except ChainError as error:
        raise FormatError(error.code, code="chain.format.checkpoint") from None


def _trusted(given: argparse.Namespace) -> tuple[TrustFile | None, NoteKey]:
    """The log's key, from where the caller says."""
    if given.trust is None:
        key = parse_key(given.log_key)
        if key.algorithm != ED25519_ALGORITHM:
            raise FormatError("--log-key", code="chain.format.note_key")
        return None, key
    trust = parse_trust_file(_read(given.trust, TRUST_LIMIT))
    return trust, log_key(trust.log_id, trust.log_public_key)


def _chain(node: Web3Node, trust: TrustFile) -> OnChain:
    def on_chain(checkpoint: Checkpoint) -> bool:
        view = NodeView(node, trust)
        if view.chain_id() != trust.chain_id or view.genesis_hash() != trust.genesis_hash:
            raise WrongChainError
        contract = trust.contracts["ReceiptLog"]
        if view.code_hash(contract.address) != contract.code_hash:
            raise WrongChainError
        return view.checkpoint(checkpoint.size, checkpoint.root) is not None

    return on_chain


def _peer(place: str) -> Peer:
    """What another witness publishes: under an address that ends before `/checkpoint`, or in a folder."""
    if "://" in place:
        return LogSource(place).checkpoint

    def read() -> str:
        try:
            return _note(Path(place))
        except OSError:
            raise SourceError(place) from None

    return read


def _note(path: Path) -> str:
    """The co-signed checkpoint in a witness's folder, or the note in a file."""
    try:
        return _read(path / NOTE_FILE if path.is_dir() else path, NOTE_LIMIT).decode()
    except UnicodeDecodeError:
        raise FormatError(str(path), code="chain.format.note") from None


def _own_url(path: Path) -> list[str]:
    state = read_state(path) if path.is_dir() else None
    return [] if state is None else [state.url]


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise FormatError(str(path), code="chain.format.too_large")
    return data


def _tell(out: Console, found: Round) -> None:
    _say(out, _STYLES[found.outcome], found.outcome.value, str(found.size) if found.size else "")
    if found.code:
        _say(
            out,
            "yellow" if found.outcome in {Outcome.COSIGNED, Outcome.UNCHANGED} else _STYLES[found.outcome],
            found.code,
            found.detail,
        )


def _say(out: Console, style: str, key: str, detail: str = "") -> None:
    """A sentence in both languages, and what it is about."""
    section = "errors" if key.startswith(_FORMAT) else "witness"
    out.print(f"[dim]{time_text(int(time.time()))}[/]", end=" ")
    out.print(" / ".join(f"[{style}]{escape(text(section, key, lang))}[/]" for lang in LANGUAGES), end="")
    out.print(f"  [dim]{escape(detail)}[/]" if detail else "")


def _seconds(given: str) -> float:
    value = float(given)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("between 0 and 86400")
    return value


def _end_on_signals(stop: threading.Event) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
