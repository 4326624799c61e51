"""Findings: the one shape for everything tallyport has to say about data, and the table of all codes.

A finding says where, what was found, what was expected and what to do. Codes are stable and never reused.
The JSON form is `finding.schema.json`; docs/findings.md is written from this table.

Ranges: TP1xx a source that cannot be read as a whole, TP2xx a value that DHIS2 refuses for what it says,
TP3xx a value that cannot be rewritten, TP4xx a reading that was chosen and might surprise,
TP7xx what a header says against the metadata, TP8xx the outside failed, TP9xx refused for safety.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

FOUND_LIMIT = 200
"""Characters of a found text that a finding shows; the rest is cut and marked."""


class Severity(StrEnum):
    """How much a finding matters. `error` and `warning` make a run end with exit code 1 or 3, `info` does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: its stable code, default sentence and help, and DHIS2's own code where one corresponds."""

    code: str
    severity: Severity
    message: str
    help: str
    dhis2: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem or notice.

    `row` is the 0-based index of the value within its source; `count` says how many values share the finding
    where one finding stands for several, `row` then being the first of them.

    `line` is where that row starts in the person's own file, from 1 as an editor counts; `sheet_row`, of CSV, the row
    that a spreadsheet shows. `keys`: the row's data element, period and organisation unit, by DHIS2's names for them.
    `groups`: how many ADV2 groups share the finding, where it stands for those of several.
    """

    code: str
    severity: Severity
    message: str
    help: str | None = None
    source: str | None = None
    row: int | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    count: int | None = None
    line: int | None = None
    sheet_row: int | None = None
    keys: Mapping[str, str] | None = None
    groups: int | None = None

    def at(self, source: str) -> Finding:
        """Return the same finding, placed in `source`."""
        return replace(self, source=source)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object; keys without meaning for it are left out."""
        members: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "help": self.help,
            "source": self.source,
            "row": self.row,
            "line": self.line,
            "sheet_row": self.sheet_row,
            "keys": dict(self.keys) if self.keys else None,
            "field": self.field,
            "found": self.found,
            "expected": self.expected,
            "count": self.count,
            "groups": self.groups,
        }
        return {key: value for key, value in members.items() if value is not None}


class Unusable(Exception):
    """Something cannot be used as a whole: carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.code}: {finding.message}")
        self.finding = finding


class SourceUnreadable(Unusable):
    """An input is unreadable or invalid as a whole (exit code 3)."""


class OutsideFailed(Unusable):
    """Disk, database or network failed (exit code 4): nothing is half-done."""


class Refused(Unusable):
    """Refused for safety (exit code 5)."""


WHITE = "".join(
    map(chr, [*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F])
)
WHITE += "\u3000\ufeff"
"""White space as people bring it in without seeing it: Unicode's, and the two characters of no width."""

SPACE_SHOWN = "\u2423"
"""What stands for white space at the ends of a text."""


def shown(text: str) -> str:
    """Return `text` fit for a finding: cut to `FOUND_LIMIT`, what no terminal or UTF-8 can carry made visible.

    White space at its ends is made visible as well.

    >>> shown("a\\x00b\\ud800"), shown(" 12\\xa0")
    ('a\\\\x00b\\\\ud800', '␣12␣')
    """
    inner = text.strip(WHITE)
    if len(inner) < len(text) <= FOUND_LIMIT:
        start = text.find(inner) if inner else len(text)
        before, behind = text[:start], text[start + len(inner) :]
        return "".join(map(_outer, before)) + shown(inner) + "".join(map(_outer, behind))
    if len(text) <= FOUND_LIMIT and text.isprintable():
        return text
    visible = "".join(c if c.isprintable() else _escaped(c) for c in text[:FOUND_LIMIT])
    return visible + (f"... ({len(text)} characters)" if len(text) > FOUND_LIMIT else "")


def _escaped(c: str) -> str:
    return c.encode("unicode_escape", "surrogatepass").decode("ascii")


def _outer(c: str) -> str:
    return _escaped(c) if c < " " else SPACE_SHOWN


def is_address(path: str) -> bool:
    """Tell whether a text that should be a path is an address such as `s3://bucket/key`.

    A single slash is enough, as that is what is left of two in a normalised path.

    >>> is_address("s3://bucket/key"), is_address("s3:/bucket"), is_address("out/january.json"), is_address("C:/out")
    (True, True, False, False)
    """
    scheme, mark, _ = path.partition(":/")
    return (
        bool(mark)
        and len(scheme) > 1
        and scheme.isascii()
        and scheme[0].isalpha()
        and scheme.replace("+", "").isalnum()
    )


def listed(texts: Iterable[str]) -> str:
    """Return all `texts` as one list, each fit for a finding; one that has a comma itself is put in quotes.

    >>> listed(["ouClinicA01", "Clinic, Old Town"])
    'ouClinicA01, "Clinic, Old Town"'
    """
    return ", ".join(f'"{text}"' if "," in text else text for text in map(shown, texts))


def finding(
    code: str,
    *,
    message: str | None = None,
    help: str | None = None,
    source: str | None = None,
    row: int | None = None,
    field: str | None = None,
    found: str | None = None,
    culprits: Iterable[str] | None = None,
    expected: str | None = None,
    count: int | None = None,
) -> Finding:
    """Make a finding of a known `code`; `message` and `help` default to the code's own sentences.

    `found` is cut to what can be shown. `culprits` in its place are all named, however many they are.

    Raises:
        KeyError: the code is not in `CODES`.
    """
    kind = CODES[code]
    return Finding(
        code=code,
        severity=kind.severity,
        message=message or kind.message,
        help=help or kind.help,
        source=source,
        row=row,
        field=None if field is None else shown(field),
        found=listed(culprits) if culprits is not None else None if found is None else shown(found),
        expected=expected,
        count=count,
    )


def _table(*codes: Code) -> Mapping[str, Code]:
    return MappingProxyType({code.code: code for code in codes})


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CODES: Mapping[str, Code] = _table(
    # TP1xx: the source as a whole
    Code("TP101", _E, "the source cannot be opened", "check the path and its permissions"),
    Code("TP102", _E, "the source is empty", "export the file again; an empty file holds no data value set"),
    Code("TP103", _E, "the format is not recognised", "check that this is the right file"),
    Code("TP104", _E, "the compressed data is damaged or cut short", "copy or export the file again"),
    Code(
        "TP105",
        _E,
        "the compressed data expands beyond all measure",
        "unpack the file yourself if you trust it, and convert what comes out",
    ),
    Code(
        "TP106",
        _E,
        "the archive cannot be read as one file",
        "pack exactly one plain data file into the archive, or unpack it and convert the folder",
    ),
    Code("TP107", _E, "the text is not in the encoding it should be in", "save the file as UTF-8"),
    Code("TP108", _E, "the JSON is malformed", "export the file again; it may be cut short or edited by hand"),
    Code("TP109", _E, "the XML is malformed", "export the file again; it may be cut short or edited by hand"),
    Code("TP110", _E, "the XML has a DOCTYPE", "remove the DOCTYPE: no DXF or ADX file needs one"),
    Code("TP111", _E, "the CSV is malformed", "export the file again; it may be cut short or edited by hand"),
    Code("TP112", _E, "a single row or property is too long", "check the file: no data value is that long"),
    Code("TP113", _E, "this is no data value set", "check that this is the right file"),
    Code("TP114", _E, "the PDF is damaged", "open and save it in a PDF reader, or ask for it again"),
    Code("TP115", _E, "the PDF is encrypted", "save it without a password"),
    Code("TP116", _E, "the PDF form is XFA only", "DHIS2 forms are AcroForms: export the form again from DHIS2"),
    Code("TP117", _E, "the PDF has no DHIS2 form", "check that this is the filled form that DHIS2 made"),
    Code("TP118", _E, "the source names more distinct identifiers than memory allows", "raise --memory"),
    Code("TP119", _E, "this is no identifier scheme", "use UID, CODE, NAME or ATTRIBUTE:<uid>"),
    Code("TP120", _E, "values were rejected and --strict is set", "mend the source, or convert without --strict"),
    Code("TP121", _E, "the source changed while it was read", "convert it again when nothing writes to it"),
    Code(
        "TP122",
        _E,
        "two properties of the header mean the same and differ",
        "remove one of the two, or make them equal",
    ),
    Code("TP125", _E, "the folder holds no file", "check the path; hidden files do not count"),
    Code(
        "TP126",
        _E,
        "this is an address, not a file of this machine",
        "fetch it first, or pipe it: curl ADDRESS | tallyport convert - -o DIR",
    ),
    Code(
        "TP130",
        _E,
        "what the source would become is out of proportion to its size",
        "look for something very long that rows or groups share, such as a list in the header or a group's attribute",
    ),
    Code(
        "TP131",
        _E,
        "the header row has a name that is longer than any",
        "give the column a short name; a title or a note does not belong in the header row",
    ),
    Code(
        "TP132",
        _W,
        "so many rows are rejected that not all are listed with their fields",
        "correct what the first ones show, and convert again",
    ),
    # TP2xx: a value that does not fit its data element
    Code(
        "TP201",
        _E,
        "the value is not a number",
        "write digits with a point for decimals; no plus sign, leading zeros, separators or exponent",
        "E8122",
    ),
    Code(
        "TP202",
        _E,
        "the value is out of the range of its type",
        "mend the value, or let the data element have a wider value type",
        "E8122",
    ),
    Code(
        "TP203",
        _E,
        "the value is not a whole number",
        "write digits only: no plus sign, leading zeros, separators or decimals",
        "E8122",
    ),
    Code("TP204", _E, "the value is neither true nor false", "write true or false", "E8122"),
    Code(
        "TP205",
        _E,
        "the value is not true, the only one that its type knows",
        "write true, or leave the row out: what is not ticked has no value",
        "E8122",
    ),
    Code("TP206", _E, "the value is no date", "write year, month and day as 2025-01-31", "E8122"),
    Code("TP207", _E, "the value is no date with a time", "write it as 2025-01-31T14:30:00", "E8122"),
    Code("TP208", _E, "the value is no time of day", "write hours and minutes as 14:30", "E8122"),
    Code("TP209", _E, "the value is not a single letter", "write one letter, nothing before or after it", "E8122"),
    Code("TP210", _E, "the value is no e-mail address", "write it as name@host.org", "E8122"),
    Code(
        "TP211",
        _E,
        "the value is no URL",
        "begin with http://, https:// or ftp://, and name a public host",
        "E8122",
    ),
    Code("TP212", _E, "the value is no phone number", "write 6 to 50 digits, spaces and signs of dialling", "E8122"),
    Code(
        "TP213",
        _E,
        "the value is no username",
        "write 4 to 255 letters and digits of ASCII, single - _ . @ between them",
        "E8122",
    ),
    Code(
        "TP214",
        _E,
        "the value is no coordinate",
        "write [longitude,latitude] in degrees, the longitude first",
        "E8122",
    ),
    Code("TP215", _E, "the value is no UID", "give the UID of the thing, not its name or code", "E8122"),
    Code("TP216", _E, "the value is too long", "DHIS2 stores at most 50,000 characters", "E8122"),
    Code(
        "TP217",
        _E,
        "the value names a file that is not among the known file resources",
        "upload the file to DHIS2 and give the UID it gets, or renew the snapshot",
        "E7645",
    ),
    Code(
        "TP218",
        _E,
        "the value is not an option of the option set",
        "give the code of an option, in its own upper and lower case, not its name",
        "E8123",
    ),
    Code(
        "TP219",
        _E,
        "a part of the value is not an option of the option set",
        "give codes of options with single commas and no spaces between them",
        "E8123",
    ),
    Code(
        "TP220",
        _E,
        "the comment is not an option of the comment option set",
        "give the code of an option, in its own upper and lower case, not its name",
        "E8124",
    ),
    Code(
        "TP221",
        _E,
        "the row has no comment, and its data element has a comment option set",
        "give the code of an option as the comment",
        "E8124",
    ),
    Code(
        "TP222",
        _E,
        "the comment is too long",
        "shorten the comment, or leave it out: DHIS2 takes at most 5,000 characters, up to 2.42 it is 50,000",
        "E8125",
    ),
    Code(
        "TP223",
        _E,
        "the row has no value and is not deleted",
        "give a value, mark the row as deleted, or leave it out",
        "E8120",
    ),
    Code(
        "TP224",
        _E,
        "one period and organisation unit have more rows than there is memory to find repeats among",
        "give more by --memory, or split the group into several",
    ),
    Code(
        "TP227",
        _W,
        "zeros were not stored: DHIS2 2.42 stores none of this data element, as its zeros are not significant",
        "if they are to be stored, make zeros significant for the data element in DHIS2; what they replace is deleted",
    ),
    Code(
        "TP228",
        _W,
        "blank values were not stored: DHIS2 2.42 takes white space for nothing",
        "leave these rows out, or mark them as deleted; what they replace is deleted",
    ),
    # TP3xx: a value that cannot be rewritten
    Code("TP301", _E, "the row is not a data value", "a row must be an object with the data value's fields"),
    Code("TP302", _E, "the value has no data element", "name the data element", "E7641"),
    Code("TP303", _E, "the value has no period", "give the row or the header a period"),
    Code("TP304", _E, "this is no period", "write the period in DHIS2's ISO form, such as 202501, 2025Q1 or 2025W3"),
    Code("TP305", _E, "the value has no organisation unit", "give the row or the header an organisation unit"),
    Code(
        "TP306",
        _E,
        "the row has no value",
        "give a value, mark the row as deleted, or leave it out",
        "E7618",
    ),
    Code("TP307", _E, "the text is too long", "DHIS2 stores at most 50,000 characters"),
    Code("TP308", _E, "the field is no boolean", "write true or false"),
    Code("TP309", _E, "the field has a type it cannot have", "write the field as text"),
    Code("TP310", _E, "the text holds a character that cannot be stored", "remove the character"),
    Code("TP311", _E, "text stands behind the closing quote of a cell", "double the quotes within a quoted cell"),
    Code("TP312", _E, "the row gives category options in no form that can be read", "map each category to one option"),
    Code(
        "TP313",
        _E,
        "two fields of the row mean the same and differ",
        "remove one of the two, or make them equal",
    ),
    Code(
        "TP314",
        _E,
        "only a field that is not understood tells the row from another one",
        "give the field the name it has in DHIS2, or remove it and all but one of the rows",
    ),
    # TP4xx: readings chosen
    Code(
        "TP401",
        _W,
        "header and row disagree; the row's was taken",
        "DHIS2 to 2.42 takes the header's, 2.43 the row's: make them equal or remove one",
    ),
    Code(
        "TP402",
        _W,
        "a key occurs twice in one object; the first was taken",
        "DHIS2 to 2.42 takes the last, 2.43 the first: remove one",
    ),
    Code(
        "TP403",
        _W,
        "an option combo is written as a number; its text was taken",
        "DHIS2 2.43 would read it as the default combo: write it in quotes",
    ),
    Code(
        "TP404",
        _W,
        "the value is blank; it was kept as it is",
        "DHIS2 to 2.42 takes a blank for no value, 2.43 stores it: remove the row or give a value",
    ),
    Code(
        "TP405",
        _W,
        "an annotation stands beside a value that is not 0; the annotation was taken",
        "DHIS2 to 2.42 keeps the number of a numeric data element: move the remark to a comment",
    ),
    Code(
        "TP406",
        _W,
        "the period does not start on its first day; the period that contains the day was taken",
        "write the first day of the period",
    ),
    Code(
        "TP407",
        _W,
        "a cell reads null; it was taken for empty",
        "DHIS2 to 2.42 takes it for text, 2.43 for no value: leave the cell empty",
    ),
    Code(
        "TP408",
        _W,
        "a column occurs twice; the later was taken",
        "DHIS2 2.43 takes the later column: remove one",
    ),
    Code(
        "TP409",
        _I,
        "line ends, blank lines or quotes are such as DHIS2 2.43 would misread; all rows were read",
        "nothing to do here; to import the CSV itself into 2.43, use LF line ends, no blank lines and no inner quotes",
    ),
    Code(
        "TP410",
        _W,
        "the delimiter is not a comma",
        "DHIS2 never accepted it; nothing to do if the columns were told apart as you see",
    ),
    Code(
        "TP411", _W, "the last row has no line end and fewer cells than the header", "check if the file was cut short"
    ),
    Code(
        "TP412",
        _W,
        "the header asks for what a file of values cannot carry on",
        "DHIS2 2.43 ignores it; choose it when you import",
    ),
    Code(
        "TP413",
        _W,
        "the completion lacks a part and was left out",
        "a completion needs data set, period and organisation unit in the header",
    ),
    Code("TP414", _I, "a period was written in its usual form", "nothing to do: both forms mean the same period"),
    Code("TP415", _I, "fields of the PDF form were blank and left out", "nothing to do: a blank field says nothing"),
    Code(
        "TP416",
        _W,
        "attribute options are listed without their categories",
        "the order of the list must be the order of the category combo's categories: check it when you import",
    ),
    Code(
        "TP417",
        _W,
        "the header's period cannot be read and was left out",
        "write it in DHIS2's ISO form; rows with a period of their own were read",
    ),
    Code(
        "TP418",
        _W,
        "content was passed over that DHIS2 does not read either",
        "check that nothing in it belongs to the data",
    ),
    Code(
        "TP419",
        _W,
        "a row that names an option combo also gives category options; the option combo was taken",
        "remove one of the two",
    ),
    Code("TP420", _W, "the deletion scope lacks a part and deletes nothing", "name org units, periods and elements"),
    Code(
        "TP421",
        _W,
        "a field is not understood and was left out",
        "give it the name it has in DHIS2 if it belongs to the data; otherwise remove it",
    ),
    Code(
        "TP422",
        _W,
        "fields were read by other names than DHIS2's",
        "nothing to do if each is what it says; DHIS2 itself reads no such names, so rename them in a file for it",
    ),
    Code(
        "TP423",
        _W,
        "the name of a field says that it holds other identifiers than it is taken to hold",
        "say with --id-scheme what it holds",
    ),
    Code(
        "TP424",
        _I,
        "columns were read as categories",
        "nothing to do if each is a category and its cells are options; otherwise rename or remove the column",
    ),
    Code(
        "TP425",
        _W,
        "an object that looks like a reference was read as category options",
        "write the option combo's identifier itself, as a text",
    ),
    Code(
        "TP426",
        _W,
        "values were superseded by a later one that differs",
        "check which of the two is right, and remove the other",
    ),
    Code(
        "TP430",
        _W,
        "white space around texts was removed",
        "nothing to do here; DHIS2 to 2.42 removes it as well, 2.43 takes it as part of the text",
    ),
    Code(
        "TP431",
        _W,
        "cells read like words for nothing; they were kept",
        "leave a cell empty where there is nothing to say; a text may be meant as it is",
    ),
    Code(
        "TP432",
        _W,
        "the file has no header row, and the nine columns of files from before there were attribute option combos; "
        "it was read so",
        "check that the fifth column holds the values, or add the header row "
        "dataelement,period,orgunit,categoryoptioncombo,value,storedby,timestamp,comment,followup",
    ),
    Code(
        "TP433",
        _W,
        "lines above the header row were skipped",
        "check that nothing in them belongs to the data, or delete them",
    ),
    Code(
        "TP434",
        _W,
        "rows have one cell more than the header row; the first was skipped as the row's name",
        "write the file without row names: in R, row.names = FALSE",
    ),
    Code(
        "TP435",
        _W,
        "data elements are operands of analytics: a point separates data element and option combo",
        "put what stands behind the first point into a column categoryOptionCombo, and what stands behind the second "
        "into attributeOptionCombo",
    ),
    Code(
        "TP436",
        _W,
        "an attribute is no category of the data element or data set; it was skipped",
        "nothing to do if it says nothing of the values: DHIS2 to 2.42 skips it too, 2.43 refuses the value; "
        "else check the spelling of the category",
    ),
    Code(
        "TP437",
        _W,
        "a mark of completion was skipped: DHIS2 does not read it from there",
        "state it as DHIS2 reads it, as completeDate beside dataSet, period and orgUnit, or mark the data set complete "
        "in DHIS2",
    ),
    # TP7xx: what a group's header says against the metadata
    Code(
        "TP701",
        _E,
        "the data set does not exist",
        "check the identifier, and the scheme that --id-scheme gives for ds",
        "E8005",
    ),
    Code(
        "TP702",
        _E,
        "the data element does not exist",
        "check the identifier, and the scheme that --id-scheme gives for de",
        "E8103",
    ),
    Code(
        "TP703",
        _E,
        "organisation units do not exist",
        "check the identifiers, and the scheme that --id-scheme gives for ou",
        "E8107",
    ),
    Code(
        "TP704",
        _E,
        "the category combo does not exist",
        "check the identifier, and the scheme that --id-scheme gives for cc",
        "E8126",
    ),
    Code("TP705", _E, "categories do not exist", "check the identifiers, and the scheme that --id-scheme gives for c"),
    Code(
        "TP706",
        _E,
        "category options do not exist",
        "check the identifiers, and the scheme that --id-scheme gives for co",
    ),
    Code(
        "TP707",
        _E,
        "category option combos do not exist",
        "check the identifiers, and the scheme that --id-scheme gives for coc",
        "E8108",
    ),
    Code(
        "TP708",
        _E,
        "attribute option combos do not exist",
        "check the identifiers, and the scheme that --id-scheme gives for aoc",
        "E8110",
    ),
    Code(
        "TP709",
        _E,
        "identifiers are ambiguous: several objects have the same",
        "refer to these objects by UID, or give each a code or name of its own",
    ),
    Code(
        "TP710",
        _E,
        "the attribute of the identifier scheme does not exist",
        "write the attribute's own UID behind ATTRIBUTE:",
    ),
    Code(
        "TP711",
        _E,
        "the data element is not aggregate",
        "values of tracker data elements belong to events: check which data element is meant",
    ),
    Code(
        "TP712",
        _E,
        "the data element is in no data set",
        "add it to a data set: DHIS2 takes values of data sets only",
        "E8003",
    ),
    Code("TP713", _E, "the data element is not in the data set", "name the data set that it is in", "E8020"),
    Code(
        "TP714",
        _E,
        "organisation units are not assigned to the data set",
        "assign them to the data set in DHIS2, or leave them out",
        "E8022",
    ),
    Code(
        "TP715",
        _E,
        "periods are not of the data set's period type",
        "convert the values to that period type, or name the data set they are for",
        "E8021",
    ),
    Code(
        "TP716",
        _E,
        "the category combo is not the data element's",
        "leave cc out, or name the combo that the data element has in the data set",
    ),
    Code(
        "TP717",
        _E,
        "more than one category combo fits the data element",
        "give cc, or ds, or use coc in place of co",
    ),
    Code(
        "TP718",
        _E,
        "category option combos do not belong to the data element's category combo",
        "use the option combos of the data element's category combo",
        "E8024",
    ),
    Code(
        "TP719",
        _E,
        "the categories are not those of the category combo",
        "give the options of each category of the combo, no more and no less",
        "E8108",
    ),
    Code(
        "TP720",
        _E,
        "category options do not belong to their category",
        "check the options, and the order of the categories where none is named",
        "E8108",
    ),
    Code(
        "TP721",
        _E,
        "there is no category option combo for these category options",
        "update the category option combos in DHIS2's maintenance, then make a new snapshot",
        "E8108",
    ),
    Code(
        "TP722",
        _E,
        "neither coc nor co is given, but the data element is disaggregated",
        "give coc or co: only the default category combo goes without",
        "E8024",
    ),
    Code(
        "TP723",
        _E,
        "attribute option combos do not belong to the data set's category combo",
        "use the option combos of the data set's own category combo",
        "E8023",
    ),
    Code(
        "TP724",
        _E,
        "the attribute categories are not those of the data set's category combo",
        "give the options of each category of the combo, no more and no less",
        "E8127",
    ),
    Code(
        "TP725",
        _E,
        "attribute options do not belong to their category",
        "check the options, and the order of the categories where none is named",
        "E8127",
    ),
    Code(
        "TP726",
        _E,
        "there is no attribute option combo for these category options",
        "update the category option combos in DHIS2's maintenance, then make a new snapshot",
        "E8127",
    ),
    Code(
        "TP727",
        _E,
        "neither aoc nor ao is given, but the data set has attributes",
        "give aoc or ao: only the default category combo goes without",
        "E8023",
    ),
    Code(
        "TP728",
        _E,
        "organisation units are not open when the periods start",
        "leave them out of these periods, or correct their opening and closed dates in DHIS2",
        "E8031",
    ),
    Code(
        "TP729",
        _E,
        "periods lie outside the dates of the attribute options",
        "leave these periods out for these options, or correct the options' dates in DHIS2",
        "E8032",
    ),
    Code(
        "TP730",
        _E,
        "attribute options are not meant for these organisation units",
        "leave these organisation units out for these options, or assign them to the options in DHIS2",
        "E8025",
    ),
    Code(
        "TP731",
        _E,
        "periods are not among the data set's input periods",
        "leave them out, or add them to the data set's input periods in DHIS2",
        "E8030",
    ),
    Code(
        "TP732",
        _E,
        "the data set's input periods are not open today",
        "import while they are open, or change their opening and closing dates in DHIS2",
        "E8030",
    ),
    Code(
        "TP733",
        _E,
        "periods lie further in the future than the data set allows",
        "leave them out, or allow more future periods in DHIS2",
        "E8030",
    ),
    Code(
        "TP734",
        _W,
        "there are several default option combos: a value stored under both counts twice in analytics",
        "move the values to one of them and delete the other; until then, name option combos by their UIDs",
    ),
    Code(
        "TP740",
        _W,
        "metadata exports disagree about an object; what was read first was taken",
        "export all from the same server at the same time",
    ),
    Code("TP741", _W, "objects of a metadata export have no identifier and were left out", "export them with their id"),
    Code(
        "TP742",
        _W,
        "values that the group was to delete were kept, because rows that are ignored name them",
        "fix these rows and import the group again",
    ),
    Code(
        "TP743",
        _E,
        "an ignored row names a part of the scope to delete that rows before it have passed: nothing is imported",
        "put the rows in order: by period, then by organisation unit",
    ),
    Code(
        "TP744",
        _W,
        "values that were written after the removal were kept: the undo does not bring back what was there before",
        "look at what is stored now; to have the older values after all, enter them",
    ),
    Code(
        "TP745",
        _E,
        "the group is an undo: it brings back into a database what an import removed from it",
        "give the file to tallyport import, with the database that it was made for",
    ),
    Code(
        "TP746",
        _E,
        "a row of an undo does not say by whom and when its value was stored",
        "give the undo file as it was written: behind the comment come stored by, created, last updated",
    ),
    Code(
        "TP747",
        _W,
        "the role must not read the list of migrations, so a later or half-migrated DHIS2 would not be noticed",
        "grant select on flyway_schema_history to it",
    ),
    # TP75x: an import
    Code(
        "TP750",
        _E,
        "rows fall on combinations that cannot be stored and were left out",
        "see the warning on the group's header: it says which combinations these are",
    ),
    Code(
        "TP751",
        _E,
        "the database knows no such period type",
        "the period type came with a later DHIS2: update DHIS2, or convert the values to another type",
    ),
    Code(
        "TP755",
        _E,
        "the user may not write data of the data set",
        "share the data set with the user for data entry, or import as another user",
        "E8010",
    ),
    Code(
        "TP756",
        _E,
        "organisation units lie outside the user's hierarchy for data capture",
        "leave them out, or give the user these organisation units in DHIS2",
        "E8011",
    ),
    Code(
        "TP757",
        _E,
        "the user may not write data of category options",
        "share the category options with the user for data entry, or import as another user",
        "E8012",
    ),
    Code(
        "TP758",
        _E,
        "periods are past the data set's expiry days",
        "leave them out, or make a lock exception in DHIS2",
        "E8030",
    ),
    Code(
        "TP759",
        _E,
        "only a superuser forces checks away",
        "leave --force out, import as a superuser, or name no user with --as",
    ),
    # TP78x: the embedded database
    Code(
        "TP780",
        _E,
        "the embedded database has no metadata yet",
        "give it with --metadata, once: a snapshot, or DHIS2's metadata export; or name a database with --database",
    ),
    Code(
        "TP781",
        _E,
        "the embedded database was made by another version of tallyport",
        "export its values with that version, and import them into another folder: --embedded",
    ),
    Code(
        "TP782",
        _E,
        "the metadata refers to what it does not hold",
        "export all of it at the same time; tallyport snapshot puts several exports together",
    ),
    Code(
        "TP783",
        _I,
        "the metadata does not say what some checks need, so they let everything pass",
        "export these fields as well, if the checks matter to you",
    ),
    Code(
        "TP784",
        _I,
        "objects of the embedded database are not in the metadata any more; they are kept for their values",
        "nothing needs to be done: new values for them are refused",
    ),
    # TP76x: an export
    Code(
        "TP785",
        _W,
        "the source reports data sets complete, and that is not sent",
        "send it over the Web API: tallyport push SOURCE --completions",
    ),
    Code(
        "TP786",
        _E,
        "the scope is not deleted, as values of the file are rejected: what is stored in their place would go",
        "correct these values, or take them out of the file",
    ),
    Code(
        "TP760",
        _E,
        "filters name what the database does not have",
        "give the UID or the code of objects that exist",
    ),
    Code(
        "TP761",
        _E,
        "values belong to objects that have no identifier in this scheme",
        "give them one in DHIS2, choose another scheme by --id-scheme, or leave them out by a filter",
    ),
    Code(
        "TP762",
        _E,
        "category options alone would be ambiguous: several category combos or option combos can be meant",
        "name option combos by --options coc, or say whose options they are by co+cc or co+ds",
    ),
    Code(
        "TP763",
        _E,
        "option combos cannot be named by category options",
        "name option combos by --options coc, or mend their categories in DHIS2",
    ),
    Code(
        "TP764",
        _E,
        "no data set holds the data elements with these option combos",
        "name option combos by --options coc or co+cc, or add the data elements to a data set in DHIS2",
    ),
    Code("TP765", _W, "no value fits the filters", "check the filters; values marked deleted come with --deleted only"),
    Code(
        "TP766",
        _E,
        "values belong to objects that share their identifier in this scheme",
        "give each its own in DHIS2, choose another scheme by --id-scheme, or leave them out by a filter",
    ),
    Code(
        "TP767",
        _E,
        "values belong to periods that have no name in ISO form",
        "leave these periods out by --period, or mend their types and dates in the database",
    ),
    Code("TP754", _E, "the data is approved", "withdraw the approval in DHIS2, or leave these values out", "E8033"),
    Code(
        "TP753",
        _E,
        "the group removes values for good, which was not confirmed",
        "confirm it with --confirm-hard-delete, or write soft in place of hard",
    ),
    Code("TP752", _E, "the user does not exist", "give the username of a DHIS2 user"),
    # TP77x: legacy files written from ADV2
    Code(
        "TP770",
        _E,
        "rows say what the format cannot, and were left out",
        "write another format: docs/formats/writing.md tells what each can state",
    ),
    Code(
        "TP771",
        _E,
        "category options have no place in the format: the group's rows were left out",
        "name option combos in their place with --metadata SNAPSHOT, or write a format that has categories",
    ),
    Code(
        "TP772",
        _E,
        "a deletion has no place in the file and was left out",
        "soft deletions of one set of periods and org units can be written as dxf-json; others are for import alone",
    ),
    Code(
        "TP773",
        _I,
        "the file does not say what is needed to read it",
        "say it when the file is read",
    ),
    Code(
        "TP774",
        _W,
        "groups of ADX name no data set, which DHIS2 from 2.43 wants to know",
        "say it with --data-set",
    ),
    Code(
        "TP775",
        _W,
        "rows give attribute options by category, which DHIS2 reads in the header of a file alone",
        "name option combos in their place with --metadata SNAPSHOT, or write adx",
    ),
    Code(
        "TP776",
        _W,
        "the category combo that the options belong to has no place in the format and was left out",
        "name option combos in its place with --metadata SNAPSHOT",
    ),
    Code(
        "TP777",
        _I,
        "cells have quotes or line ends, which DHIS2 from 2.43 misreads",
        "import the file with DHIS2 to 2.42 or with tallyport, or write dxf-json",
    ),
    Code(
        "TP778",
        _E,
        "the values need more files than can be written at a time",
        "name a folder with --output, or write fewer data sets at a time: formats with one in a file part them",
    ),
    Code(
        "TP779",
        _E,
        "metadata have no identifier for what rows name: they were left out",
        "check that the snapshot is of the same server and new, and that objects have codes of their own",
    ),
    # TP5xx: the header of an ADV2 group
    Code("TP501", _E, "the header has an unknown property", "remove it, or mend its name"),
    Code("TP502", _E, "a property occurs twice in the header", "remove one"),
    Code("TP503", _E, "the header lacks a property", "add it: de, pe, ou and size are always required"),
    Code("TP504", _E, "a property of the header has a type it cannot have", "see the format's table of properties"),
    Code("TP505", _E, "the header has two properties that exclude each other", "remove one"),
    Code("TP506", _E, "a dimension names an identifier twice", "list each identifier once"),
    Code("TP507", _E, "an identifier is not well formed", "write it in the scheme that ids names"),
    Code(
        "TP508",
        _E,
        "the header names what is no period, or not in its usual form",
        "write periods in DHIS2's ISO form, such as 202501 or 2025W3",
    ),
    Code(
        "TP509",
        _E,
        "ids names no kind or no scheme",
        "use the kinds ds de ou cc c co coc aoc and UID, CODE, NAME or ATTRIBUTE:<uid>",
    ),
    Code("TP510", _E, "something follows data", "let data be the last property of its group"),
    Code("TP511", _E, "delete says neither soft nor hard", "write soft or hard, or leave it out"),
    Code("TP512", _E, "a property of the header is empty", "name at least one identifier, or leave the property out"),
    Code("TP513", _E, "the dimensions span more keys than can be told apart", "split the group"),
    Code("TP514", _E, "size is not the number of rows", "write the file again: it was cut short or added to"),
    # TP6xx: a row of an ADV2 group
    Code("TP601", _E, "the row is not an array", "write it as [index..., value, deleted?, followup?, comment?]"),
    Code(
        "TP602",
        _E,
        "the row has too few elements",
        "give an index for each dimension with several identifiers, then the value",
    ),
    Code("TP603", _E, "the row has too many elements", "dimensions with one identifier take no place in a row"),
    Code("TP604", _E, "an index is not a whole number", "write 0 for the first identifier of the header's list"),
    Code("TP605", _E, "an index is outside the header's list", "indexes count from 0 to one below the list's length"),
    Code("TP606", _E, "the row comes too late", "order rows by period, then by org unit, as the header lists them"),
    Code("TP607", _E, "the key was given by an earlier row", "give each key once; the first row stands"),
    Code("TP608", _E, "the value has a type it cannot have", "write a text, a number, true, false or null"),
    Code(
        "TP609",
        _E,
        "a null value stands in a row that is neither deleted nor commented",
        "give a value, or mark the row deleted",
        "E8120",
    ),
    Code("TP610", _E, "the deleted flag is neither true nor false", "write true or false"),
    Code("TP611", _E, "the follow-up flag is none of true, false, null", "write true, false or null"),
    Code("TP612", _E, "the comment is no text", "write a text or null"),
    Code("TP613", _E, "a text holds a character that cannot be stored", "remove NUL and lone surrogates"),
    # TP8xx: the outside
    Code("TP801", _E, "the output cannot be written", "check space and permissions, then run the same command again"),
    Code("TP802", _E, "memory ran out", "close other programs, or lower --memory and --jobs"),
    Code("TP803", _E, "the run was interrupted; nothing half-done is left", "run the same command again to go on"),
    Code("TP804", _E, "tallyport itself failed", "please report it, with what was printed on stderr"),
    Code(
        "TP805",
        _E,
        "the database failed",
        "nothing half-done is left: run the same command again, what is already there is not written twice",
    ),
    Code("TP806", _E, "the database cannot be reached", "check the URL, and that the server runs and lets you in"),
    Code("TP807", _E, "the embedded PostgreSQL cannot be started", "name a database with --database"),
    Code(
        "TP808",
        _E,
        "the database is not one of DHIS2 2.42 or 2.43",
        "check the URL: it must lead to DHIS2's own database, in a version that is known",
    ),
    Code("TP809", _E, "a part of tallyport is not installed", "install it with pip install 'tallyport[postgres]'"),
    # TP85x to TP87x: a DHIS2 server
    Code("TP850", _E, "the server cannot be reached", "check the URL, the network, and that the server runs"),
    Code("TP851", _E, "the server did not answer in time", "run it again later, or give it more time with --timeout"),
    Code(
        "TP852",
        _E,
        "the connection broke",
        "run the same command again: what the server has taken is not lost, a push goes on where it stopped",
    ),
    Code("TP853", _E, "the server does not take the credentials", "check the profile: name and password, or the token"),
    Code("TP854", _E, "the user may not do this", "ask for the authority in DHIS2, or use another user's credentials"),
    Code("TP855", _E, "the server refuses the request", "see what it says"),
    Code("TP856", _E, "the server failed", "see what it says and the server's log, then run the same command again"),
    Code(
        "TP857",
        _E,
        "the answer is not one of DHIS2",
        "check that the URL leads to DHIS2 itself, with its path, such as https://host/dhis",
    ),
    Code(
        "TP858",
        _E,
        "the server leads elsewhere",
        "credentials are not sent on: if you trust the place, give it as the URL",
    ),
    Code("TP859", _E, "the server's version is not one that is known", "use DHIS2 2.41 or later"),
    Code(
        "TP860",
        _E,
        "the job did not end in time",
        "it goes on at the server: look at its progress there, or wait longer",
    ),
    Code("TP861", _E, "the job failed", "see what it says and the server's log"),
    Code("TP862", _E, "the profiles' file cannot be read", "write it in TOML, readable for you alone"),
    Code(
        "TP863",
        _E,
        "a check of data integrity could not be made",
        "see what it says and the server's log: its issues are not known",
    ),
    Code(
        "TP864",
        _W,
        "the server has no result of data integrity checks",
        "run them first with tallyport integrity run: it keeps results for an hour",
    ),
    Code(
        "TP865",
        _E,
        "category option combos are missing",
        "check the options of its categories, then run tallyport maintenance coc again",
    ),
    Code(
        "TP866",
        _E,
        "the import failed at the server, which does not say which values it took",
        "see what it says, then run the same command again: values that were not acknowledged are sent again",
    ),
    Code(
        "TP867",
        _E,
        "the server's counts do not add up to the values it was sent",
        "check that the URL leads to DHIS2 itself, then run the same command again: these values are sent again",
    ),
    Code(
        "TP868",
        _E,
        "the server was away, and does not go on with the job",
        "start it again: what it had done until then may be there",
    ),
    Code("TP870", _E, "the server rejected values", "correct them, or what they refer to; all others were taken"),
    Code(
        "TP871",
        _E,
        "the server rejected a whole chunk",
        "correct what it names, then push again: none of these values was taken",
    ),
    Code(
        "TP872",
        _W,
        "the server ignored values without saying which or why",
        "compare them with what the server has, and push them again if they are missing there",
    ),
    Code("TP873", _E, "no data set has the data element", "add it to a data set, or name the data set by ds", "E8003"),
    Code(
        "TP874",
        _E,
        "the group cannot be sent to this server",
        "use a server of a later version, or write to its database with tallyport import",
    ),
    Code(
        "TP875",
        _E,
        "no option combo has these category options",
        "check the options, and that option combos are complete: tallyport maintenance coc",
        "E8108",
    ),
    Code("TP876", _E, "the server rejected completions", "correct what it names, then push again"),
    Code("TP877", _E, "the journal of a push is damaged", "remove it: then all is sent again, which changes nothing"),
    Code(
        "TP878",
        _E,
        "a group that deletes its scope first has rows that cannot be written: nothing of it is sent",
        "correct or remove these rows, then push again: what they name would stay deleted",
    ),
    Code(
        "TP879",
        _W,
        "stored comments and follow-up flags may be cleared, as the user may not read them",
        "push as a user who may read data of these organisation units: then they are kept",
    ),
    Code("TP880", _E, "the tool writes, which is not allowed", "start the server with tallyport mcp --allow-writes"),
    Code("TP886", _E, "another run pushes the same values to this server", "wait for it to end"),
    Code(
        "TP887",
        _I,
        "it is not known what became of a chunk: it is sent again",
        "nothing to do: a value that is written twice is the same value",
    ),
    Code("TP888", _E, "the server did not delete what the group's scope names", "see what it says, then push again"),
    Code("TP889", _E, "the completions cannot be read", "convert the source again, or push without --completions"),
    # TP9xx: usage and safety
    Code("TP900", _E, "the command cannot be understood", "see --help"),
    Code("TP901", _E, "the output exists", "choose another folder, or replace it with --overwrite"),
    Code("TP902", _E, "another run is at work in the output folder", "wait for it to end"),
    Code("TP903", _E, "the user is disabled", "enable the user in DHIS2, or name another"),
    Code(
        "TP904",
        _E,
        "the user must not add data values",
        "give one of the user's roles the authority F_DATAVALUE_ADD in DHIS2, or name another user",
    ),
    Code(
        "TP905",
        _E,
        "the database is of a later DHIS2 than is known",
        "update tallyport; if the tables of values are those of 2.43 still, say so by --assume 2.43",
    ),
    Code(
        "TP906",
        _E,
        "a migration of the database has failed: its tables may be half of one release and half of another",
        "have DHIS2 complete it; if the tables of values are whole, say of which release by --assume 2.42 or 2.43",
    ),
    Code(
        "TP907", _E, "the tables are not those of the release that is to be assumed", "name the right one by --assume"
    ),
    Code("TP910", _E, "the server does not know you", "open the address that tallyport serve printed, or send its key"),
    Code("TP911", _E, "the request is for another host", "use the address that tallyport serve printed"),
    Code("TP912", _E, "the request comes from another site", "use the page of tallyport serve itself"),
    Code("TP913", _E, "the file is too large", "compress it, split it, or start the server with a higher --limit"),
    Code("TP914", _E, "there is no such thing", "it may have been removed: see the list of jobs"),
    Code("TP915", _E, "the request cannot be understood", "see the interface's description, /api/openapi.json"),
    Code("TP916", _E, "that cannot be done to this", "see the interface's description, /api/openapi.json"),
    Code(
        "TP917",
        _E,
        "the dry run was of something else",
        "make a new dry run: files, options or target are not what they were",
    ),
    Code("TP918", _E, "the job is not where this can be done", "look at its state, and wait for it to end"),
    Code("TP919", _E, "values would be removed for good", "confirm it by the target's name"),
    Code(
        "TP920",
        _E,
        "the job was cancelled",
        "what it was writing was taken back, groups written before that stay: run it again to complete them",
    ),
    Code("TP921", _E, "the job took too long", "split the file, or give the server more time with --job-minutes"),
    Code(
        "TP922",
        _E,
        "the job's process ended without a word",
        "nothing half-done is left: run it again; if it ends so again, memory may not suffice for the file",
    ),
    Code("TP923", _E, "the upload broke off", "send the file again"),
    Code("TP924", _E, "another server uses this folder", "use its page, stop it, or name another --folder"),
    Code("TP925", _E, "the port cannot be listened on", "choose another one with --port"),
    Code("TP926", _E, "too many jobs are waiting", "wait for some to end"),
    Code("TP930", _E, "the server is stopping", "start it again, then send the file again"),
    Code(
        "TP931",
        _W,
        "values become ten times as much or more, or a tenth or less",
        "look at them before you write: they come first in the list of changes",
    ),
)
"""Every code there is, by code."""
