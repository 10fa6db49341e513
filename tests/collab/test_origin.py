import pytest

from collab.origin import OriginCheck, needs_origin, origin_is_allowed

COOKIE = (b"cookie", b"csrftoken=a; sessionid=b")


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "docs.example", True),
        ("https://docs.example", "docs.example", True),
        ("http://docs.example:8000", "docs.example:8000", True),
        ("https://DOCS.example", "docs.example", True),
        ("https://docs.example:8000", "docs.example", False),
        ("https://evil.example", "docs.example", False),
        ("https://docs.example.evil.example", "docs.example", False),
        ("https://evil.example", "evil.example", False),  # rebinding: not a host of ours
        ("https://partner.example", "docs.example", True),
        ("http://partner.example", "docs.example", False),
        ("https://a.wild.example", "docs.example", True),
        ("https://notwild.example", "docs.example", False),
        ("null", "docs.example", False),
        ("", "docs.example", False),
        ("https://[", "docs.example", False),
    ],
)
def test_cookies_count_from_our_own_pages_only(origin, host, allowed):
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    answer = origin_is_allowed(
        headers,
        allowed_hosts=["docs.example"],
        trusted_origins=["https://partner.example", "https://*.wild.example"],
    )
    assert answer is allowed


def test_only_the_log_in_cookie_needs_an_origin():
    assert needs_origin([COOKIE], b"")
    assert not needs_origin([], b"")
    assert not needs_origin([(b"cookie", b"collab_guest=x")], b"")
    assert not needs_origin([COOKIE], b"token=abc")
    assert not needs_origin([COOKIE, (b"authorization", b"Bearer x")], b"")


async def test_a_foreign_page_is_refused_before_accept():
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope)

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    check = OriginCheck(application)
    scope = {
        "type": "websocket",
        "headers": [(b"host", b"localhost"), (b"origin", b"https://evil.example"), COOKIE],
        "query_string": b"",
    }
    await check(scope, receive, send)
    assert sent == [{"type": "websocket.close"}]
    assert not reached

    await check(scope | {"query_string": b"token=abc"}, receive, send)
    assert len(reached) == 1
