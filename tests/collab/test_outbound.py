"""We send to public addresses alone, and to the very address that was looked at."""

import asyncio
import socket
from ipaddress import ip_address
from threading import Event
from typing import Any

import pytest

from collab import outbound
from collab.outbound import NotReached, UrlNotAllowed, check_url, is_public, post
from tests.backends import free_port
from tests.receivers import Receiver

HERE = ["127.0.0.0/8"]


def check(url: str, *, allowed: tuple[str, ...] = (), insecure: bool = False) -> str:
    return check_url(url, allowed=allowed, insecure=insecure)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",  # carriers' NAT
        "127.0.0.1",
        "169.254.169.254",  # what clouds tell their machines
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:8.8.8.8",  # written as IPv6 it is not looked through here
        "64:ff9b::7f00:1",
        "100::1",
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_on_the_internet_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2002:808:808::"])
def test_what_is_on_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "https://",
        "https:///path",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1%25lo]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user:password@8.8.8.8/",
        "https://8.8.8.8/#fragment",
        "https://8.8.8.8:99999/",
        "https://[8.8.8.8/",
        "https://ex\u00e4mple.org/",
        "https://8.8.8.8/" + "x" * 2000,
    ],
)
def test_urls_that_we_do_not_send_to(url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        check(url)


def test_urls_that_we_send_to() -> None:
    assert check("https://8.8.8.8/hook?x=1") == "8.8.8.8"
    assert check("https://Hooks.Example:8443/") == "hooks.example"
    assert check("http://8.8.8.8/", insecure=True) == "8.8.8.8"
    assert check("https://10.1.2.3/", allowed=("10.1.0.0/16",)) == "10.1.2.3"
    with pytest.raises(UrlNotAllowed):
        check("https://10.2.2.3/", allowed=("10.1.0.0/16",))
    assert check("https://[::ffff:127.0.0.1]/", allowed=tuple(HERE))


def test_looking_at_a_url_waits_for_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def numeric_only(*args: Any, flags: int = 0, **options: Any) -> Any:
        assert flags & socket.AI_NUMERICHOST, "DNS was asked"
        return real(*args, flags=flags, **options)

    monkeypatch.setattr(socket, "getaddrinfo", numeric_only)
    assert check("https://name.invalid/") == "name.invalid"
    with pytest.raises(UrlNotAllowed):
        check("https://127.1/")


async def send(url: str, *, sender: str = "alice", allowed: Any = HERE, within_s: float = 5) -> int:
    headers = {"X-Header": "x"}
    return await post(url, headers, b"body", sender=sender, allowed=allowed, within_s=within_s)


async def test_a_name_is_asked_for_once_and_what_it_said_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def rebinding(host: str, port: int, *args: Any, **options: Any) -> Any:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert await send(f"http://hooks.example:{receiver.port}/hook") == 204
    assert asked == ["hooks.example"]
    (message,) = receiver.messages
    assert message.headers["host"] == f"hooks.example:{receiver.port}"
    assert (message.headers["x-header"], message.body) == ("x", b"body")


async def test_a_name_that_leads_inside_is_refused_when_it_is_sent_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: inside)
    with pytest.raises(UrlNotAllowed):
        await send(f"http://hooks.example:{receiver.port}/", allowed=[])
    assert receiver.messages == []


@pytest.mark.parametrize("name", ["localhost", "name.invalid"])
async def test_a_name_that_leads_nowhere_public_is_not_sent_to(name: str) -> None:
    with pytest.raises(UrlNotAllowed, match="leads to no public address"):
        await send(f"https://{name}/", allowed=[])


async def test_of_several_addresses_only_permitted_ones_are_tried(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    class Network(outbound.httpcore.AnyIOBackend):
        async def connect_tcp(self, host: str, *args: Any, **options: Any) -> Any:
            tried.append(host)
            return await super().connect_tcp(host, *args, **options)

    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, receiver.port))
        for address in ("10.0.0.1", "127.0.0.2", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    monkeypatch.setattr(outbound.httpcore, "AnyIOBackend", Network)
    assert await send(f"http://hooks.example:{receiver.port}/") == 204
    assert tried == ["127.0.0.2", "127.0.0.1"]  # nobody listens on the first


async def test_slow_name_servers_keep_only_those_waiting_who_chose_them(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, real, asked = Event(), socket.getaddrinfo, []

    def ask(host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".slow.example"):
            asked.append(host)
            may_end.wait(30)
            raise OSError("no answer")
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    try:
        for first in range(0, 60, 10):
            attempts = [
                send(f"https://{n}.slow.example/", sender="mallory", within_s=0.1)
                for n in range(first, first + 10)
            ]
            ends = await asyncio.gather(*attempts, return_exceptions=True)
            assert [type(each) for each in ends] == [NotReached] * 10
        # They gave up; what they asked for goes on, and is not made more by asking again.
        assert len(asked) == 5
        assert await send(receiver.url, sender="bob") == 204
        assert await asyncio.wait_for(asyncio.to_thread(bool, 1), 5)  # the loop's own threads
    finally:
        may_end.set()


async def test_redirects_are_answers_and_are_not_followed(new_receiver: Any) -> None:
    target = new_receiver()
    assert await send(new_receiver(status=302, location=target.url).url) == 302
    assert target.messages == []


async def test_whoever_does_not_answer_in_time_is_not_waited_for(new_receiver: Any) -> None:
    with pytest.raises(NotReached, match=r"no answer within 0\.2 s"):
        await send(new_receiver(delay_s=1).url, within_s=0.2)
    with pytest.raises(NotReached, match="ConnectError"):
        await send(f"http://127.0.0.1:{free_port()}/")


async def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver) -> None:
    with pytest.raises(NotReached):
        await send(receiver.url.replace("http:", "https:"))
