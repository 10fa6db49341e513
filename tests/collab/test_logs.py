"""Log lines: for machines as JSON, with ids and without secrets."""

import json
import logging
from typing import Any

import httpx
import pytest

from collab import logs
from tests.clients import Client

FORMATTERS = [logs.TextFormatter(), logs.JsonFormatter()]


def record(message: str, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("collab.x").makeRecord(
        "collab.x", logging.WARNING, "file", 1, message, (), None, extra=extra
    )


def test_a_line_for_people_has_its_fields_behind_it() -> None:
    line = logs.TextFormatter().format(record("room opened", document="d", head=3))
    assert line.endswith("WARNING collab.x room opened document=d head=3")


def test_a_line_for_machines_is_one_object() -> None:
    said = json.loads(logs.JsonFormatter().format(record("room\nopened", head=3)))
    assert said["event"] == "room\nopened"
    assert (said["level"], said["logger"], said["head"]) == ("WARNING", "collab.x", 3)
    assert said["time"].endswith("+00:00")


def test_a_line_says_which_connection_it_belongs_to() -> None:
    token = logs.connection.set("c0ffee")
    try:
        assert json.loads(logs.JsonFormatter().format(record("x")))["connection"] == "c0ffee"
    finally:
        logs.connection.reset(token)
    assert "connection" not in json.loads(logs.JsonFormatter().format(record("x")))


@pytest.mark.parametrize("formatter", FORMATTERS)
@pytest.mark.parametrize(
    "said",
    [
        "Referer checking failed - https://elsewhere/d/1?link=hush does not match",
        "<WebRequest uri=/d/1?version=2&token=hush:1a:b-c clientproto=HTTP/1.1>",
        "/accounts/login/?next=%2Fd%2F1%3Flink%3Dhush",
        "query b'token=hush'",
    ],
)
def test_what_libraries_say_of_a_query_string_is_without_its_tokens(
    formatter: logging.Formatter, said: str
) -> None:
    failed = record(said, error=ValueError(said))
    failed.exc_info = (ValueError, ValueError(said), None)
    line = formatter.format(failed)
    assert line.count("***") == 3
    assert "hush" not in line


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_field_cannot_begin_a_line(formatter: logging.Formatter) -> None:
    for line_break in "\n\r\x85\u2028":
        line = formatter.format(record("request failed", path=f"/a{line_break}ERROR forged"))
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize("debug", ["0", "1"])
def test_what_django_refuses_is_one_line_of_ours_without_its_tokens(
    new_server: Any, debug: str
) -> None:
    server = new_server(LOG_FORMAT="json", DEBUG=debug, COLLAB_PROXIES="1")
    httpx.post(  # a form of another site, whose address is a share link
        f"{server.url}/accounts/login/?token=hush",
        headers={
            "X-Forwarded-Proto": "https",
            "Referer": "https://elsewhere.example/d/1?link=hush",
            "Cookie": f"csrftoken={'c' * 32}",
        },
    )
    server.stop()
    (refusal,) = server.log_lines("Referer checking failed")
    assert json.loads(refusal)["logger"] == "django.security.csrf"
    assert "hush" not in server.logs()


async def test_a_servers_lines_are_json_and_tell_no_secrets(new_server: Any) -> None:
    server = new_server(LOG_FORMAT="json", LOG_LEVEL="DEBUG")
    document = server.new_document()
    async with Client(server, document) as bob:
        bob.types("confidential")
        await bob.send_text("no binary frame")
        await bob.end()
    async with httpx.AsyncClient() as browser:
        await browser.get(f"{server.url}/d/{document.id}?link={document.editor_link}x")
        await browser.get(f"{server.url}/nowhere?token={server.people['bob'].token}")
    server.stop()
    lines = [json.loads(line) for line in server.logs().splitlines()]
    sent_away = next(line for line in lines if line["event"] == "sent away")
    assert sent_away["connection"]
    assert sent_away["user"]
    for secret in ("confidential", document.editor_link, server.people["bob"].token):
        assert secret not in server.logs()
