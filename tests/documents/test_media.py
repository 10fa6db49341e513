"""What a file is by its content; hostile pictures and names cost nothing and fool nobody."""

import random
import tracemalloc

import pytest

from documents import media
from documents.media import clean_name, examine, is_allowed, name_in_address
from tests import pictures


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pictures.png(), "image/png"),
        (pictures.GIF, "image/gif"),
        (pictures.PDF, "application/pdf"),
        (b"%PDF-1.4\nall of it is text\n", "application/pdf"),
        (b"PK\x03\x04" + bytes(60), "application/zip"),
        (pictures.HTML, "text/plain"),
        (pictures.SVG, "text/plain"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "text/plain"),
        ("Grüße".encode()[:-1], "text/plain"),  # cut within a character
        (b"MZ is how this note begins", "text/plain"),
        (b"FWS, too", "text/plain"),
        (b"#!/bin/sh\nrm -rf /\n", "text/plain"),
        (b"\x00\x01\x02\x03", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_the_type_is_that_of_the_content(content, kind):
    facts = examine(content)
    assert (facts.type, facts.is_program) == (kind, False)


@pytest.mark.parametrize("content", [pictures.WINDOWS_PROGRAM, pictures.LINUX_PROGRAM])
def test_programs_are_known(content):
    assert examine(content).is_program


def test_a_picture_has_its_size():
    assert examine(pictures.png(30, 20)).size == (30, 20)
    assert examine(pictures.GIF).size == (1, 1)


def test_what_only_begins_like_a_picture_is_none():
    for content in (pictures.png()[:10] + b"<script>" * 10, b"\xff\xd8\xff" + bytes(100)):
        assert examine(content) == media.Facts("application/octet-stream")


def test_a_bomb_is_measured_without_being_unpacked():
    bomb = pictures.bomb_png()
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert examine(bomb).size == (20_000, 20_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_no_bytes_are_too_much_for_it():
    """Beginnings of pictures that go on with noise, and headers without end."""
    noise = random.Random(7)
    beginnings = [
        pictures.png(), pictures.GIF, b"\xff\xd8\xff\xe0", b"RIFF\x00\x00\x00\x00WEBPVP8X",
        b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1", b"\x00\x00\x00\x00ftypmif1avif",
    ]  # fmt: skip
    for beginning in beginnings:
        for length in (0, 1, 7, 40, 3000):
            examine(beginning + noise.randbytes(length))
            examine(beginning + b"\x00\x00\x00\x08meta" * length)
    examine(b"\xff\xd8" + b"\xff\xe0\x00\x02" * (media.HEAD_BYTES // 4))


def test_types_are_allowed_by_pattern():
    assert is_allowed("image/png", ["image/*"])
    assert is_allowed("application/pdf", ["image/*", "application/pdf"])
    assert is_allowed("application/zip", ["*"])
    assert not is_allowed("text/plain", ["image/*"])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Plan.png", "Plan.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/", "file"),
        ("", "file"),
        ("..", "file"),
        ("nul\x00 and\r\nheader: x", "nul and header: x"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\u200bb\ufeffc.txt", "abc.txt"),
        ("  two \t words .txt", "two words .txt"),
        ("Übersicht 日本.pdf", "Übersicht 日本.pdf"),
        ("\ud800.png", "png"),
    ],
)
def test_a_name_is_what_people_see(given, shown):
    assert clean_name(given) == shown


def test_a_long_name_keeps_its_end():
    name = clean_name("x" * 300 + ".png")
    assert len(name) == 150
    assert name.endswith("x.png")
    assert len(clean_name("." + "x" * 300)) == 150


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("Plan 2026 (final).png", "Plan-2026-final.png"),
        ("Übersicht.pdf", "Ubersicht.pdf"),
        ("日本.png", "file.png"),
        ("日本", "file"),
        ('a"b<c>.html', "a-b-c.html"),
        ("no extension", "no-extension"),
        (".hidden", "file.hidden"),
    ],
)
def test_an_address_ends_in_plain_letters(name, ending):
    assert name_in_address(name) == ending
