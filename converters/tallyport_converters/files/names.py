"""Names of files made from identifiers: safe on every file system, distinct, and meaningful."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)")
_LONGEST = 200


def safe_name(identifier: str) -> str:
    """Return `identifier` as a file name without suffix; everything unusual is percent-encoded.

    >>> safe_name("fbfJHSPpUQD"), safe_name("../x"), safe_name("nul"), safe_name("NUL.x"), safe_name("a.1")
    ('fbfJHSPpUQD', '%2E.%2Fx', '%6Eul', '%4EUL.x', 'a%2E1')
    """
    encoded = "".join(
        c if re.fullmatch("[A-Za-z0-9_.-]", c) else "".join(f"%{byte:02X}" for byte in c.encode()) for c in identifier
    )
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if _RESERVED.match(encoded):
        encoded = f"%{ord(encoded[0]):02X}{encoded[1:]}"
    encoded = re.sub(r"\.(?=\d+$)", "%2E", encoded)  # `a.1` must not meet the first group of `a`
    if len(encoded) > _LONGEST:
        encoded = f"{encoded[:180]}~{hashlib.sha256(identifier.encode()).hexdigest()[:16]}"
    return encoded


def group_names(groups_of: Mapping[str, int]) -> dict[str, list[str]]:
    """Return for each data element the names (without suffix) of its groups, given how many it has.

    One group takes the bare name; several are numbered from 1. Data elements whose names differ in case only, which
    some file systems take for one, share their numbers.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for element in groups_of:
        alike[safe_name(element).casefold()].append(element)
    names: dict[str, list[str]] = {}
    for elements in alike.values():
        number = 0
        is_alone = len(elements) == 1 and groups_of[elements[0]] == 1
        for element in sorted(elements):
            name = safe_name(element)
            names[element] = []
            for _ in range(groups_of[element]):
                number += 1
                names[element].append(name if is_alone else f"{name}.{number}")
    return names


def clashes(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, case aside."""
    seen: set[str] = set()
    twice: list[str] = []
    for name in names:
        if name.casefold() in seen:
            twice.append(name)
        seen.add(name.casefold())
    return twice
