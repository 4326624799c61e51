"""XML texts and names, for both XML formats."""

from __future__ import annotations

import re

_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_IMPOSSIBLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = re.compile(f"[{_START}][{_START}.0-9\xb7\u0300-\u036f\u203f\u2040-]*")


def escaped(text: str) -> bytes | None:
    """Return a text as an attribute's; None if XML 1.0 has no way to write one of its characters."""
    return None if _IMPOSSIBLE.search(text) else text.translate(_ESCAPES).encode()


def attribute(name: str, text: str) -> bytes:
    """Return ` name="text"`; nothing for a text that XML cannot write."""
    value = escaped(text)
    return b"" if value is None else b' %s="%s"' % (name.encode(), value)


def is_name(text: str) -> bool:
    """Whether a text can be the name of an attribute in no namespace, and means nothing to XML itself."""
    return bool(_NAME.fullmatch(text)) and not text.lower().startswith("xml")
