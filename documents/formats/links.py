"""Which addresses a document may link to: none that a browser would run."""

import re

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# Browsers leave these out when they look for the scheme.
_LEFT_OUT = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202f\ufeff]")
SAFE_SCHEMES = frozenset(
    {"http", "https", "mailto", "tel", "sms", "ftp", "ftps", "sftp", "geo", "xmpp", "irc", "ircs",
     "matrix", "callto", "cid", "magnet", "news", "nntp", "ssh", "git"}
)  # fmt: skip


def is_safe_link(address: str) -> bool:
    """Whether a click on it cannot run anything: a known scheme, or none (a relative one)."""
    scheme = _SCHEME.match(_LEFT_OUT.sub("", address))
    return scheme is None or scheme[1].lower() in SAFE_SCHEMES
