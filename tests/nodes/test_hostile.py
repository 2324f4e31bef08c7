"""What anybody may send: malformed, oversized, slow, deep. The node answers by the standard and stays up."""

import contextlib
import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.nodes import accounts
from tests.nodes.engines import Engine, RpcRefusedError


def code_of(answer: bytes) -> int:
    return json.loads(answer)["error"]["code"]


def test_unknown_method_is_a_stated_client_error(engine):
    with pytest.raises(RpcRefusedError) as refused:
        engine.rpc("eth_makeCoffee")
    assert refused.value.code == -32601


@pytest.mark.parametrize("method", ["eth_newFilter", "eth_sendTransaction", "eth_subscribe", "eth_sign"])
def test_methods_left_out_say_what_to_do_instead(node, method):
    with pytest.raises(RpcRefusedError, match=r"eth_getLogs|eth_sendRawTransaction") as refused:
        node.rpc(method, {})
    assert refused.value.code == -32601


def test_private_names_are_no_methods(node):
    for method in ("__init__", "_table", "table", "eth_", "", "eth_chainId\0"):
        with pytest.raises(RpcRefusedError) as refused:
            node.rpc(method)
        assert refused.value.code == -32601


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[NaN]}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"eth_chainId"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"jsonrpc":"2.0","id":' + b"9" * 10_000 + b',"method":"eth_chainId"}',
    ],
    ids=range(9),
)
def test_bad_json_is_a_parse_error(node, body):
    status, answer = node.post(body)
    assert status == 200
    assert json.loads(answer) == {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}}


def test_depth_below_pythons_limit_is_survived(node):
    """py-evm raises the limit to thousands of levels; the reader's stack must hold as many."""
    for depth in (1_000, 5_000, 11_000, 12_200, 13_000):
        for nested in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            status, answer = node.post(b'{"id":1,"method":"eth_chainId","params":' + nested + b"}")
            assert status == 200
            assert code_of(answer) in {-32700, -32602}
    assert node.rpc("eth_chainId") == "0xbdb29"


@pytest.mark.parametrize(
    "request_",
    [
        1,
        None,
        "x",
        {},
        {"id": 1},
        {"id": 1, "method": 5},
        {"id": {}, "method": "eth_chainId"},
        {"id": True, "method": "eth_chainId"},
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        [],
    ],
)
def test_what_is_no_request_is_told_so(node, request_):
    status, answer = node.post(json.dumps(request_).encode())
    assert status == 200
    assert code_of(answer) == -32600


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_chainId", ["0x1"]),
        ("eth_chainId", {"a": 1}),
        ("eth_chainId", "x"),
        ("eth_getBalance", []),
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["0x" + "11" * 20, "0x1", "0x2"]),
        ("eth_getBalance", ["0x" + "11" * 20, "soon"]),
        ("eth_getBalance", ["0x" + "11" * 20, {"blockHash": 5}]),
        ("eth_getBalance", ["0x" + "11" * 20, {"blockNumber": "0x0", "blockHash": "0x" + "00" * 32}]),
        ("eth_getBalance", ["0x" + "11" * 20, 0]),
        ("eth_getBlockByNumber", ["0x00", False]),
        ("eth_getBlockByNumber", ["0x0", 1]),
        ("eth_getBlockByNumber", ["0x" + "f" * 65, False]),
        ("eth_getStorageAt", ["0x" + "11" * 20, "0x" + "1" * 65, "latest"]),
        ("eth_getTransactionByHash", ["0x" + "1" * 63]),
        ("eth_getTransactionByHash", [["0x" + "11" * 32]]),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x" + "11" * 20, "gas": -1}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "value": "-0x1"}]),
        ("eth_call", [{"data": "0xabc"}]),
        ("eth_sendRawTransaction", [5]),
        ("eth_feeHistory", ["0x1", "latest", "x"]),
        ("eth_getLogs", [{"topics": [["0x" + "11" * 32] * 1001]}]),
    ],
)
def test_unreadable_parameters_are_refused(node, method, params):
    body = json.dumps({"jsonrpc": "2.0", "id": 3, "method": method, "params": params}).encode()
    status, answer = node.post(body)
    assert status == 200
    assert code_of(answer) == -32602
    assert json.loads(answer)["id"] == 3


def test_a_batch_is_bounded_and_may_mix(node):
    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    _, answer = node.post(json.dumps([one] * 1_001).encode())
    assert code_of(answer) == -32600
    _, answer = node.post(json.dumps([one, 5, {"id": 2, "method": "nope"}, one | {"id": "x"}]).encode())
    answers = json.loads(answer)
    assert [entry["id"] for entry in answers] == [1, None, 2, "x"]
    assert [entry.get("error", {}).get("code") for entry in answers] == [None, -32600, -32601, None]


def test_notifications_get_no_answer(node):
    silent = {"jsonrpc": "2.0", "method": "eth_chainId"}
    assert node.post(json.dumps(silent).encode()) == (204, b"")
    assert node.post(json.dumps([silent, silent]).encode()) == (204, b"")
    _, answer = node.post(json.dumps([silent, silent | {"id": 1}]).encode())
    assert len(json.loads(answer)) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "devnet.example.org"}, 403),
        ({"Host": "127.0.0.1.example.org:8545"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_web_pages_cannot_reach_the_node(node, headers, status):
    assert node.post(b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}', headers)[0] == status


def raw_exchange(node: Engine, request: bytes) -> bytes:
    host, port = node.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    return received


def post_head(*headers: str) -> bytes:
    return "\r\n".join(
        ["POST / HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers, "", ""]
    ).encode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 403 "),
        (post_head(), b" 411 "),
        (post_head("Content-Length: -5"), b" 411 "),
        (post_head("Content-Length: 8388609"), b" 413 "),
        (post_head("Content-Length: " + "9" * 5000), b" 413 "),
        (post_head("Transfer-Encoding: chunked"), b" 411 "),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 405 "),
        (b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b" 501 "),
        (b"nonsense\r\n\r\n", b" 400 "),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
    ],
    ids=range(10),
)
def test_http_that_does_not_fit_is_refused(node, request_, status):
    assert status in raw_exchange(node, request_).split(b"\r\n")[0] + b" "


def test_a_client_that_stops_in_the_middle_holds_nobody_up(node):
    host, port = node.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(20)]
    for connection in idle:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
    try:
        assert node.rpc("eth_chainId") == "0xbdb29"
    finally:
        for connection in idle:
            connection.close()


def test_connections_are_bounded_and_come_back(node):
    host, port = node.url.removeprefix("http://").split(":")
    attempts = 50
    held = [socket.create_connection((host, int(port)), timeout=10) for _ in range(200)]
    with contextlib.suppress(ConnectionResetError):
        assert held[-1].recv(1) == b""  # one too many: closed without an answer
    for connection in held:
        connection.close()
    answered = None
    while answered is None and (attempts := attempts - 1):
        with contextlib.suppress(OSError):
            answered = node.rpc("eth_chainId")
    assert answered == "0xbdb29"


def test_an_oversized_transaction_is_refused(node):
    with pytest.raises(RpcRefusedError, match="128 KiB"):
        node.rpc("eth_sendRawTransaction", "0x" + "00" * (128 * 1024 + 1))


def test_mutated_transactions_never_hurt(node):
    """Bytes of a good transaction, changed at random: each is refused, or is another sender's sound transaction."""
    chance = random.Random(7)
    good = bytes.fromhex(accounts.sign(accounts.fresh(), 3, to=accounts.fresh().address)[0][2:])
    calls = []
    for _ in range(400):
        changed = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        calls.append(("eth_sendRawTransaction", ["0x" + bytes(changed).hex()]))
    answers = node.batch(calls)
    refused = [answer for answer in answers if isinstance(answer, RpcRefusedError)]
    assert {answer.code for answer in refused} == {-32000}
    assert len(refused) > 100
    assert "Traceback" not in node.log.read_text()


def test_many_clients_at_once(node):
    def ask(number: int) -> str:
        return node.rpc("eth_getBalance", f"0x{number:040x}")

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(240))) == {"0x0"}


def test_status_tells_what_it_is(node):
    status = node.rpc("dev_status")
    assert status["engine"] == "embedded"
    assert "development only" in status["notice"]
    assert "development only" in node.rpc("web3_clientVersion")
    assert "development only" in node.log.read_text()
    assert node.rpc("eth_accounts") == []
