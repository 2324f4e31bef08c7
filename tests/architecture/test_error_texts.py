"""Errors that the scan of calls in tests/portals cannot see: codes from tables and from rows' problems."""

import ast
import re
import tomllib
from pathlib import Path

from api import locale
from api.http.errors import BY_STATUS, FRAMEWORK_CODES
from api.http.strict_json import CODES
from api.policy.decide import REASONS

ROOT = Path(__file__).parents[2]
CODE = re.compile(
    r"^(?:auth|catalogue|certificates|demo|grants?|http|idempotency|keys|launch|log|parties|portal|pull|"
    r"receipts|requests?|returns|signature|statutory|store|traces)(?:\.[a-z0-9_]+)+$"
)


def constants(path: Path) -> set[str]:
    """Every string of a module that has the form of one of our codes, docstrings excepted by their form."""
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value)
    }


def test_every_string_that_looks_like_a_code_has_both_texts() -> None:
    known = locale.error_texts()
    found = {
        code: path.relative_to(ROOT).as_posix()
        for folder in ("services", "http", "store", "policy", "demo", "documents")
        for path in sorted((ROOT / "api" / folder).rglob("*.py"))
        for code in constants(path)
    }
    assert len(found) > 80
    names = {code: where for code, where in found.items() if code not in known}
    # Columns, the framework's own event and a file of the benchmark have the form of a code and are none.
    others = {name for name in names if name.endswith(".id")} | {"http.response.start", "store.sqlite3"}
    assert set(names) - others == set()


def test_codes_from_tables_have_both_texts() -> None:
    known = locale.error_texts()
    codes = {*CODES.values(), *FRAMEWORK_CODES, *(code for code, _ in BY_STATUS.values()), *(d.reason for d in REASONS)}
    assert codes <= set(known), codes - set(known)


def test_every_reason_of_the_strict_reader_has_a_code_here() -> None:
    tree = ast.parse((ROOT / "chain" / "strict.py").read_text("utf-8"))
    parse = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    readers = {"parse_json", "_check_text", "_check_depth", "_no_duplicates", "_no_float", "_small_int"}
    reasons = {
        call.args[0].value
        for function in parse
        if function.name in readers
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "refuse"
        and isinstance(call.args[0], ast.Constant)
    }
    assert reasons - {"too_large"} == {code.removeprefix("chain.format.") for code in CODES}


def test_texts_are_sentences_in_their_language() -> None:
    for path in sorted((ROOT / "api" / "locale" / "errors").glob("*.toml")):
        for code, texts in tomllib.loads(path.read_text("utf-8")).items():
            assert re.search("[\u4e00-\u9fff]", texts["zh"]), code
            assert len(re.findall("[A-Za-z]", texts["en"])) > 10, code
            assert texts["zh"].rstrip()[-1] in "。？！", code
            assert texts["en"].rstrip()[-1] in ".?!", code
