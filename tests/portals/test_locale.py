"""Both languages are complete, nothing is left over, dates are exact, and every error code has its texts."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from api import locale
from api.locale import LANGUAGES, Lang
from tests.portals.messages import used_messages

ROOT = Path(__file__).parents[2]
AT_MS = 1795327500000  # 2026-11-22 06:05 UTC
CODE = re.compile(r"^[a-z][a-z0-9]*(\.[a-z0-9_]+)+$")
PLACEHOLDER = re.compile(r"%\((\w+)\)")
# Between Chinese characters a European mark is a slip of the keyboard.
SLIP = re.compile("[\u4e00-\u9fff][,:;?!(][\u4e00-\u9fff]")


def catalogue(lang: Lang):
    with locale.catalogue_path(lang).open("rb") as file:
        return read_po(file, locale="zh_Hans" if lang == "zh-Hans" else "en", abort_invalid=True)


def entries(lang: Lang):
    return {message.id: message for message in catalogue(lang) if message.id}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_catalogue_has_exactly_what_is_used(lang: Lang) -> None:
    used, kept = used_messages(), set(entries(lang))
    assert len(used) > 300
    assert sorted(map(str, used - kept)) == []
    assert sorted(map(str, kept - used)) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_entry_is_translated_with_its_placeholders(lang: Lang) -> None:
    for key, message in entries(lang).items():
        assert not message.fuzzy, key
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(PLACEHOLDER.findall(key[-1] if isinstance(key, tuple) else key))
        assert all(texts), key
        assert len(texts) == (1 if lang == "zh-Hans" or isinstance(key, str) else 2), key
        for text in texts:
            found = set(PLACEHOLDER.findall(text))
            assert found == wanted, key
            if lang == "zh-Hans":
                assert not SLIP.search(text), text


def test_english_of_the_catalogue_is_its_own_id() -> None:
    for key, message in entries("en").items():
        assert message.string == key


def test_chinese_is_chinese() -> None:
    plain = {
        key for key, message in entries("zh-Hans").items() if not re.search("[\u4e00-\u9fff、]", str(message.string))
    }
    assert plain == set()


def calls_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name.endswith("Error") or name in {"Deny", "ApiError"}:
            first = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "code")]
            yield from (a.value for a in first if isinstance(a, ast.Constant) and isinstance(a.value, str))


def codes_in(package: str) -> set[str]:
    found: set[str] = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        found |= {value for value in calls_of(ast.parse(path.read_text("utf-8"))) if CODE.match(value)}
    return found


@pytest.mark.parametrize("package", ["api", "watermark", "chain"])
def test_every_error_code_has_both_texts(package: str) -> None:
    codes = codes_in(package)
    assert codes, "the scan found nothing: it would not notice a missing text"
    # Settings are read before any page exists; their codes reach operators through the command line, as do those of
    # the watermark's own command, whose words stand in watermark/words.toml.
    elsewhere = ("settings.", "watermark.command.", "watermark.report.")
    missing = {code for code in codes if code not in locale.error_texts() and not code.startswith(elsewhere)}
    assert sorted(missing) == []


def test_error_texts_say_something_and_fill_their_facts() -> None:
    for code, texts in locale.error_texts().items():
        names = [{f for _, f, _, _ in string.Formatter().parse(texts[lang]) if f} for lang in LANGUAGES]
        assert names[0] == names[1], code
        facts = dict.fromkeys(names[0], 12345)
        for lang in LANGUAGES:
            text = locale.error_text(code, lang, facts)
            assert len(text) >= 6, code
            assert "{" not in text, code


def test_unknown_code_and_absent_fact_still_give_a_sentence() -> None:
    assert locale.error_text("no.such_code", "en").startswith("Something went wrong")
    assert "…" in locale.error_text("portal.bad_form", "zh-Hans")


def test_a_code_that_stands_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "errors").mkdir()
    for name in ("a.toml", "b.toml"):
        (tmp_path / "errors" / name).write_text('["x.y"]\nzh = "一"\nen = "one"\n', "utf-8")
    monkeypatch.setattr(locale, "_HERE", tmp_path)
    with pytest.raises(ValueError, match="twice"):
        locale.error_texts.__wrapped__()
    (tmp_path / "errors" / "b.toml").write_text('["x.z"]\nzh = "一"\n', "utf-8")
    with pytest.raises(ValueError, match="exactly"):
        locale.error_texts.__wrapped__()
    (tmp_path / "errors" / "b.toml").write_text('["x.z"]\nzh = "{a.b}"\nen = "{a}"\n', "utf-8")
    with pytest.raises(ValueError, match="plain name"):
        locale.error_texts.__wrapped__()


def test_dates_and_numbers() -> None:
    assert locale.format_datetime(AT_MS, "zh-Hans") == "2026年11月22日 14:05"
    assert locale.format_datetime(AT_MS, "en") == "22 Nov 2026, 14:05"
    assert locale.format_date(AT_MS + 10 * 3_600_000, "zh-Hans") == "2026年11月23日"
    assert locale.format_date("2031-04-05", "en") == "5 Apr 2031"
    assert locale.format_date("长期", "zh-Hans") == "长期"
    assert locale.format_time(AT_MS, "en") == "14:05"
    assert locale.format_number(1234567.891, "en", 2) == "1,234,567.89"
    assert locale.format_bytes(33554432, "zh-Hans") == "32.0 MB"
    assert locale.format_bytes(512, "en") == "512 B"
