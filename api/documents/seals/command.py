"""`mydata verify-seal`: checks a sealed PDF on one's own machine, with roots and lists from elsewhere, no network.

Exit codes: 0 valid, 1 invalid, 2 a file that cannot be read, 3 revoked, 5 unknown, 6 expired.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console
from rich.markup import escape

from api.documents.seals.apart import check_apart
from api.documents.seals.checking import SealTrust
from api.documents.seals.verdict import Outcome, SealVerdict
from api.errors import ApiError
from api.locale import error_text, format_datetime

EXIT = {Outcome.VALID: 0, Outcome.INVALID: 1, Outcome.REVOKED: 3, Outcome.UNKNOWN: 5, Outcome.EXPIRED: 6}
EXIT_UNREADABLE = 2
_WORDS = {
    Outcome.VALID: ("green", "✓", "印章真实，文件未被改动", "the seal is genuine and the file unchanged"),
    Outcome.INVALID: ("bold red", "✗", "请勿采信：印章未通过核验", "do not rely on it: the seal does not hold"),
    Outcome.REVOKED: ("bold magenta", "⊘", "印章已被吊销", "the seal had been revoked"),
    Outcome.UNKNOWN: ("yellow", "?", "无法确定", "this cannot be told"),
    Outcome.EXPIRED: ("bold red", "✗", "印章不在有效期内", "the seal was not in force"),
}


def verify_seal(
    file: Path, roots: Sequence[Path], crls: Sequence[Path], sha256: str, *, as_json: bool, out: Console, err: Console
) -> int:
    """Check and print; the exit code. `sha256` is the hash in the file's receipt, hexadecimal, or empty."""
    try:
        trust = SealTrust(read_certificates(roots), read_lists(crls))
        pdf = file.read_bytes()
        expected = bytes.fromhex(sha256.removeprefix("0x")) if sha256 else None
        verdict = check_apart(pdf, trust, datetime.now(UTC), expected)
    except OSError as error:
        err.print(f"✗ {escape(str(error.filename))}: {error.strerror}")
        return EXIT_UNREADABLE
    except ApiError as error:
        err.print(f"✗ {error_text(error.code, 'zh-Hans', error.facts)}\n  {error_text(error.code, 'en', error.facts)}")
        return EXIT_UNREADABLE
    except ValueError:
        err.print("✗ 根证书、吊销列表或校验值无法读取\n  A root certificate, revocation list or hash cannot be read")
        return EXIT_UNREADABLE
    if as_json:
        out.print_json(json.dumps(verdict.to_json(), ensure_ascii=False))
    else:
        _print(verdict, out)
    return EXIT[verdict.outcome]


def read_certificates(paths: Sequence[Path]) -> tuple[bytes, ...]:
    """Certificates in files, PEM (several in one file) or DER; as DER. Raises ValueError, OSError."""
    found: list[bytes] = []
    for path in paths:
        data = path.read_bytes()
        pem = data.lstrip().startswith(b"-----BEGIN")
        read = x509.load_pem_x509_certificates(data) if pem else [x509.load_der_x509_certificate(data)]
        found += [one.public_bytes(Encoding.DER) for one in read]
    return tuple(found)


def read_lists(paths: Sequence[Path]) -> tuple[bytes, ...]:
    """Revocation lists in files, PEM or DER; as DER. Raises ValueError, OSError."""
    found: list[bytes] = []
    for path in paths:
        data = path.read_bytes()
        pem = data.lstrip().startswith(b"-----BEGIN")
        read = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
        found.append(read.public_bytes(Encoding.DER))
    return tuple(found)


def _print(verdict: SealVerdict, out: Console) -> None:
    style, sign, zh, en = _WORDS[verdict.outcome]
    out.print(f"[{style}]{sign} {zh} / {en}[/]")
    for finding in verdict.findings:
        at = "" if finding.seal is None else f" · 印章 seal {finding.seal}"
        out.print(f"  {int(finding.step):>2}{at}  {escape(error_text(finding.code, 'zh-Hans'))}")
        out.print(f"      {escape(error_text(finding.code, 'en'))}")
    for seal in verdict.seals:
        when = "—" if seal.sealed_at_s is None else format_datetime(seal.sealed_at_s * 1000, "zh-Hans")
        said = "时间戳 timestamped" if seal.timed else "自行声明 its own word"
        out.print(f"  {seal.position}. {escape(seal.name)} · {when} ({said}) · {escape(seal.issuer)} · {seal.serial}")
    compared = "" if verdict.compared else "（未与回执比较 not compared with a receipt）"
    out.print(f"  SHA-256 {verdict.sha256}{compared}", soft_wrap=True)
