"""Files to upload, honest ones and others, made here."""

import io
import struct
import zipfile
import zlib

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(document.cookie)</script>"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF"
WINDOWS_PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff" + bytes(100)
LINUX_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(100)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 1, grey: int = 0) -> bytes:
    """A picture of one shade; ``grey`` up to 255 makes it another file."""
    pack = zlib.compressobj(9)
    row = b"\x00" + bytes([grey]) * width
    rows = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    return _png(width, height, 8, rows)


def bomb_png() -> bytes:
    """400 million pixels in some 50 KB: a browser that draws it needs 1.6 GB."""
    width = height = 20_000
    pack = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    rows = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    return _png(width, height, 1, rows)


def _png(width: int, height: int, depth: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def bomb_zip() -> bytes:
    """A hundred megabytes of nothing in a hundred kilobytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nothing", bytes(100_000_000))
    return target.getvalue()
