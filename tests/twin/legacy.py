"""Writers of legacy files in all the styles that are about; the same `random.Random` gives the same bytes.

With `noise`, files also get what readers must drop, notice or reject row by row. Without, they say exactly what the
document says.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from itertools import groupby

from tallyport_converters.model import periods
from twin.values import Combo, Document, OptionList, Value

JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
NAMES = (
    ("data_element", "dataElement"),
    ("period", "period"),
    ("org_unit", "orgUnit"),
    ("value", "value"),
    ("comment", "comment"),
)


OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "dataElement": ("dataElementId", "data_element", "DataElement", "dataElementCode", "dataElementName"),
    "period": ("Period", "PERIOD", "periodId"),
    "orgUnit": ("orgunit", "organisation unit", "orgUnitUid", "org-unit-code", "orgUnitName"),
    "categoryOptionCombo": ("catOptCombo", "categoryoptioncombo", "catoptioncomboid", "categoryOptionComboCode"),
    "attributeOptionCombo": ("attroptioncombo", "AttributeOptionCombo", "attributeOptionComboName"),
    "value": ("Value",),
    "comment": ("comments", "Comment"),
    "deleted": ("isDeleted", "is-deleted"),
    "storedBy": ("storedby", "lastUpdatedBy"),
    "lastUpdated": ("lastupd", "timestamp"),
}
"""Names in circulation that are not DHIS2's own."""


def _renamed(members: list[tuple[str, str]], rng: random.Random, wrong: Sequence[str], *, xml: bool = False) -> None:
    """Give fields other names, and some a second one that says the same, or something else."""
    if rng.random() < 0.8:
        return
    names = {name for name, _ in members}
    for at, (name, text) in enumerate(members):
        others = [other for other in OTHER_NAMES.get(name, ()) if not (xml and " " in other) and other not in names]
        if not others or rng.random() < 0.6:
            continue
        other = rng.choice(others)
        names.add(other)
        if rng.random() < 0.5:
            members[at] = (other, text)
        else:
            members.append((other, text if rng.random() < 0.5 else rng.choice(wrong)))


def write(document: Document, source_format: str, rng: random.Random, *, noise: bool = True) -> bytes:
    return WRITERS[source_format](document, rng, noise)


def _flag(rng: random.Random, flag: bool) -> str:
    word = "true" if flag else "false"
    return rng.choice((word, word, word.upper(), word.capitalize()))


# JSON


def _gap(rng: random.Random) -> str:
    return rng.choice(("", "", "", "", " ", "\n", "\t", "\r\n  "))


def _json_string(rng: random.Random, text: str) -> str:
    style = rng.randrange(4)
    out = []
    for c in text:
        plain = json.dumps(c, ensure_ascii=style == 0 or "\ud800" <= c <= "\udfff")[1:-1]
        if style == 3 and rng.random() < 0.3 and c <= "\uffff":
            plain = "\\u" + rng.choice(("{:04x}", "{:04X}")).format(ord(c))
        elif style == 3 and c == "/":
            plain = "\\/"
        out.append(plain)
    return '"' + "".join(out) + '"'


def _json_text(rng: random.Random, text: str) -> str:
    """A text as string, or as the number or word that it reads as."""
    if JSON_NUMBER.fullmatch(text) and rng.random() < 0.4:
        return text
    return _json_string(rng, text)


def _json_object(rng: random.Random, members: Sequence[tuple[str, str]]) -> str:
    inner = ",".join(
        f"{_gap(rng)}{_json_string(rng, key)}{_gap(rng)}:{_gap(rng)}{text}{_gap(rng)}" for key, text in members
    )
    return "{" + (inner or _gap(rng)) + "}"


def _json_array(rng: random.Random, items: Sequence[str]) -> str:
    return "[" + ",".join(f"{_gap(rng)}{item}{_gap(rng)}" for item in items) + ("" if items else _gap(rng)) + "]"


def _json_combo(rng: random.Random, combo: Combo) -> str:
    if isinstance(combo, str):
        return _json_text(rng, combo)
    assert isinstance(combo, tuple)
    members = [(category, _json_text(rng, option)) for category, option in combo]
    rng.shuffle(members)
    return _json_object(rng, members)


def write_json(document: Document, rng: random.Random, noise: bool) -> bytes:
    header = document.header
    members: list[tuple[str, str]] = []
    for name, text in (
        ("dataSet", header.data_set),
        ("period", header.period),
        ("orgUnit", header.org_unit),
        ("completeDate", header.complete_date),
    ):
        if text is not None:
            members.append((name, _json_text(rng, text)))
        elif rng.random() < 0.1:
            members.append((name, rng.choice(("null", '""'))))
    if isinstance(header.aoc, OptionList):
        members.append(
            ("attributeCategoryOptions", _json_array(rng, [_json_string(rng, o) for o in header.aoc.options]))
        )
    elif header.aoc is not None:
        members.append(("attributeOptionCombo", _json_combo(rng, header.aoc)))
    members += [(name, _json_string(rng, text)) for name, text in header.schemes]
    members += [(name, text if text == "true" else _json_string(rng, text)) for name, text in header.extras]
    if header.deletion is not None:
        members.append(("deletion", _json_deletion(document, rng)))
    if noise and rng.random() < 0.1:
        members.append(("unheard2", rng.choice(("null", '""', "1", '{"a":[{"dataValues":[]}]}', '"x"'))))
    if noise and members and rng.random() < 0.1:
        members.append((rng.choice([n for n, _ in members if n != "unheard2"] or ["period"]), '"twice"'))
    first_time = dict.fromkeys(name for name, _ in members)
    if len(first_time) == len(members):
        rng.shuffle(members)
    if document.values or rng.random() < 0.7:
        rows = [_json_row(value, rng, noise) for value in document.values]
        if noise and rng.random() < 0.15:
            odd = rng.choice(("null", "1", '"x"', "[]", "true", '[{"dataElement":"x"}]', "{}"))
            rows.insert(rng.randint(0, len(rows)), odd)
        members.insert(rng.randint(0, len(members)), ("dataValues", _json_array(rng, rows)))
    elif rng.random() < 0.3 or not _states_a_set({name for name, _ in members}):
        members.append(("dataValues", "null"))
    text = _gap(rng) + _json_object(rng, members) + _gap(rng)
    return (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + text.encode()


def _states_a_set(names: set[str]) -> bool:
    return bool({"dataSet", "completeDate", "deletion"} & names) or {"period", "orgUnit"} <= names


def _json_deletion(document: Document, rng: random.Random) -> str:
    scope = document.header.deletion
    assert scope is not None
    elements = []
    for element in scope.elements:
        members = [("dataElement", _json_string(rng, element.data_element))]
        for name, combo in (("categoryOptionCombo", element.coc), ("attributeOptionCombo", element.aoc)):
            if combo is not None:
                members.append((name, _json_string(rng, combo)))
        rng.shuffle(members)
        elements.append(_json_object(rng, members))
    parts = [
        ("orgUnits", _json_array(rng, [_json_string(rng, unit) for unit in scope.org_units])),
        ("periods", _json_array(rng, [_json_string(rng, when) for when in scope.periods])),
        ("elements", _json_array(rng, elements)),
    ]
    rng.shuffle(parts)
    return _json_object(rng, parts)


def _json_row(value: Value, rng: random.Random, noise: bool) -> str:
    members: list[tuple[str, str]] = []
    for name, wire in NAMES:
        text = getattr(value, name)
        if text is None:
            if rng.random() < 0.2:
                members.append((wire, rng.choice(("null", '""'))))
        elif name == "value" and text in ("true", "false") and rng.random() < 0.5:
            members.append((wire, text))
        else:
            members.append((wire, _json_text(rng, text)))
    for combo, wire in ((value.coc, "categoryOptionCombo"), (value.aoc, "attributeOptionCombo")):
        if combo is not None:
            members.append((wire, _json_combo(rng, combo)))
        elif rng.random() < 0.1:
            members.append((wire, rng.choice(("null", '""', "{}"))))
    followup = rng.choice(("followUp", "followup", "followup", "follow_up", "flwup"))
    if value.followup is not None:
        word = _flag(rng, value.followup)
        members.append((followup, word if word.islower() and rng.random() < 0.8 else f'"{word}"'))
    elif rng.random() < 0.1:
        members.append((followup, rng.choice(("null", '""'))))
    if value.deleted or rng.random() < 0.2:
        members.append(("deleted", "true" if value.deleted else rng.choice(("false", '"FALSE"', "null"))))
    if noise:
        _json_noise(members, rng)
    else:
        rng.shuffle(members)
    return _json_object(rng, members)


def _json_noise(members: list[tuple[str, str]], rng: random.Random) -> None:
    if rng.random() < 0.3:
        members.append(("storedBy", rng.choice(('"admin"', "null", '""', "7"))))
        members.append(("created", rng.choice(('"2024-02-01T08:30:00.000+0000"', "null"))))
        members.append(("lastUpdated", rng.choice(('"2024-02-01"', '""'))))
    if rng.random() < 0.1:
        odd = rng.choice(("1", "false", '"x"', "null", '{"dataElement":"y","a":{"b":[1,"]"]}}', "[[1],{}]", '"\\"}"'))
        members.append((rng.choice(("unheard", "dataSet", "größe", "data_element", "source", "disagg")), odd))
    _renamed(members, rng, ('"x"', "null", "7", '{"a":"b"}', "true", '""'))
    rng.shuffle(members)
    if members and rng.random() < 0.06:
        at = rng.randrange(len(members))
        wrong = rng.choice(("[1]", '{"a":1}', "true", "false", '{"a":null}', '{"":"x"}', "5", '"yes"', '{"a":""}'))
        members[at] = (members[at][0], wrong)
    if members and rng.random() < 0.06:
        again = rng.choice(members)[0]
        if again in ("followUp", "followup") and rng.random() < 0.5:
            again = "flwup"
        members.append((again, rng.choice(('"x"', "null", "[1]", "true", '"202401"'))))


# CSV

CSV_COLUMNS: dict[str, tuple[str, ...]] = {
    "dataElement": ("dataelement", "dataElement", "DATAELEMENT", "data_element", "dataelelement", "de", "Data Element"),
    "period": ("period", "Period", "pe"),
    "orgUnit": (
        "orgunit",
        "orgUnit",
        "organisationunit",
        "organisation_unit",
        "ou",
        "source",
        "org-unit",
        "orgUnitUid",
        "orgUnitCode",
    ),
    "categoryOptionCombo": ("categoryoptioncombo", "catoptcombo", "category_option_combo", "coc", "catoptioncomboid"),
    "attributeOptionCombo": (
        "attributeoptioncombo",
        "attributeOptionCombo",
        "attroptcombo",
        "aoc",
        "acoc",
        "attributeOptionComboName",
    ),
    "value": ("value", "Value"),
    "storedBy": ("storedby", "strby", "stored_by", "storedBy"),
    "lastUpdated": ("lastupdated", "lstupd", "timestamp", "last_updated", "lastupd"),
    "comment": ("comment", "cmt", "Comment", "comments"),
    "followUp": ("followup", "flwup", "follow_up", "followUp"),
    "deleted": ("deleted", "Deleted", "isDeleted"),
}
Cell = Callable[[str], str]


def write_csv(document: Document, rng: random.Random, noise: bool) -> bytes:
    values = document.values
    categories = sorted({name for value in values if isinstance(value.coc, tuple) for name, _ in value.coc})
    lists = any(isinstance(value.aoc, OptionList) for value in values)
    has_header = bool(categories) or lists or not values or rng.random() < 0.8
    delimiter = rng.choice((",", ",", ",", ";", "\t"))
    names = list(CSV_COLUMNS)
    if has_header:
        rng.shuffle(names)
        unused = [name for name in ("storedBy", "lastUpdated") if rng.random() < 0.5]
        names = [name for name in names if name not in unused]
    elif noise and rng.random() < 0.3:  # as before there were attribute option combos
        names = [name for name in names if name not in ("attributeOptionCombo", "deleted")]
    names += [*categories, *(["attributeCombo", "attributeOptions"] if lists else [])]
    extra = noise and has_header and not categories and rng.random() < 0.2
    written_names = [rng.choice(CSV_COLUMNS.get(name, (name,))) for name in names]
    if extra:
        written_names = [
            "categoryOptionCombo" if n == "categoryOptionCombo" else w
            for n, w in zip(names, written_names, strict=True)
        ]
        names.append("unheard")
        written_names.append("unheard")
    if noise and has_header and rng.random() < 0.1:
        again = rng.choice(("value", "comment", "period", "orgUnit", "deleted", "unheard" if extra else "value"))
        names.append(again)
        written_names.append(rng.choice(CSV_COLUMNS.get(again, (again,))))
    if noise and has_header and rng.random() < 0.05:
        names.append("")
        written_names.append("")
    lines = []
    title: list[str] = []
    if noise and has_header and rng.random() < 0.05:
        title = rng.choice((["Values of January"], ["Report", "", '"printed, on Monday"'], ["Report;2024", " \t"]))
    row_names = noise and has_header and rng.random() < 0.05
    if has_header:
        lines.append(delimiter.join(_csv_cell(rng, name, plain=True) for name in written_names))
    for value in values:
        cells = _csv_cells(value, names, rng, noise)
        plain = not lines
        written = [_csv_cell(rng, cell, plain=plain) for cell in cells]
        if noise and not plain and rng.random() < 0.05:
            # Not the attribute combo: ADV2 has no place for it, so two of them would share their keys.
            at = rng.choice([at for at, name in enumerate(names) if name != "attributeCombo"])
            written[at] = rng.choice(('"a" b', '"a"b', '"x" ', "null", '"null"', ' "x"'))
        if noise and rng.random() < 0.1:
            while written and written[-1] in ("", " "):
                written.pop()
        if noise and rng.random() < 0.1:
            written += rng.choice(([""], ["x"], ["", "y", "z"]))
        if row_names:
            written.insert(0, f'"{len(lines)}"')
        line = delimiter.join(written)
        lines.append(line if line.strip(" \t") else '""' + line)
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    text = "".join(line + end for line in title)
    for line in lines:
        if noise and rng.random() < 0.05:
            text += rng.choice((end, " \t" + end))
        text += line + end
    if lines and rng.random() < 0.3:
        text = text.removesuffix(end)
    if noise and rng.random() < 0.05:
        text += rng.choice((" ", "\t", end, end + " "))
    if delimiter != "," and rng.random() < 0.3:
        text = f"sep={delimiter}{end}{text}"
    # A text that starts with U+FEFF is told from a byte order mark by one in front of it.
    return (b"\xef\xbb\xbf" if text.startswith("\ufeff") or rng.random() < 0.1 else b"") + text.encode()


def _csv_cells(value: Value, names: list[str], rng: random.Random, noise: bool) -> list[str]:
    known: dict[str, str | None] = {wire: getattr(value, name) for name, wire in NAMES}
    if isinstance(value.coc, str):
        known["categoryOptionCombo"] = value.coc
    elif isinstance(value.coc, tuple):
        known |= dict(value.coc)
    if isinstance(value.aoc, str):
        known["attributeOptionCombo"] = value.aoc
    elif isinstance(value.aoc, OptionList):
        known["attributeOptions"] = rng.choice((" ", "\t", "  ")).join(value.aoc.options)
    if value.followup is not None:
        known["followUp"] = _flag(rng, value.followup)
    if value.deleted or rng.random() < 0.3:
        known["deleted"] = _flag(rng, value.deleted)
    if noise:
        known["storedBy"] = rng.choice((None, "admin"))
        known["lastUpdated"] = rng.choice((None, "2024-02-01T08:30:00.000+0000"))
        known["attributeCombo"] = "cc"
        known["unheard"] = rng.choice((None, "", "x"))
        known[""] = rng.choice((None, "x"))
        if rng.random() < 0.03:
            known[rng.choice(("followUp", "deleted"))] = rng.choice(("1", "yes", "ｔrue"))
        if isinstance(value.coc, tuple) and rng.random() < 0.1:
            known["categoryOptionCombo"] = "both"
        if isinstance(value.aoc, OptionList) and rng.random() < 0.1:
            known["attributeOptionCombo"] = "both"
    return [known.get(name) or "" for name in names]


def _csv_cell(rng: random.Random, cell: str, *, plain: bool) -> str:
    """A cell, quoted where it must be, or for fun; in a `plain` first line nothing looks like another delimiter."""
    needs_quotes = re.search('[,;\t\r\n]|^[ "]| $', cell) is not None or (plain and '"' in cell)
    if needs_quotes or rng.random() < 0.1:
        cell = '"' + cell.replace('"', '""') + '"'
    if rng.random() < 0.05:
        cell = f" {cell}  "
    return cell


# XML


def _xml_text(rng: random.Random, text: str, quote: str, noise: bool) -> str:
    """Character data; `quote` is the attribute's quotation mark, or empty for an element's text."""
    out = []
    for c in text:
        if c in "<&" or c == quote or (c == ">" and rng.random() < 0.7) or (c == ">" and not quote):
            named = {"<": "&lt;", "&": "&amp;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}[c]
            out.append(rng.choice((named, named, f"&#{ord(c)};", f"&#x{ord(c):x};")))
        elif c in "\t\n\r" and (c == "\r" or quote) and not (noise and rng.random() < 0.1):
            out.append(rng.choice((f"&#{ord(c)};", f"&#x{ord(c):X};")))
        elif rng.random() < 0.02:
            out.append(rng.choice((f"&#{ord(c)};", f"&#x{ord(c):X};", f"&#x000{ord(c):x};")))
        else:
            out.append(c)
    return "".join(out)


def _xml_attributes(rng: random.Random, attributes: Sequence[tuple[str, str]], noise: bool) -> str:
    shuffled = list(attributes)
    rng.shuffle(shuffled)
    out = ""
    for name, text in shuffled:
        quote = rng.choice(('"', '"', '"', "'"))
        equals = rng.choice(("=", "=", "=", " = ", "=\n"))
        out += rng.choice((" ", " ", " ", "\n  ")) + name + equals + quote + _xml_text(rng, text, quote, noise) + quote
    return out


def _xml_gap(rng: random.Random, noise: bool) -> str:
    if noise and rng.random() < 0.05:
        return rng.choice(("<!-- a <dataValue/> -->", "<?go on?>", "<!---->", "\n<!-- - -->\n"))
    return rng.choice(("", "\n", "\n  ", "\r\n\t"))


def _xml_element(rng: random.Random, tag: str, attributes: str, content: str) -> str:
    space = rng.choice(("", "", " "))
    if not content and rng.random() < 0.7:
        return f"<{tag}{attributes}{space}/>"
    return f"<{tag}{attributes}{space}>{content}</{tag}{rng.choice(('', '', ' '))}>"


def _xml_document(rng: random.Random, root: str) -> bytes:
    declaration = rng.choice(("", "", '<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0'?>\n"))
    bom = b"\xef\xbb\xbf" if rng.random() < 0.1 else b""
    return bom + (declaration + root + rng.choice(("", "\n", "<!-- end -->"))).encode()


def _optional(rng: random.Random, name: str, text: str | None) -> list[tuple[str, str]]:
    if text is None:
        return [(name, "")] if rng.random() < 0.1 else []
    return [(name, text)]


def _flags(value: Value, rng: random.Random) -> list[tuple[str, str]]:
    found = []
    if value.followup is not None:
        name = rng.choice(("followUp", "followup", "followUp", "follow_up", "flwup"))
        found.append((name, _flag(rng, value.followup)))
    if value.deleted or rng.random() < 0.2:
        found.append(("deleted", _flag(rng, value.deleted)))
    return found


def _xml_noise(attributes: list[tuple[str, str]], rng: random.Random) -> None:
    _renamed(attributes, rng, ("x", "true", "", "202401"), xml=True)
    if rng.random() < 0.2:
        attributes += [("storedBy", rng.choice(("admin", ""))), ("created", "2024-02-01"), ("lastUpdated", "x")]
    present = {name for name, _ in attributes}
    if rng.random() < 0.05:
        attributes += [(name, "") for name in ("followUp", "flwup", "AGEBAND", "comment") if name not in present]
        present = {name for name, _ in attributes}
    if rng.random() < 0.05:
        attributes[:] = [(name, text) for name, text in attributes if name != "deleted"] + [("deleted", "1")]
    if rng.random() < 0.03 and present & {"followUp", "followup"} and "flwup" not in present:
        attributes.append(("flwup", rng.choice(("true", "false", "x"))))


def _root_noise(prefix: str, rng: random.Random) -> list[tuple[str, str]]:
    """What is XML's own, and what is somebody's."""
    found = []
    if rng.random() < 0.1:
        found += [("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"), ("xsi:schemaLocation", "a b")]
    if rng.random() < 0.1:
        found.append(("xml:lang", "en"))
    if rng.random() < 0.1:
        found += [("xmlns:own", "urn:own"), ("own:lang", "en"), (rng.choice(("own:unheard", "own:dryRun")), "y")]
    if prefix and rng.random() < 0.1:
        found.append((prefix + "note2", "z"))
    return found


def write_xml(document: Document, rng: random.Random, noise: bool) -> bytes:
    header = document.header
    prefix = rng.choice(("", "", "d:"))
    top: list[tuple[str, str]] = []
    if prefix:
        top.append(("xmlns:d", "http://dhis2.org/schema/dxf/2.0"))
    elif rng.random() < 0.7:
        top.append(("xmlns", "http://dhis2.org/schema/dxf/2.0"))
    assert header.aoc is None or isinstance(header.aoc, str)
    for name, text in (
        ("dataSet", header.data_set),
        ("period", header.period),
        ("orgUnit", header.org_unit),
        ("completeDate", header.complete_date),
        ("attributeOptionCombo", header.aoc),
    ):
        top += _optional(rng, name, text)
    top += [*header.schemes, *header.extras]
    if noise:
        top += _root_noise(prefix, rng)
    rows = []
    for value in document.values:
        attributes = [pair for name, wire in NAMES for pair in _optional(rng, wire, getattr(value, name))]
        assert value.coc is None or isinstance(value.coc, str)
        assert value.aoc is None or isinstance(value.aoc, str)
        attributes += _optional(rng, "categoryOptionCombo", value.coc)
        attributes += _optional(rng, "attributeOptionCombo", value.aoc)
        attributes += _flags(value, rng)
        content = ""
        if noise:
            _xml_noise(attributes, rng)
            if rng.random() < 0.1:
                own = rng.choice(("AGEBAND", "unheard", "timestamp2", "größe"))
                attributes += [(own, rng.choice(("", "x")))] if own not in dict(attributes) else []
            if rng.random() < 0.1:
                content = rng.choice((" ", "x", "<value>5</value>", "<!-- c -->", "\n", "<![CDATA[y]]>", "<a b='>'/>"))
            if prefix and rng.random() < 0.2:
                attributes = [("d:" + name if name == "value" else name, text) for name, text in attributes]
            if prefix and attributes and rng.random() < 0.05:
                name = rng.choice(attributes)[0]
                attributes += [("d:" + name, "x")] if ":" not in name else []
        rows.append(_xml_element(rng, prefix + "dataValue", _xml_attributes(rng, attributes, noise), content))
    if noise and rng.random() < 0.1:
        rows.insert(rng.randint(0, len(rows)), rng.choice(("<other/>", "<other a='1'><b/></other>", "text", " ")))
    content = "".join(_xml_gap(rng, noise) + row for row in rows) + _xml_gap(rng, noise)
    if noise and rows and rng.random() < 0.1:
        content = f"<dataValues>{content}</dataValues>"
    return _xml_document(rng, _xml_element(rng, prefix + "dataValueSet", _xml_attributes(rng, top, noise), content))


# ADX


def _adx_period(rng: random.Random, text: str, noise: bool) -> str:
    period = periods.parse(text)
    if period is None or (noise and rng.random() < 0.03):
        return text
    written = periods.interval(period)
    if noise and rng.random() < 0.05:
        written = re.sub("-0?([0-9]+)-[0-9]+/", r"-\1-5/", written)
    return written


def _adx_combo(combo: Combo, wire: str) -> list[tuple[str, str]]:
    if isinstance(combo, str):
        return [(wire, combo)]
    assert not isinstance(combo, OptionList)
    return list(combo or ())


def write_adx(document: Document, rng: random.Random, noise: bool) -> bytes:
    prefix = rng.choice(("", "", "adx:"))
    top = [("xmlns:adx" if prefix else "xmlns", "urn:ihe:qrph:adx:2015")] if prefix or rng.random() < 0.8 else []
    if noise:
        top = list(
            dict([*top, ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"), *_root_noise("", rng)]).items()
        )
    if noise and rng.random() < 0.3:
        top.append(("exported", "2024-04-03T09:00:00Z"))
    groups = []
    for shared, members in groupby(document.values, key=lambda v: (v.data_set, v.period, v.org_unit, v.aoc)):
        data_set, period, org_unit, aoc = shared
        attributes = _optional(rng, "dataSet", data_set) + _optional(rng, "orgUnit", org_unit)
        attributes += _optional(rng, "period", _adx_period(rng, period, noise) if period else period)
        attributes += _adx_combo(aoc, "attributeOptionCombo")
        if noise and rng.random() < 0.2:
            attributes += rng.choice(
                (
                    [("comment", "x")],
                    [("xsi:type", "t")],
                    [("completeDate", "2024-02-03")],
                    [("EMPTY", "")],
                    [("attributeOptionCombo", "both"), *([] if isinstance(aoc, str) else [("EXTRA", "1")])],
                )
            )
            attributes = list(dict(attributes).items())
        rows = "".join(_xml_gap(rng, noise) + _adx_row(value, prefix, rng, noise) for value in members)
        content = rows + _xml_gap(rng, noise)
        groups.append(_xml_element(rng, prefix + "group", _xml_attributes(rng, attributes, noise), content))
        if noise and rng.random() < 0.05:
            groups.append(f"<{prefix}group/>")
    content = "".join(_xml_gap(rng, noise) + group for group in groups) + _xml_gap(rng, noise)
    return _xml_document(rng, _xml_element(rng, prefix + "adx", _xml_attributes(rng, top, noise), content))


def _adx_row(value: Value, prefix: str, rng: random.Random, noise: bool) -> str:
    attributes = _optional(rng, "dataElement", value.data_element) + _optional(rng, "comment", value.comment)
    attributes += _adx_combo(value.coc, "categoryOptionCombo") + _flags(value, rng)
    content = ""
    if value.value and rng.random() < 0.3:
        attributes += [("value", "0")] if rng.random() < 0.7 else []
        content = _annotation(value.value, prefix, rng)
    else:
        attributes += _optional(rng, "value", value.value)
        if noise and rng.random() < 0.1:
            content = rng.choice(
                (
                    f"<{prefix}annotation/>",
                    f"<{prefix}annotation> </{prefix}annotation>",
                    "<other/>",
                    "<!-- x -->",
                    "\n",
                )
            )
            if rng.random() < 0.3:
                content = f"\n<{prefix}annotation>a<!-- c -->b</{prefix}annotation><annotation>2</annotation>"
    if noise:
        _xml_noise(attributes, rng)
        if rng.random() < 0.1:
            attributes += rng.choice(
                (
                    [("period", "202401"), ("orgUnit", "elsewhere")],
                    [("EMPTY", "")],
                    [("dataSet", "x"), ("attributeOptionCombo", "y")],
                    [("categoryOptionCombo", "both")],
                )
            )
            attributes = list(dict(attributes).items())
    return _xml_element(rng, prefix + "dataValue", _xml_attributes(rng, attributes, noise), content)


def _annotation(text: str, prefix: str, rng: random.Random) -> str:
    if "]]>" not in text and "\r" not in text and rng.random() < 0.3:
        inner = f"<![CDATA[{text}]]>"
    else:
        inner = _xml_text(rng, text, "", noise=False)
    return f"{rng.choice(('', ' '))}<{prefix}annotation>{inner}</{prefix}annotation>"


WRITERS = {"dxf-json": write_json, "dxf-csv": write_csv, "dxf-xml": write_xml, "adx": write_adx}
