"""Where notices may go: HTTPS and public addresses alone in production, the address that was looked at, no other."""

import http.server
import threading

import pytest

from api.errors import ApiError
from api.services import webhooks
from api.services import webhooks_wire as wire

GOOD = ["https://hooks.example.com/told", "https://hooks.example.com:8443/a?b=c", "https://93.184.216.34/"]
BAD = {
    "http://hooks.example.com/": "webhooks.not_https",
    "ftp://hooks.example.com/": "webhooks.not_https",
    "hooks.example.com/told": "webhooks.bad_url",
    "https:///told": "webhooks.bad_url",
    "https://user:pass@hooks.example.com/": "webhooks.bad_url",
    "https://hooks.example.com/#part": "webhooks.bad_url",
    "https://hooks.example.com:99999/": "webhooks.bad_url",
    "https://hooks.example.com/\r\nX: y": "webhooks.bad_url",
    "https://hooks.example.com/with space": "webhooks.bad_url",
    "https://hooks.example.com\\@10.0.0.1/": "webhooks.bad_url",
    "https://例子.example/": "webhooks.bad_url",
    "https://hooks.example.com/" + "x" * 512: "webhooks.bad_url",
    "https://127.0.0.1/": "webhooks.private_address",
    "https://10.1.2.3/": "webhooks.private_address",
    "https://192.168.0.1/": "webhooks.private_address",
    "https://169.254.169.254/latest/meta-data": "webhooks.private_address",
    "https://[::1]/": "webhooks.private_address",
    "https://[::ffff:10.0.0.1]/": "webhooks.private_address",
}
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:1::1", "::7f00:1",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_good_addresses(url: str) -> None:
    target = wire.parse_target(url, production=True)
    assert f"https://{target.authority}{target.path}" == url


@pytest.mark.parametrize("url", BAD)
def test_bad_addresses(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        wire.parse_target(url, production=True)
    assert caught.value.code == BAD[url]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    target = wire.parse_target("https://hooks.example.com/", production=True)
    for answers in ([address], ["93.184.216.34", address]):
        with pytest.raises(ApiError, match=r"webhooks\.private_address"):
            wire.pinned(target, production=True, resolver=lambda _host, _port, found=answers: found)


def test_public_addresses_pass() -> None:
    target = wire.parse_target("https://hooks.example.com/", production=True)
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
        assert wire.pinned(target, production=True, resolver=lambda *_, found=address: [found]) == address


def test_odd_spellings_of_loopback_resolve_to_it_and_are_refused() -> None:
    for host in ("localhost", "2130706433", "0x7f000001", "127.1"):
        target = wire.parse_target(f"https://{host}/", production=True)
        with pytest.raises(ApiError) as caught:
            wire.pinned(target, production=True)
        assert caught.value.code in {"webhooks.private_address", "webhooks.unresolved"}, host


def test_development_may_use_this_machine_but_no_metadata_service() -> None:
    assert wire.parse_target("http://127.0.0.1:8080/told", production=False).port == 8080
    for address in ("169.254.169.254", "0.0.0.0", "224.0.0.1"):
        with pytest.raises(ApiError, match=r"webhooks\.private_address"):
            wire.parse_target(f"http://{address}/", production=False)


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """The name is not resolved a second time: it leads nowhere, and the message arrives."""
    hosts: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hosts.append(str(self.headers["host"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    target = wire.parse_target(f"http://rebound.invalid:{server.server_port}/told", production=False)
    assert wire.post(target, "127.0.0.1", {"content-type": "application/json"}, b"{}", 30.0) == 204
    thread.join(30)
    server.server_close()
    assert hosts == [f"rebound.invalid:{server.server_port}"]


def test_a_certificate_for_another_name_is_refused() -> None:
    """What answers at the pinned address must prove the name; plain HTTP there is no TLS at all."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    target = wire.Target("https", "hooks.example.com", server.server_port, "/")
    with pytest.raises(ApiError, match=r"webhooks\.(tls|connection)"):
        wire.post(target, "127.0.0.1", {}, b"{}", 30.0)
    thread.join(30)
    server.server_close()


def test_pauses_double_with_spread_up_to_six_hours() -> None:
    for attempts in range(1, 40):
        whole = min(5.0 * 2 ** (attempts - 1), 6 * 3600)
        drawn = {webhooks.pause_s(5.0, attempts) for _ in range(50)}
        assert all(0.5 * whole <= one <= 1.5 * whole for one in drawn)
        assert len(drawn) > 10
