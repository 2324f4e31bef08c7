"""Every code of the chain's effects has its two texts."""

import re
from pathlib import Path

import pytest

import chain
from api.locale import LANGUAGES, error_texts
from chain.errors import NodeError, RpcReason

MODULES = (
    "anchor",
    "attempts",
    "calls",
    "deploy",
    "events",
    "identity",
    "indexer",
    "node",
    "refusals",
    "relay",
    "rpcerrors",
)
FOLDER = Path(chain.__file__).parent
QUOTED = re.compile(r'"(chain\.[a-z_.]+)"')
CODES = sorted(
    {code for name in MODULES for code in QUOTED.findall((FOLDER / f"{name}.py").read_text("utf-8"))}
    | {NodeError(reason).code for reason in RpcReason}
    | {"chain.internal", "chain.wrong_chain", "chain.fenced"}
)


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_both_texts(code):
    assert set(error_texts()[code]) == set(LANGUAGES)


def test_the_codes_are_found_in_the_source():
    assert {"chain.refused", "chain.nonce_lost", "chain.event", "chain.deploy"} < set(CODES)
