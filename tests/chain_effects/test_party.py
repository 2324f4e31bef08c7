"""Two administrators at two desks: what one alone cannot do, and what the command says."""

import hashlib
import json

import pytest

from chain.__main__ import main
from tests.chain_effects.engines import key

META = "0x" + "22" * 32


class Desk:
    """One administrator with a key file of their own."""

    def __init__(self, world, folder, label, capsys):
        self.world, self.capsys = world, capsys
        self.deployment = folder / "chain.json"
        self.deployment.write_text(json.dumps(world.deployment.to_json()))
        self.key = folder / label.replace(" ", "-")
        self.key.write_text(hashlib.sha256(label.encode()).hexdigest() + "\n")
        self.key.chmod(0o600)

    def run(self, act, *more, key=True):
        self.capsys.readouterr()
        line = ["party", act, "--rpc", self.world.engine.url, "--deployment", str(self.deployment), *more]
        code = main([*line, *(["--key", str(self.key)] if key else [])])
        said = self.capsys.readouterr()
        return code, json.loads(said.out) if code == 0 else said.err


@pytest.fixture
def desks(world, tmp_path, capsys):
    return [Desk(world, tmp_path, label, capsys) for label in ("admin 1", "admin 2", "nobody")]


def stated(label, **changes):
    account = "0x" + key(label).address.hex()
    values = {"id": f"party_{label}", "role": "department", "account": account, "metadata": META}
    return [part for name, value in (values | changes).items() for part in (f"--{name}", value)]


def test_admission_takes_two_desks_and_the_same_words(desks, world):
    label = f"desk {world.engine.name}"
    first, second, nobody = desks
    assert nobody.run("propose", *stated(label)) == (1, "refused: NotAdmin\n")
    code, shown = first.run("propose", *stated(label))
    assert (code, shown["status"]) == (0, "none")
    assert first.run("admit", *stated(label)) == (1, "refused: SecondPersonRequired\n")
    assert second.run("admit", *stated(label, role="operator")) == (1, "refused: NotProposed\n")
    assert second.run("propose", *stated(label)) == (1, "refused: AlreadyProposed\n")
    code, shown = second.run("admit", *stated(label))
    assert (code, shown["status"], shown["role"]) == (0, "active", "department")
    assert second.run("suspend", "--id", f"party_{label}")[1]["status"] == "suspended"
    assert second.run("reinstate", "--id", f"party_{label}") == (1, "refused: NotProposed\n")
    assert second.run("propose-reinstatement", "--id", f"party_{label}")[0] == 0
    assert second.run("reinstate", "--id", f"party_{label}") == (1, "refused: SecondPersonRequired\n")
    assert first.run("reinstate", "--id", f"party_{label}")[1]["status"] == "active"
    assert nobody.run("show", "--id", f"party_{label}", key=False)[1]["metadata"] == META


def test_a_key_that_others_can_read_is_refused(desks):
    first, *_ = desks
    first.key.chmod(0o640)
    code, said = first.run("suspend", "--id", "party_x")
    assert (code, "chmod 600" in said) == (2, True)
    first.key.chmod(0o600)
    first.key.write_text("00")
    assert first.run("suspend", "--id", "party_x")[0] == 2


def test_a_node_that_does_not_answer_is_no_refusal(desks, capsys):
    first, *_ = desks
    line = ["party", "show", "--rpc", "http://127.0.0.1:9", "--deployment", str(first.deployment), "--id", "party_x"]
    assert main(line) == 5
    assert "chain.node.unreachable" in capsys.readouterr().err
