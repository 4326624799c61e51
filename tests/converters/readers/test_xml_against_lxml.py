"""What the scanner of the common subset of XML accepts, means to any XML parser what it means here.

Random documents, with all that is awkward in XML, are read by the scanner, by the general reader (lxml's target parser)
and by a plain walk over lxml's tree. Where the scanner is not in doubt all three must agree. The number of documents is
`TALLYPORT_XML_CASES`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from support import fuzz
from support.scanned import Read, Row, as_counted, opened, read_all, too_long, trimmed
from tallyport_converters.model.combos import Combo, identified, mapped
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.batch import field_named
from tallyport_converters.readers.xml_fast import CommonXml, Doubt
from tallyport_converters.readers.xml_lxml import GeneralXml
from tallyport_schemas.finding import WHITE

CASES = int(os.environ.get("TALLYPORT_XML_CASES", "10000"))
SEED = int(os.environ.get("TALLYPORT_FUZZ_SEED", "1"))

# Documents

TEXTS = (
    *(
        "",
        "",
        "0",
        "1",
        "12.5",
        "true",
        "false",
        "TRUE",
        "x",
        "a b",
        " ",
        " x ",
        "  ",
        "é",
        "日本",
        "😀",
        "\ufffd",
        "\x85",
    ),
    *(
        "\u2028",
        "\x7f",
        "a>b",
        ">",
        "]]>",
        "]",
        "a]b",
        "'",
        '"',
        "&",
        "<",
        "&amp;",
        "<dataValue ",
        "</group>",
        "\t",
        "\n",
    ),
    *("a\nb", "a\r\nb", "\r", "a\tb", "/", "a/>", "=", "x='y'", "<group>", "&lt;", "#", "%x;", "--", "\xa0", "\x80"),
    "y" * 70,
)
IDENTIFIERS = ("de1", "de2", "ou1", "202401", "2024", "c1", "c2", "2024-01-01/P1M", "2024-01-01/P1Y")
DXF_NAMES = (
    *(
        "dataElement",
        "period",
        "orgUnit",
        "categoryOptionCombo",
        "attributeOptionCombo",
        "value",
        "comment",
        "followUp",
    ),
    *("deleted", "storedBy", "created", "lastUpdated"),
)
ODD_NAMES = ("followup", "flwup", "follow_up", "AGE", "SEX", "a.b", "_x", "x-1", "data_elem", "Valu", "time")
GROUP_NAMES = ("dataSet", "period", "orgUnit", "attributeOptionCombo", "completeDate", "comment", "AGE", "PROJECT")
BEYOND_NAMES = ("xml:lang", "p:value", "größe", "xmlns", "xmlns:q", "xsi:type", "q:x", "a:b:c", "1a", "-a")
BEYOND = (
    *(
        "<!-- c -->",
        "<!---->",
        "<!-- <dataValue/> -->",
        "<?pi x?>",
        "<![CDATA[x]]>",
        "text",
        "]]>",
        "<other/>",
        "<p:x/>",
    ),
    *("<dataValue/>", "<dataValue><dataValue/></dataValue>", "<!-- -- -->", "&x;", "&#0;", "\x01", "\ufffe", "<x></x>"),
    *("<!DOCTYPE x>", "<group/>", "<annotation>z</annotation>", "</dataValue>", "<", ">", "&", "\x0b", "&#xD800;"),
)
REFERENCES = (
    "&amp;",
    "&lt;",
    "&gt;",
    "&quot;",
    "&apos;",
    "&#65;",
    "&#x41;",
    "&#x1F600;",
    "&#10;",
    "&#xA;",
    "&#13;",
    "&#9;",
)
ODD_REFERENCES = ("&#xFFFE;", "&#0;", "&#x110000;", "&x;", "&#;", "&#x;", "&;", "&amp", "&#00000000000065;", "&#xffff;")


def escaped(rng: random.Random, text: str, quote: str) -> str:
    out = []
    for c in text:
        if c in "<&" or c == quote:
            out.append({"<": "&lt;", "&": "&amp;", '"': "&#34;", "'": "&apos;", ">": "&gt;"}[c])
        elif rng.random() < 0.03:
            out.append(rng.choice((f"&#{ord(c)};", f"&#x{ord(c):X};", f"&#x{ord(c):x};")))
        else:
            out.append(c)
    if rng.random() < 0.06:
        out.insert(rng.randrange(len(out) + 1), rng.choice(REFERENCES))
    if rng.random() < 0.0015:
        out.insert(rng.randrange(len(out) + 1), rng.choice((*ODD_REFERENCES, "\ufffe", "\x02", "\x0c", "<")))
    return "".join(out)


def space(rng: random.Random, least: str = "") -> str:
    return least if rng.random() < 0.85 else rng.choice((" ", "  ", "\n", "\t", "\r\n", "\r", " \n\t"))


def tag(rng: random.Random, name: str, attributes: Sequence[tuple[str, str]], content: str | None) -> str:
    out = f"<{name}"
    for key, text in attributes:
        quote = rng.choice('""\'')
        equals = "=" if rng.random() < 0.998 else rng.choice((" =", "= ", "\n=\n"))
        out += space(rng, " ") + key + equals + quote + escaped(rng, text, quote) + quote
    out += space(rng)
    if content is None or (not content and rng.random() < 0.5):
        return out + "/>"
    return f"{out}>{content}</{name}{space(rng)}>"


class Writer:
    """Writes one random document; the rows of one mostly have the same attributes in the same order."""

    def __init__(self, rng: random.Random, *, adx: bool) -> None:
        self.rng = rng
        self.adx = adx
        self.beyond = rng.choice((0.0, 0.0, 0.0, 0.05))
        self.names = self.some_names()

    def some_names(self) -> list[str]:
        names = [name for name in DXF_NAMES if self.rng.random() < (0.9 if name in ("dataElement", "value") else 0.5)]
        if self.rng.random() < 0.4:
            names += self.rng.sample(ODD_NAMES, self.rng.randint(1, 4))
        if self.rng.random() < 0.5:
            self.rng.shuffle(names)
        return names

    def attributes(self, names: Sequence[str]) -> list[tuple[str, str]]:
        rng = self.rng
        found = []
        for name in names:
            flag = name in ("followUp", "followup", "flwup", "follow_up", "deleted") and rng.random() < 0.95
            words = ("true", "false", "TRUE", "", "False") if flag else TEXTS if rng.random() < 0.4 else IDENTIFIERS
            found.append((name, rng.choice(words)))
        if rng.random() < 0.01 and found:
            found.append(rng.choice(found))
        if rng.random() < self.beyond:
            found.insert(rng.randint(0, len(found)), (rng.choice(BEYOND_NAMES), rng.choice(TEXTS)))
        return found

    def row(self) -> str:
        rng = self.rng
        names = self.names if rng.random() < 0.8 else self.some_names()
        if rng.random() < 0.1:
            names = names[: rng.randint(0, len(names))]
        content: str | None = None
        if self.adx and rng.random() < 0.25:
            text = escaped(rng, rng.choice(TEXTS), ">" if rng.random() < 0.9 else "")
            inner = (
                f"<annotation{space(rng)}>{text}</annotation{space(rng)}>" if rng.random() < 0.9 else "<annotation/>"
            )
            if rng.random() < self.beyond:
                inner = rng.choice(
                    ("<annotation a='1'>x</annotation>", "<annotation>a<b/>c</annotation>", inner + inner)
                )
            content = space(rng) + inner + space(rng)
        elif rng.random() < 0.1:
            content = space(rng)
        if rng.random() < self.beyond:
            content = (content or "") + rng.choice(BEYOND)
        return tag(rng, "dataValue", self.attributes(names), content)

    def rows(self) -> str:
        rng = self.rng
        out = space(rng)
        for _ in range(rng.choice((0, 1, 2, 2, 3, 5, 8))):
            out += self.row() + space(rng)
            if rng.random() < self.beyond:
                out += rng.choice(BEYOND)
        return out

    def write(self) -> bytes:
        rng = self.rng
        top: list[tuple[str, str]] = []
        if rng.random() < 0.6:
            top.append(("xmlns", "urn:ihe:qrph:adx:2015" if self.adx else "http://dhis2.org/schema/dxf/2.0"))
        if rng.random() < 0.15:
            top.append(("xmlns:p", "u"))
            top.append((rng.choice(("p:a", "xmlns:xsi")), "http://www.w3.org/2001/XMLSchema-instance"))
        names: tuple[str, ...] = (
            "dataSet",
            "period",
            "orgUnit",
            "completeDate",
            "attributeOptionCombo",
            "idScheme",
            "importStrategy",
        )
        names = ("exported", "other") if self.adx else (*names, "dataElementIdScheme", "dryRun", "other")
        top += [(name, rng.choice(IDENTIFIERS + TEXTS)) for name in names if rng.random() < 0.2]
        content = self.rows()
        if self.adx:
            content = space(rng)
            for _ in range(rng.choice((0, 1, 1, 2, 3))):
                group = [name for name in GROUP_NAMES if rng.random() < 0.5]
                content += tag(rng, "group", self.attributes(group), self.rows()) + space(rng)
        root = "adx" if self.adx else "dataValueSet"
        starts = ("", "", "", '<?xml version="1.0" encoding="UTF-8"?>\n', "<?xml version='1.0'?>", "\ufeff")
        text = rng.choice(starts) + tag(rng, root, top, content) + space(rng)
        if rng.random() < self.beyond:
            text = rng.choice(("<!-- c -->", "<?xml version='1.1'?>", "\n")) + text
        return text.encode()


def documents(seed: int) -> tuple[bool, bytes, random.Random]:
    """Return (is ADX, a document, what to draw on with): a function of the seed."""
    rng = random.Random(f"xml {seed}")
    adx = rng.random() < 0.5
    data = Writer(rng, adx=adx).write()
    if rng.random() < 0.3:
        data = fuzz.mutated(rng, data, data) or b" "
    return adx, data, rng


# The plain walk

DXF_FIELDS = {"dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "comment"}
FOLLOW_UPS = ("followUp", "followup", "follow_up", "flwup")
STAMPS = ("storedBy", "created", "lastUpdated")
MISPLACED = ("period", "orgUnit", "dataSet", "attributeOptionCombo")


def truth(text: str | None) -> bool | None:
    """Raises KeyError for what is no boolean."""
    return None if not text else {"true": True, "false": False}[text.lower()]


class Walk:
    """Rows, dropped fields and notices of a document in the common subset, by its tree."""

    def __init__(self, root: Any, *, adx: bool) -> None:
        self.rows: list[Row | None] = []
        self.dropped: Counter[str] = Counter()
        self.notices: dict[str, int] = {}
        if adx:
            for group in root:
                attributes = dict(group.attrib)
                combo = attributes.get("attributeOptionCombo", "").strip(WHITE)
                others = {k: v for k, v in attributes.items() if v and k not in GROUP_NAMES[:6]}
                self.dropped["comment"] += bool(attributes.get("comment"))
                if combo:
                    self.dropped.update(others.keys())
                given = {k: v.strip(WHITE) for k, v in others.items() if v.strip(WHITE)}
                aoc = identified(combo) if combo else mapped(given) if given else None
                for row in group:
                    self.adx_row(attributes, aoc, bool(combo and others), row)
        else:
            for row in root:
                self.row(dict(row.attrib), None, None, None)

    def adx_row(self, group: Mapping[str, str], aoc: Combo | None, loses: bool, row: Any) -> None:
        attributes = dict(row.attrib)
        known = {*DXF_FIELDS, *FOLLOW_UPS, *STAMPS, *MISPLACED, "deleted"}
        options = {k: v for k, v in attributes.items() if v and k not in known}
        combo = attributes.get("categoryOptionCombo", "").strip(WHITE)
        for name in MISPLACED:
            self.dropped[name] += bool(attributes.pop(name, ""))
        for name in options:
            del attributes[name]
        if combo:
            self.dropped.update(options.keys())
        if loses or (combo and options):
            self.count("TP419")
        given = {k: v.strip(WHITE) for k, v in options.items() if v.strip(WHITE)}
        coc = None if combo or not given else mapped(given)
        if len(row):
            note = row[0].text or ""
            if note and attributes.get("value") not in (None, "", "0"):
                self.count("TP405")
            attributes["value"] = note
        self.row(attributes, group, coc, aoc)

    def row(
        self, row: Mapping[str, str], group: Mapping[str, str] | None, coc: Combo | None, aoc: Combo | None
    ) -> None:
        for name, text in row.items():
            if text and name not in DXF_FIELDS and name not in FOLLOW_UPS and name != "deleted":
                self.dropped[etree.QName(name).localname] += 1
        row = {name: trimmed(name, text) if name not in STAMPS else text for name, text in row.items()}
        group = group and {name: text.strip(WHITE) for name, text in group.items()}
        said = [row[name] for name in row if name in FOLLOW_UPS and row[name]]
        good = bool(row.get("dataElement"))
        deleted = None
        truths = [{"true": True, "false": False}.get(text.lower()) for text in said]
        followup = truths[0] if truths else None
        good &= None not in truths and len(set(truths)) < 2  # one field by two names has to agree
        try:
            deleted = truth(row.get("deleted"))
        except KeyError:
            good = False
        self.dropped["followup=false"] += followup is False
        value, comment = row.get("value", ""), row.get("comment", "")
        if not good or not (value or comment or deleted) or too_long(value) or too_long(comment):
            self.rows.append(None)
            return
        if value and not value.strip(WHITE):
            self.count("TP404")
        if group is None:
            aoc = identified_or_none(row, "attributeOptionCombo")
        if coc is None:
            coc = identified_or_none(row, "categoryOptionCombo")
        place = row if group is None else group
        self.rows.append(
            Row(
                row["dataElement"],
                place.get("period", ""),
                place.get("orgUnit", ""),
                coc,
                aoc,
                group.get("dataSet", "") if group else "",
                value,
                comment,
                followup,
                bool(deleted),
            )
        )

    def count(self, code: str) -> None:
        self.notices[code] = self.notices.get(code, 0) + 1


def identified_or_none(row: Mapping[str, str], name: str) -> Combo | None:
    return identified(row[name]) if row.get(name) else None


# The comparison


def read_common(data: bytes, adx: bool, block_bytes: int) -> Read | None:
    with opened(data) as source:
        try:
            return read_all(CommonXml(source, adx=adx), block_bytes)
        except Doubt:
            return None


def said(header: Header) -> Header:
    """Return what a header says, without what was dropped and told: those are compared as sums of header and rows."""
    return replace(header, dropped=Counter(), left_out=Counter(), left_out_of_groups={}, taken={}, findings=[])


def called(name: str) -> bool:
    """Whether a field is known by a name that is not DHIS2's own."""
    return (
        name not in {*DXF_FIELDS, *FOLLOW_UPS, *STAMPS, *MISPLACED, "deleted", *GROUP_NAMES}
        and field_named(name) is not None
    )


def compared(adx: bool, data: bytes, block_bytes: int) -> bool:
    """Compare the three ways of reading; returns whether the scanner accepted the document."""
    common = read_common(data, adx, block_bytes)
    if common is None:
        return False
    tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    assert etree.QName(tree).localname == ("adx" if adx else "dataValueSet")
    with opened(data) as source:
        general = read_all(GeneralXml(source, adx=adx), 1 << 16)
    assert common.rows == general.rows
    assert common.dropped == general.dropped
    assert common.notices == general.notices
    assert said(common.header) == said(general.header)
    if any(called(str(name)) for element in tree.iter() for name in element.attrib):
        return True  # names that are not DHIS2's own are the twin's matter
    walk = Walk(tree, adx=adx)
    assert common.rows == walk.rows
    assert common.dropped == as_counted(walk.dropped) + common.header.dropped + common.header.left_out
    told = {found.code for found in common.header.findings}
    assert {code: count for code, (count, _) in common.notices.items() if code not in told} == walk.notices
    return True


@pytest.mark.parametrize("part", range(10))
def test_what_the_scanner_accepts_means_the_same_to_lxml(part: int) -> None:
    cases, accepted = CASES // 10, 0
    for number in range(part * cases, (part + 1) * cases):
        adx, data, rng = documents(SEED << 32 | number)
        try:
            accepted += compared(adx, data, rng.choice((16, 50, 200, 1_000, 1 << 16)))
        except Exception as error:
            raise AssertionError(f"document {number} (ADX: {adx}): {data!r}") from error
    assert accepted > 0.4 * cases
