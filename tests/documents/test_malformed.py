"""Malformed messages of every kind: a named close code at once, and a neighbour notices nothing."""

import asyncio
import time

import pycrdt
import pytest

from collab.lib0 import write_var_string, write_var_uint
from documents.protocol.messages import Awareness, SyncStep1, SyncStep2, Update
from documents.protocol.ywebsocket import encode_message
from tests.clients import Client, awareness_payload, connected, until

KiB = 1024
LIMIT = 16 * 1024 * KiB


def an_update(words: str = "hello") -> bytes:
    doc: pycrdt.Doc = pycrdt.Doc()  # type: ignore[type-arg]
    doc.get("text", type=pycrdt.Text).insert(0, words)
    return doc.get_update()


def nested_any(depth: int) -> bytes:
    """One item of client 1: an array in an array in an array …"""
    content = b"\x75\x01" * depth + b"\x7e"
    return b"\x01\x01\x01\x00\x08\x01\x01a\x01" + content + b"\x00"


VALID = encode_message(Update(an_update()))
MALFORMED = {
    "an unknown type": b"\x05\x00",
    "an extension": write_var_uint(100) + write_var_string('{"type":"saved","count":1}'),
    "a type beyond 53 bits": b"\xff" * 9,
    "a megabyte of 0xFF": b"\xff" * 1024 * KiB,
    "an unknown sync step": b"\x00\x03\x00",
    "a sync message without a step": b"\x00",
    "a sync message without a body": b"\x00\x02",
    "a truncated update": VALID[:-1],
    "a length beyond the frame": b"\x00\x02\xff\x7f\x00",
    "a length beyond everything": b"\x00\x02" + b"\xff" * 7 + b"\x0f",
    "rubbish after a message": VALID + b"\x00",
    "too many messages": b"\x03" * 5000,
    "our own kind of message": b"\x02\x00" + write_var_string("denied"),
    "an empty update": b"\x00\x02\x00",
    "an update of zeros": encode_message(Update(b"\x00" * 1000)),
    "an update of 0xFF": encode_message(Update(b"\xff" * 1000)),
    "a truncated Yjs update": encode_message(Update(an_update()[:-1])),
    "bytes after a Yjs update": encode_message(Update(an_update() + b"\x00")),
    "an answer that is no update": encode_message(SyncStep2(b"\xff\xff")),
    "clients without end": encode_message(Update(b"\xff\xff\xff\xff\x0f")),
    "an item of unknown kind": encode_message(Update(b"\x01\x01\x01\x00\x1e\x01\x01a\x00")),
    "a subdocument": encode_message(Update(b"\x01\x01\x01\x00\x09\x01\x01a\x01g\x76\x00\x00")),
    "one client twice": encode_message(
        Update(b"\x02\x01\x01\x00\x04\x01\x01a\x01x\x01\x01\x00\x04\x01\x01a\x01x\x00")
    ),
    "a value nested too deep": encode_message(Update(nested_any(40_000))),
    "a state vector of 0xFF": encode_message(SyncStep1(b"\xff" * 100)),
    "a state vector that kills old yrs": encode_message(SyncStep1(b"\xff\xff\xff\xff\x0f")),
    "an empty state vector": b"\x00\x00\x00",
    "awareness without a body": b"\x01",
    "awareness of nothing": b"\x01\x00",
    "awareness of 0xFF": encode_message(Awareness(b"\xff" * 1024 * KiB)),
    "awareness that is no JSON": encode_message(Awareness(b"\x01\x01\x01\x01{")),
    "awareness that is a number": encode_message(Awareness(b"\x01\x01\x01\x011")),
    "awareness of 200,000 states": encode_message(
        Awareness(write_var_uint(200_000) + b"\x01\x01\x02{}" * 200_000)
    ),
    "awareness nested too deep": encode_message(
        Awareness(b"\x01\x01\x01" + write_var_string('{"x":' + "[" * 1900 + "]" * 1900 + "}"))
    ),
    "awareness too large": encode_message(
        Awareness(awareness_payload(1, 1, {"x": "y" * 100 * KiB}))
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_malformed_message_ends_its_sender_alone(server, kind):
    document = server.new_document()
    async with connected(*(Client(server, document) for _ in range(3))) as (mallory, alice, bob):
        alice.types("before ")
        await bob.sees("before ")
        mallory.send_frame(MALFORMED[kind])
        started = time.monotonic()
        code, reason = await mallory.end(within=1)
        assert (code, bool(reason)) == (4400, True), reason
        alice.types("after")
        await bob.sees("before after", within=1)
        assert time.monotonic() - started < 2
        assert alice.is_connected
        assert bob.is_connected
        assert not bob.denials


async def test_a_valid_message_before_a_malformed_one_counts(server):
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (mallory, bob):
        mallory.send_frame(VALID + b"\x05")
        mallory.send_frame(VALID)
        code, _ = await mallory.end(within=1)
        assert code == 4400
        bob.types("all is well")
        await bob.sees("all is well")


async def test_text_instead_of_binary(server):
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (mallory, bob):
        await mallory.send_text("hello")
        code, reason = await mallory.end(within=1)
        assert code == 4400
        assert "text" in reason
        assert bob.is_connected


async def test_an_empty_frame(server):
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (mallory, bob):
        mallory.send_frame(b"")
        code, _ = await mallory.end(within=1)
        assert code == 4400
        assert bob.is_connected


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 1024 * KiB, 3 * LIMIT])
async def test_a_message_beyond_the_limit(server, size):
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (mallory, bob):
        body = encode_message(Update(bytes(size)))
        mallory.send_frame(body)
        code, _ = await mallory.end(within=5)
        assert code == 4413
        bob.types("x")
        await bob.sees("x", within=1)
        assert bob.is_connected


async def test_a_hostile_crowd_does_not_slow_down_a_neighbour(server):
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (alice, bob):

        async def attack(frame: bytes) -> None:
            mallory = await Client(server, document).connect()
            mallory.send_frame(frame)
            await mallory.end(within=10)
            await mallory.disconnect()

        attacks = asyncio.gather(*(attack(frame) for frame in MALFORMED.values()))
        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            alice.types(f"{number} ")
            await until(lambda: str(alice.text) == str(bob.text), within=2)
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.02)
        await attacks
        assert slowest < 1
