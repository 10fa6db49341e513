"""What a file is, by its first bytes and never by its name; how it may be shown, and be called.

Pure. Looks at a bounded beginning and unpacks nothing: an archive is a file of its own size,
whatever it would become.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import BytesIO

import filetype
import imagesize

HEAD_BYTES = 1024 * 1024  # enough for the size of nearly every picture
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

# What a browser may show by itself: it draws them and runs nothing.
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
# Text may look like anything; these begin so that nothing else does.
_WRITTEN_AS_TEXT = frozenset({"application/pdf", "application/rtf", "application/postscript"})
_PROGRAMS = (
    b"MZ",  # Windows
    b"\x7fELF",
    b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",  # macOS
    b"\xca\xfe\xba\xbe",  # macOS, and Java
    b"dex\n",  # Android
    b"FWS", b"CWS", b"ZWS",  # Flash
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
)  # fmt: skip

_NAME_LENGTH = 150
_NOT_IN_ADDRESSES = re.compile(r"[^A-Za-z0-9._-]+")
# Controls, and what makes a name look like another one: "exe.gnp" written from right to left.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Facts:
    """``size`` in pixels, of a picture that browsers show."""

    type: str
    is_program: bool = False
    size: tuple[int, int] | None = None


def examine(head: bytes) -> Facts:
    """What a file with this beginning is. HTML, SVG and scripts are text, and nothing more.

    Give ``HEAD_BYTES`` of it, or all there is.
    """
    is_text = _is_text(head)
    if head.startswith(_PROGRAMS) and not is_text:
        return Facts(UNKNOWN, is_program=True)
    guess = filetype.guess_mime(head) or UNKNOWN
    if is_text:
        return Facts(guess if guess in _WRITTEN_AS_TEXT else TEXT)
    kind = "image/png" if guess == "image/apng" else guess
    if kind not in SHOWN:
        return Facts(kind)
    width, height = imagesize.get(BytesIO(head))
    if width < 1 or height < 1:
        return Facts(UNKNOWN)  # it only begins like a picture
    return Facts(kind, size=(width, height))


def is_allowed(kind: str, patterns: list[str]) -> bool:
    """Whether a type is among ``image/*``, ``application/pdf``, …"""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def clean_name(given: str) -> str:
    """A name to show and to save under: no path, nothing invisible, never empty."""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    seen = "".join(" " if c.isspace() else c for c in last if not _is_unseen(c))
    name = " ".join(seen.split()).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if dot and stem and len(extension) <= 20:
        return f"{stem[: _NAME_LENGTH - len(extension) - 1]}.{extension}"
    return name[:_NAME_LENGTH] or "file"


def name_in_address(name: str) -> str:
    """The same as the end of an address: letters that need no quoting in any format."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem, dot, extension = _NOT_IN_ADDRESSES.sub("-", ascii_only).rpartition(".")
    stem, extension = (stem.strip(".-_"), extension.strip("-_")) if dot else (extension, "")
    stem = stem.strip(".-_") or "file"
    return f"{stem[:60]}.{extension[:20]}" if extension else stem[:80]


def _is_unseen(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) in _UNSEEN


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; it may be cut within a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(ord(c) < 32 and c not in "\t\n\r\f\x1b" for c in set(text))
