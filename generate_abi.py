"""Makes native/abi.py of native/src/scanner.h, and puts the header's digest into both.

The build runs it; run it after a change of the header as well: `python generate_abi.py`. What it reads is said there;
anything else is an error.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from pathlib import Path

NATIVE = Path(__file__).parent / "converters" / "tallyport_converters" / "native"
HEADER, ABI = NATIVE / "src" / "scanner.h", NATIVE / "abi.py"

_DIGEST = re.compile(r'(#define SCANNER_DIGEST ")[^"]*(")')
_DECLARATION = re.compile(
    r"""\s*(?:
    /\*(?P<comment>.*?)\*/
    | \#define\ (?P<define>\w+)\ +(?P<value>\d\w*)
    | \#(?:ifndef|define|include|if|else|endif)[^\n]*
    | enum\ (?P<enum>\w+)\ \{(?P<members>.*?)\};
    | typedef\ struct\ \{(?P<fields>.*?)\}\ (?P<struct>\w+);
    | typedef\ struct\ (?P<opaque>\w+)\ (?P=opaque);
    | typedef\ (?P<given>\w+\ \**)\(\*(?P<callback>\w+)\)\((?P<taken>.*?)\);
    | EXPORT\ (?P<result>[\w ]+?\**)(?P<function>tp_\w+)\((?P<arguments>.*?)\);
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBERS = {"int32_t", "int64_t", "uint8_t", "uint32_t", "uint64_t"}


class _Header:
    """What the header declares, turned into Python as it is read."""

    def __init__(self, text: str) -> None:
        self.constants: dict[str, int] = {}
        self.structs: set[str] = set()
        self.callbacks: set[str] = set()
        self.lines: list[str] = []
        self.signatures: list[str] = []
        comment, at = "", 0
        while text[at:].strip():
            found = _DECLARATION.match(text, at)
            if not found:
                raise SystemExit(f"scanner.h: not a declaration that is read here: {text[at:].strip()[:80]}")
            part, at = found.groupdict(), found.end()
            if part["comment"] is not None:
                comment = " ".join(line.strip(" *") for line in part["comment"].splitlines()).strip()
                continue
            self._declare(part, comment)
            comment = ""

    def _declare(self, part: dict[str, str], comment: str) -> None:
        if part["define"]:
            self.constants[part["define"]] = int(part["value"], 0)
            self.lines.append(f"{part['define']} = {int(part['value'], 0)}")
        elif part["enum"]:
            self._enum(part["enum"], _without_comments(part["members"]), comment)
        elif part["struct"]:
            self._struct(part["struct"], _without_comments(part["fields"]), comment)
        elif part["callback"]:
            self.callbacks.add(part["callback"])
            types = ", ".join([self._type(part["given"]), *self._arguments(part["taken"])])
            self.lines += ["", f"{part['callback']} = CFUNCTYPE({types})", f'"""{comment}"""']
        elif part["function"]:
            result = "None" if part["result"].strip() == "void" else self._type(part["result"])
            arguments = ", ".join(self._arguments(part["arguments"]))
            self.signatures.append(_wrapped(f'    "{part["function"]}": ({result}, [{arguments}]),'))

    def _enum(self, name: str, members: str, comment: str) -> None:
        parts = [member.split("=") for member in "".join(members.split()).split(",") if member]
        words = [member[0].split("_") for member in parts]
        shared = 0
        while all(len(word) > shared + 1 and word[shared] == words[0][shared] for word in words):
            shared += 1
        self.lines += ["", "", f"class {name}(IntEnum):", _docstring(comment), ""]
        value = -1
        for word, (_, *given) in zip(words, parts, strict=True):
            value = self._number(given[0]) if given else value + 1
            self.lines.append(f"    {'_'.join(word[shared:])} = {value}")

    def _struct(self, name: str, fields: str, comment: str) -> None:
        """A structure: what its fields are in Python, and in C."""
        annotations, types = [], []
        for declaration in filter(None, map(str.strip, fields.split(";"))):
            base, names = re.fullmatch(r"((?:const )?\w+)(.*)", declaration, re.DOTALL).groups()  # type: ignore[union-attr]
            for stars, field, sizes in re.findall(r"(\**)(\w+)((?:\[\w+\])*)", names):
                type_ = "c_char_p" if (base, stars) == ("const uint8_t", "*") else self._type(base + stars)
                seen = "int" if base in _NUMBERS and not stars else "object" if type_ in self.callbacks else type_
                for size in reversed(re.findall(r"\w+", sizes)):
                    seen = f"Array[{type_}]" if seen == "int" else f"Array[{seen}]"
                    type_ += f" * {self._number(size)}"
                seen = re.sub(r"POINTER\((\w+)\)", r"_Pointer[\1]", seen).replace("c_void_p", "int | None")
                annotations.append(f"    {field}: {'bytes | None' if seen == 'c_char_p' else seen}")
                types.append(f'("{field}", {type_})')
        self.structs.add(name)
        self.lines += ["", "", f"class {name}(Structure):", _docstring(comment), "", *annotations]
        self.lines.append(_wrapped(f"    _fields_ = [{', '.join(types)}]"))

    def _arguments(self, text: str) -> list[str]:
        return [self._type(re.sub(r"\w+\s*$", "", part)) for part in re.split(r",\s*", text) if part != "void"]

    def _type(self, text: str) -> str:
        base = text.replace("const", "").strip()
        name, stars = base.rstrip("* "), base.count("*")
        if name in self.structs:
            return f"POINTER({name})" if stars else name
        if name in _NUMBERS and not stars:
            return f"c_{name[:-2]}"
        if name == "char":
            return "c_char_p"
        if stars == 2:
            return f"POINTER({self._type(name + '*')})"
        if name in self.callbacks:
            return name
        return f"POINTER(c_{name[:-2]})" if name in _NUMBERS - {"uint8_t"} else "c_void_p"

    def _number(self, text: str) -> int:
        return self.constants[text] if text in self.constants else int(text, 0)


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _docstring(comment: str) -> str:
    text = f'"""{comment.replace("`", "")}"""'
    if len(text) > 110:
        first, _, rest = text[:-3].partition(re.search(r"[.:;] ", text).group())  # type: ignore[union-attr]
        text = f'{first}.\n\n{textwrap.fill(rest[:1].upper() + rest[1:], 112)}\n"""'
    return textwrap.indent(text, "    ")


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())] + "    "
    return textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def digest(header: str) -> str:
    """Return the digest of what a header declares: comments and white space do not count."""
    declared = _without_comments(_DIGEST.sub("", header))
    return hashlib.sha256(" ".join(declared.split()).encode()).hexdigest()[:16]


def generate(header: str) -> tuple[str, str]:
    """Return the header with its digest, and abi.py."""
    header = _DIGEST.sub(rf"\g<1>{digest(header)}\g<2>", header)
    read = _Header(header[header.index("#ifndef") :])
    lines = [
        '"""What scanner.h declares. Made of it by generate_abi.py: not to be edited."""',
        "",
        "from __future__ import annotations",
        "",
        "from ctypes import CFUNCTYPE, POINTER, Array, Structure, _Pointer",
        "from ctypes import c_char_p, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p",
        "from enum import IntEnum",
        "from typing import Any",
        "",
        f'DIGEST = "{digest(header)}"',
        *read.lines,
        "",
        "SIGNATURES: dict[str, tuple[Any, list[Any]]] = {",
        *read.signatures,
        "}",
        "",
    ]
    return header, "\n".join(lines)


if __name__ == "__main__":
    for path, made in zip((HEADER, ABI), generate(HEADER.read_text()), strict=True):
        if not path.exists() or path.read_text() != made:  # the header looks changed only if it is
            path.write_text(made)
