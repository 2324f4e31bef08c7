"""Every error code of the chain package has its words in both languages, for the web edge and for the command."""

import re
import tomllib
from pathlib import Path

import chain
from chain import errors
from chain.errors import ChainError, RpcReason
from chain.texts import load_texts

PACKAGE = Path(chain.__file__).parent
CATALOGUE = PACKAGE.parent / "api" / "locale" / "errors"


def codes_in_source():
    source = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path.name != "errors.py")
    found = set(re.findall(r'code="(chain\.[a-z_.]+)"', source))
    found |= set(re.findall(r'^    code = "(chain\.[a-z_.]+)"', source, re.MULTILINE))
    found |= {f"chain.format.{reason}" for reason in re.findall(r'refuse\(\s*"(\w+)"', source)}
    found |= {f"chain.node.{reason}" for reason in RpcReason}
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ChainError)]
    # A verdict is no error: its words stand in chain/texts.toml, and test_vectors looks after them.
    return {code for code in found | {cls.code for cls in classes} if not code.startswith("chain.verify.")}


def test_every_error_code_has_its_texts():
    texts = {}
    for path in CATALOGUE.glob("*.toml"):
        texts |= tomllib.loads(path.read_text("utf-8"))
    assert codes_in_source() <= set(texts)
    own = tomllib.loads((CATALOGUE / "chain.toml").read_text("utf-8"))
    assert set(own) <= codes_in_source()
    for code, entry in own.items():
        assert set(entry) == {"zh", "en"}, code
        assert all(entry.values()), code


def test_every_reason_for_refusing_a_file_has_words_in_the_command():
    spoken = set(load_texts()["errors"])
    of_files = {code for code in codes_in_source() if code.startswith("chain.format.")}
    # Notes and checkpoints are judged inside a bundle (steps 15 and 16), never read as a file.
    assert of_files - {"chain.format.note", "chain.format.checkpoint"} <= spoken
