"""Every code of the package has a Chinese and an English text, and no text is left over."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"(watermark\.(?:trace\.)?[a-z_]+)"')
MODULES = {"watermark.sandbox", "watermark.lettering"}
BUILT = {f"watermark.trace.{said}" for said in ("identified", "suspect", "erased", "pictures_left_out")}


def test_codes_and_texts_agree() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "watermark").rglob("*.py"))
    used = set(CODE.findall(sources)) - MODULES | BUILT
    texts = tomllib.loads((ROOT / "api/locale/errors/watermark.toml").read_text())
    assert used == set(texts)
    for code, text in texts.items():
        assert set(text) == {"zh", "en"}, code
        assert re.findall(r"\{(\w+)\}", text["zh"]) == re.findall(r"\{(\w+)\}", text["en"]), code
        assert re.search("[\u4e00-\u9fff]", text["zh"]), code
