"""One abstract suite for every engine that is present, then the ways in which a node fails to answer."""

import itertools
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chain import calls
from chain.deploy import send_and_wait
from chain.errors import NodeError, RpcReason
from chain.node import BATCH_CALLS, Web3Node
from chain.refusals import refusal
from chain.signer import LocalSigner
from tests.chain_effects.engines import CHAIN_ID, key
from tests.chain_effects.worlds import root


def reason_of(act):
    with pytest.raises(NodeError) as caught:
        act()
    return caught.value.reason


def test_blocks_hang_together(world):
    node = world.node
    assert node.chain_id() == CHAIN_ID
    head = node.block_number()
    blocks = [node.block(number) for number in range(head + 1)]
    assert [block.number for block in blocks] == list(range(head + 1))
    assert all(later.parent_hash == block.hash for block, later in itertools.pairwise(blocks))
    assert all(later.time_s >= block.time_s for block, later in itertools.pairwise(blocks))
    assert reason_of(lambda: node.block(head + 1000)) is RpcReason.NOT_FOUND


def test_code_and_calls_at_a_block(world):
    node, address = world.node, world.address("ReceiptLog")
    assert len(node.code(address)) > 1000
    assert node.code(bytes(20)) == b""
    assert node.code(address, 0) == b""
    assert calls.read_head(node.call(address, calls.head())).epoch == 1
    assert node.call(address, calls.head(), block=0) == b""
    assert reason_of(lambda: node.call(address, calls.head(), block=10**6)) is RpcReason.NOT_FOUND


def test_a_revert_carries_its_bytes(world):
    with pytest.raises(NodeError) as caught:
        world.node.call(world.address("Grants"), calls.end_grant(root("none")), sender=world.operator.address)
    assert caught.value.reason is RpcReason.REVERTED
    refused = refusal(caught.value.data)
    assert (refused.name, refused.arguments) == ("UnknownGrant", (root("none"),))


def test_a_transaction_from_pool_to_receipt(world):
    node, signer = world.node, world.department
    data = calls.anchor([root("node suite")], [5])
    nonce = node.nonce(signer.address)
    receipt = send_and_wait(node, signer, world.address("CertificateAnchors"), data, gas=calls.gas_limit(data))
    assert receipt.succeeded
    assert node.block(receipt.block_number).hash == receipt.block_hash
    assert node.nonce(signer.address) == nonce + 1
    assert node.receipts([receipt.tx_hash, root("no such")]) == [receipt, None]
    assert node.receipt(root("no such")) is None
    (entry,) = node.logs(receipt.block_number, receipt.block_number, [world.address("CertificateAnchors")])
    assert (entry.tx_hash, entry.block_hash, entry.log_index) == (receipt.tx_hash, receipt.block_hash, 0)
    assert not node.logs(receipt.block_number, receipt.block_number, [world.address("Grants")])


def test_refused_transactions_have_their_reason(world):
    node, signer = world.node, key(f"refused on {world.engine.name}")

    def signed(nonce, *, chain_id=CHAIN_ID, to=bytes(20), gas=21_000, gas_price=0):
        return signer.sign_transaction(
            chain_id=chain_id, nonce=nonce, to=to, data=b"", gas=gas, gas_price=gas_price
        ).raw

    first = send_and_wait(node, signer, bytes(20), b"", gas=21_000)
    assert first.succeeded
    assert reason_of(lambda: node.send_raw(signed(0, to=b"\x01" * 20))) is RpcReason.NONCE_TOO_LOW
    assert reason_of(lambda: node.send_raw(signed(1, gas=20_000))) is RpcReason.REJECTED
    assert reason_of(lambda: node.send_raw(signed(1, gas=2**40))) is RpcReason.REJECTED
    assert reason_of(lambda: node.send_raw(signed(1, gas_price=10**9))) is RpcReason.INSUFFICIENT_FUNDS
    assert reason_of(lambda: node.send_raw(b"no transaction")) is RpcReason.REJECTED
    waiting = signed(3)
    assert len(node.send_raw(waiting)) == 32
    assert reason_of(lambda: node.send_raw(waiting)) is RpcReason.ALREADY_KNOWN
    assert reason_of(lambda: node.send_raw(signed(3, to=b"\x02" * 20))) is RpcReason.REPLACEMENT
    answers = node.send_raw_many([signed(1), b"bad", signed(2)])
    assert [getattr(answer, "reason", None) for answer in answers] == [None, RpcReason.REJECTED, None]


def test_a_nonce_that_a_waiting_transaction_holds_is_waited_for(world, monkeypatch):
    node, signer = world.node, key(f"waits on {world.engine.name}")
    later = signer.sign_transaction(chain_id=CHAIN_ID, nonce=1, to=b"\x01" * 20, data=b"", gas=21_000, gas_price=0)
    node.send_raw(later.raw)
    # As a node answers whose newest block has just given way: first it counts one more than is mined.
    counted = iter([1, 1])
    honest = node.nonce
    monkeypatch.setattr(node, "nonce", lambda address: next(counted, None) or honest(address))
    assert send_and_wait(node, signer, bytes(20), b"", gas=21_000).succeeded
    assert list(counted) == []


def test_many_calls_are_several_batches(world):
    hashes = [root(number) for number in range(BATCH_CALLS * 2 + 7)]
    assert world.node.receipts(hashes) == [None] * len(hashes)
    assert world.node.receipts([]) == []
    assert world.node.send_raw_many([]) == []


def test_threads_share_a_node(world):
    with ThreadPoolExecutor(8) as pool:
        heights = list(pool.map(lambda _: world.node.block(0).hash, range(100)))
    assert len(set(heights)) == 1


# Nodes that do not answer as they should


class Answering:
    """An HTTP server that gives the same answer to everything."""

    def __init__(self, body, status=200):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                asked = json.loads(self.rfile.read(length))
                data = body(asked) if callable(body) else body
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return Web3Node(self.url, timeout_s=2)

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def result(value):
    return lambda asked: json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": value}).encode()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 200, RpcReason.MALFORMED),
        (b"<html>", 200, RpcReason.MALFORMED),
        (b"\xff\xfe", 200, RpcReason.MALFORMED),
        (b"[]", 200, RpcReason.MALFORMED),
        (b'"0x1"', 200, RpcReason.MALFORMED),
        (b'{"jsonrpc":"2.0","id":0}', 200, RpcReason.MALFORMED),
        (b'{"jsonrpc":"2.0","id":0,"error":"bad"}', 200, RpcReason.MALFORMED),
        (result(None), 200, RpcReason.MALFORMED),
        (result(7), 200, RpcReason.MALFORMED),
        (result("0xzz"), 200, RpcReason.MALFORMED),
        (b'{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"rate limit"}}', 429, RpcReason.UNREACHABLE),
        (b'{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"Nonce too low"}}', 400, RpcReason.NONCE_TOO_LOW),
        (b"down", 503, RpcReason.UNREACHABLE),
        (b"slow", 504, RpcReason.TIMED_OUT),
        (b"large", 413, RpcReason.REJECTED),
        (b"moved", 302, RpcReason.MALFORMED),
    ],
)
def test_an_answer_that_is_none_is_a_reason_and_nothing_else(body, status, reason):
    with Answering(body, status) as node:
        assert reason_of(node.block_number) is reason


def test_a_batch_with_missing_answers_is_malformed():
    with Answering(lambda asked: json.dumps([{"id": asked[0]["id"], "result": None}]).encode()) as node:
        assert node.receipts([root(1)]) == [None]
        assert reason_of(lambda: node.receipts([root(1), root(2)])) is RpcReason.MALFORMED


def test_a_batch_refused_whole_is_one_reason():
    with Answering(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}') as node:
        assert reason_of(lambda: node.receipts([root(1)])) is RpcReason.REJECTED


def test_answers_out_of_order_are_put_in_order():
    def backwards(asked):
        answers = [{"id": one["id"], "result": one["params"][0][:66]} for one in asked]
        return json.dumps(answers[::-1]).encode()

    raws = [root(number) for number in range(5)]
    with Answering(backwards) as node:
        assert node.send_raw_many(raws) == raws


@pytest.mark.parametrize("field", ["hash", "number", "timestamp", "parentHash"])
def test_a_block_without_a_field_is_malformed(field):
    block = {"hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "number": "0x1", "timestamp": "0x5"}
    with Answering(result(block)) as node:
        assert node.block(1).time_s == 5
    del block[field]
    with Answering(result(block)) as node:
        assert reason_of(lambda: node.block(1)) is RpcReason.MALFORMED


def test_refused_connections_are_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert reason_of(Web3Node(f"http://127.0.0.1:{port}", timeout_s=1).chain_id) is RpcReason.UNREACHABLE


def test_silence_after_the_connection_is_a_time_out_not_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = Web3Node(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.2)
        assert reason_of(node.chain_id) is RpcReason.TIMED_OUT


def test_a_connection_cut_before_the_answer_is_a_time_out_too():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut():
            client, _ = server.accept()
            client.recv(65536)
            client.close()

        threading.Thread(target=cut, daemon=True).start()
        node = Web3Node(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=2)
        assert reason_of(lambda: node.send_raw(b"x")) is RpcReason.TIMED_OUT


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Answering(result("0x2a")) as node:
        assert node.chain_id() == 42


def test_a_signer_address_is_sent_as_the_caller(world):
    stranger = LocalSigner(b"\x55" * 32)
    with pytest.raises(NodeError) as caught:
        world.node.call(world.address("CertificateAnchors"), calls.anchor([root("x")], [1]), sender=stranger.address)
    assert refusal(caught.value.data).arguments == (stranger.address,)
