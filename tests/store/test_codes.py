"""Every error code of the store and the policy has its texts, and every text has a code that uses it."""

import re
from pathlib import Path

from api.locale import error_texts

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"((?:store|keys|fsck|idempotency|pull|grant|request)\.[a-z_]+)"')


def test_codes_and_texts_agree() -> None:
    used = {
        code
        for folder in ("api/store", "api/policy")
        for path in (ROOT / folder).rglob("*.py")
        for code in CODE.findall(path.read_text("utf-8"))
    }
    texts = {
        code
        for name in ("store", "policy")
        for code in re.findall(
            r'^\["([a-z_.]+)"\]', (ROOT / f"api/locale/errors/{name}.toml").read_text("utf-8"), re.MULTILINE
        )
    }
    assert used - error_texts().keys() == set()
    assert texts - used == set(), "a text that nothing uses"
