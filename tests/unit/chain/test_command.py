"""`python -m chain verify` against a real node with the real contracts: the whole way from a file to an exit code."""

import hashlib
import io
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from chain import calls
from chain.__main__ import main, run_verify
from chain.bundle import Bundle
from chain.checks.case import party_id
from chain.deploy import deploy, send_and_wait, trust_document
from chain.errors import NodeError, RpcReason
from chain.grantmsg import GrantStatus
from chain.merkle import EMPTY_ROOT
from chain.node import Web3Node
from chain.note import parse_checkpoint
from chain.ports import Head
from chain.signer import LocalSigner
from chain.trustfile import TrustFile, parse_trust_file
from chain.verdict import Role
from chain.view import NodeView
from tests.chain_effects.engines import CHAIN_ID, Engine, key
from tests.vectors.world import DEPARTMENT_ID, ENTITY_ID, FILE, Times, World, jwk, secret

METADATA = hashlib.sha256(b"published description").digest()


@dataclass
class Scene:
    """A node on which everything in `bundle` stands."""

    url: str
    node: Web3Node
    world: World
    bundle: Bundle
    trust: TrustFile
    operator: LocalSigner
    admins: tuple[LocalSigner, LocalSigner]

    def send(self, signer, contract, data):
        send_and_wait(self.node, signer, self.world.contracts[contract], data, gas=calls.gas_limit(data))

    def change(self, status, seq):
        change = self.world.change(status, seq)
        data = calls.change_grant(self.world.grant_digest, change.status, change.seq, change.signature)
        self.send(self.operator, "Grants", data)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    engine = Engine("embedded", tmp_path_factory.mktemp("embedded"))
    engine.start()
    try:
        yield settle(engine)
    finally:
        engine.kill()


def settle(engine):
    """Deploy, admit, anchor, register the grant and append the checkpoint."""
    node, operator, admins = Web3Node(engine.url), key("operator"), (key("admin 1"), key("admin 2"))
    department = LocalSigner(secret("department"))
    thumbprint = jwk(World().http_key).thumbprint
    parties = [
        calls.PartyProposal(party_id("operator"), calls.Role.OPERATOR, operator.address, bytes(32), METADATA),
        calls.PartyProposal(party_id(DEPARTMENT_ID), calls.Role.DEPARTMENT, department.address, bytes(32), METADATA),
        calls.PartyProposal(party_id(ENTITY_ID), calls.Role.ENTITY, bytes(20), thumbprint, METADATA),
    ]
    deployment = deploy(node, key("deployer"), admins, parties)
    times = Times(int(time.time()) - 3_000)  # so that the delivery is made about now
    world = World(chain_id=CHAIN_ID, contracts=dict(deployment.addresses), times=times)
    bundle = world.bundle()
    document = trust_document(
        deployment,
        log_public_key=world.log_key.public_key().public_bytes_raw(),
        admins=[admin.address for admin in admins],
        identity_providers=world.trust().identity_providers,
    )
    scene = Scene(engine.url, node, world, bundle, parse_trust_file(json.dumps(document).encode()), operator, admins)
    batches = bundle.certificates
    scene.send(department, "CertificateAnchors", calls.anchor([c.root for c in batches], [c.size for c in batches]))
    scene.send(operator, "Grants", calls.register_grant(world.grant.message, world.grant.signature))
    checkpoint = parse_checkpoint(bundle.log.checkpoint.split("\n\n")[0] + "\n")
    head = Head(checkpoint.size, checkpoint.root)
    scene.send(operator, "ReceiptLog", calls.append(Head(0, EMPTY_ROOT), head, []))
    return scene


@pytest.fixture
def files(scene, tmp_path):
    """Write bundle, trust file and copy; give the command's arguments."""

    def write(bundle=None, *, trust=None, url=None, file=None, raw=None):
        (tmp_path / "bundle.json").write_bytes(raw or (bundle or scene.bundle).to_bytes())
        (tmp_path / "trust.json").write_bytes((trust or scene.trust).to_bytes())
        arguments = [str(tmp_path / "bundle.json"), "--rpc", url or scene.url, "--trust", str(tmp_path / "trust.json")]
        if file is not None:
            (tmp_path / "copy.csv").write_bytes(file)
            arguments += ["--file", str(tmp_path / "copy.csv")]
        return ["verify", *arguments]

    return write


def result(arguments, capsys):
    """Exit code and the JSON printed."""
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.slow
class TestOnARealNode:
    """In order: what changes the chain comes last."""

    def test_valid(self, scene, files, capsys):
        code, printed = result(files(file=FILE), capsys)
        assert (code, printed["state"]) == (0, "VALID")
        assert printed["block"]["number"] >= 10
        assert [f["code"] for f in printed["findings"] if f["code"] != "chain.verify.ok"] == [
            "chain.verify.not_claimed",
            "chain.verify.no_witnesses",
        ]

    def test_the_installed_command_needs_no_service(self, scene, files):
        """A process of its own, in which the service's packages never get imported."""
        line = "import sys, chain.__main__ as m; code = m.main(sys.argv[1:])\n"
        line += (
            "bad = {n.split('.')[0] for n in sys.modules} & {'api', 'watermark', 'sqlalchemy', 'fastapi', 'devnet'}\n"
        )
        line += "sys.exit(code if not bad else 99)"
        done = subprocess.run(
            [sys.executable, "-c", line, *files()], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        for words in (
            "结论：有效",
            "Result: VALID",
            "据运营方声明：部门密钥由平台保管",
            "signed on their behalf",
            "21. ",
        ):
            assert words in done.stdout
        line = [sys.executable, "-m", "chain", *files(), "--lang", "en"]
        module = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert module.returncode == 0
        assert "结论" not in module.stdout
        assert "Result: VALID" in module.stdout

    def test_view_answers_as_the_contracts_do(self, scene):
        view, world = NodeView(scene.node, scene.trust), scene.world
        department, entity = party_id(DEPARTMENT_ID), party_id(ENTITY_ID)
        assert view.account(world.issuer).party_id == department
        assert view.account(world.stranger) is None
        assert view.key(jwk(world.http_key).thumbprint).party_id == entity
        assert view.key(bytes(31) + b"\x01") is None
        assert (view.party(department).role, view.party(entity).role) == (Role.DEPARTMENT, Role.ENTITY)
        assert view.party(bytes(32)) is None
        pair = {admin.address for admin in scene.admins}
        for party in (department, entity, party_id("operator")):
            admission = view.admission(party)
            assert {admission.proposer, admission.admitter} == pair
        assert view.admission(bytes(32)) is None
        certificate = scene.bundle.certificates[1]
        anchor = view.anchor(certificate.issuer, certificate.root)
        assert anchor.size == 300
        assert 0 <= view.block().time_s - anchor.time_s < 60
        assert view.anchor(certificate.issuer, bytes(32)) is None
        grant = view.grant(world.grant_digest)
        assert (grant.key, grant.status, grant.suspended) == (world.grant.message.key, GrantStatus.ACTIVE, False)
        assert view.grant(bytes(32)) is None
        assert (view.log_head().size, view.log_head().epoch) == (7, 1)
        assert view.checkpoint(7, bytes(32)) is None
        assert view.code_hash(world.stranger) == hashlib.sha256(b"").digest()

    def test_answers_of_a_contract_that_is_not_ours_are_none(self, scene):
        """Another contract at the address answers with other bytes, or none: MALFORMED, so UNKNOWN at worst."""
        grants = scene.trust.contracts["Grants"]
        confused = replace(
            scene.trust, contracts={**scene.trust.contracts, "PartyRegistry": replace(grants, address=bytes(20))}
        )
        with pytest.raises(NodeError) as caught:
            NodeView(scene.node, confused).party(bytes(32))
        assert caught.value.reason is RpcReason.MALFORMED

    def test_pending(self, scene, files, capsys):
        code, printed = result(files(replace(scene.bundle, log=None)), capsys)
        assert (code, printed["state"]) == (4, "PENDING")

    def test_invalid(self, scene, files, capsys):
        certificate = scene.bundle.certificates[0]
        shown = dict(certificate.disclosed)
        shown["amount_due"] = replace(shown["amount_due"], value="0.01")
        bundle = replace(
            scene.bundle, certificates=(replace(certificate, disclosed=shown), scene.bundle.certificates[1])
        )
        code, printed = result(files(bundle), capsys)
        assert (code, printed["aspects"]["integrity"]["code"]) == (1, "chain.verify.value_does_not_open")

    def test_another_chain_is_invalid_and_not_asked(self, scene, files, capsys):
        code, printed = result(files(trust=replace(scene.trust, genesis_hash=bytes(32))), capsys)
        assert (code, printed["aspects"]["integrity"]["code"]) == (1, "chain.verify.node_other_genesis")
        code, printed = result(
            files(trust=replace(scene.trust, registry_admins=frozenset({bytes(20), b"1" * 20}))), capsys
        )
        assert (code, printed["aspects"]["issuer"]["code"]) == (1, "chain.verify.issuer_admitted_by_others")

    def test_a_forgers_own_contracts_are_invalid(self, scene, files, capsys):
        """The forger runs the very same code on the very same chain, with administrators of his own."""
        forged = deploy(scene.node, key("forger"), (key("f1"), key("f2")), [])
        world = World(chain_id=CHAIN_ID, contracts=dict(forged.addresses), times=scene.world.times)
        code, printed = result(files(world.bundle()), capsys)
        assert (code, printed["aspects"]["integrity"]["code"]) == (1, "chain.verify.other_contract")
        # A bundle that names the trusted contracts, though nothing of it ever stood there, is pending at best.
        lie = replace(world.bundle(), contracts=scene.bundle.contracts)
        assert main([*files(lie), "--json"]) != 0
        capsys.readouterr()

    def test_unknown_when_nobody_answers(self, scene, files, capsys):
        code, printed = result(files(url="http://127.0.0.1:9"), capsys)
        assert (code, printed["state"], printed["block"]) == (5, "UNKNOWN", None)
        assert main(files(url="http://127.0.0.1:9")) == 5
        assert "这并不表示证据包有误" in capsys.readouterr().out

    def test_grant_states_on_chain(self, scene, files, capsys):
        for status, seq, code in ((GrantStatus.PAUSED, 0, 3), (GrantStatus.ACTIVE, 1, 0), (GrantStatus.REVOKED, 2, 3)):
            scene.change(status, seq)
            assert result(files(), capsys)[0] == code
        assert result(files(), capsys)[1]["aspects"]["status"]["code"] == "chain.verify.grant_revoked"

    def test_revoked_certificate(self, scene, files, capsys):
        alone = Bundle(scene.bundle.chain_id, scene.bundle.contracts, scene.bundle.certificates)
        assert result(files(alone), capsys)[0] == 0
        root = scene.bundle.certificates[1].root
        department = LocalSigner(secret("department"))
        scene.send(department, "CertificateAnchors", calls.revoke(root, 1, 1 << 42))
        assert result(files(alone), capsys)[0] == 0  # 298 is a neighbour
        scene.send(department, "CertificateAnchors", calls.revoke(root, 1, 1 << 43))
        code, printed = result(files(alone), capsys)
        assert (code, printed["aspects"]["status"]["code"]) == (3, "chain.verify.certificate_revoked")

    def test_suspended_department(self, scene, files, capsys):
        first = Bundle(scene.bundle.chain_id, scene.bundle.contracts, scene.bundle.certificates[:1])
        scene.send(scene.admins[0], "PartyRegistry", calls.suspend_party(party_id(DEPARTMENT_ID)))
        code, printed = result(files(first), capsys)
        assert (code, printed["aspects"]["status"]["code"]) == (3, "chain.verify.issuer_suspended")


@pytest.mark.parametrize("answer", [b"[" * 1_000_000, b"not json", b"{}", b'{"jsonrpc":"2.0","id":0,"result":"0xzz"}'])
def test_a_hostile_node_is_unknown_and_harmless(files_of_world, answer, capsys):
    """Deep JSON once ended the process: py_ecc, imported by web3, lifts Python's recursion limit to 100,000."""

    class Hostile(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, printed = result([*files_of_world, "--rpc", f"http://127.0.0.1:{server.server_port}"], capsys)
        server.shutdown()
    assert (code, printed["findings"][1]["facts"]) == (5, {"reason": "malformed"})


@pytest.fixture
def files_of_world(tmp_path):
    world = World()
    (tmp_path / "bundle.json").write_bytes(world.bundle().to_bytes())
    (tmp_path / "trust.json").write_bytes(world.trust().to_bytes())
    return ["verify", str(tmp_path / "bundle.json"), "--trust", str(tmp_path / "trust.json")]


def test_unreadable_files_are_named_and_nothing_is_asked(tmp_path, capsys):
    trust, bundle = tmp_path / "trust.json", tmp_path / "bundle.json"
    trust.write_bytes(World().trust().to_bytes())
    bundle.write_bytes(b'{"schema":"mydata/bundle/1","schema":"mydata/bundle/1"}')
    arguments = ["verify", str(bundle), "--rpc", "http://127.0.0.1:9", "--trust", str(trust)]
    code, printed = result(arguments, capsys)
    assert (code, printed) == (2, {"error": {"file": "bundle", "code": "chain.format.duplicate_key", "pointer": "/"}})
    assert main(arguments) == 2
    said = capsys.readouterr().out
    assert "无法读取证据包：JSON 中有重复的键" in said
    assert "The bundle cannot be read: a JSON key occurs twice" in said
    trust.write_bytes(b"{}")
    assert result(arguments, capsys)[1]["error"] == {
        "file": "trust",
        "code": "chain.format.missing",
        "pointer": "/schema",
    }
    trust.unlink()
    assert result(arguments, capsys)[1]["error"]["code"] == "chain.format.file"


def test_a_file_over_the_limit_is_refused(tmp_path):
    (tmp_path / "trust.json").write_bytes(b" " * 300_000)
    out = Console(file=io.StringIO())
    assert run_verify(tmp_path / "none", "http://127.0.0.1:9", tmp_path / "trust.json", console=out) == 2
    assert "chain.format.too_large" in out.file.getvalue()


def test_wrong_use_exits_with_2(capsys):
    for arguments in ([], ["verify"], ["verify", "x", "--rpc", "y"], ["other"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    capsys.readouterr()
