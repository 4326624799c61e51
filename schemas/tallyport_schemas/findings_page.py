"""The page of all findings, docs/findings.md, written from the table of codes.

python -m tallyport_schemas.findings_page > docs/findings.md
"""

from __future__ import annotations

import sys

from tallyport_schemas.finding_codes import CODES, Code

RANGES = (
    (
        "TP1",
        "The source as a whole",
        "The file cannot be read, or not trusted. Nothing is written for it; other sources of the same run are. "
        "The run ends with exit code 3.",
    ),
    (
        "TP2",
        "A value that does not fit its data element",
        "DHIS2 would refuse the value: it does not fit the value type, or is not an option of the option set. Its row "
        "is ignored, all other rows are used. The run ends with exit code 1.",
    ),
    (
        "TP3",
        "A value that was rejected",
        "One value cannot be converted. It goes to `rejects.ndjson` with its place, the reason and its own fields; all "
        "other values are written. The run ends with exit code 1; with `--strict` the source is not written at all.",
    ),
    (
        "TP4",
        "A reading that was chosen",
        "The file can be read in more than one way, or holds what ADV2 cannot carry. The value was written, and the "
        "finding says how it was read. It is given once for all values it concerns, in `manifest.json` and on the "
        "screen. A warning makes the run end with exit code 1, an info does not.",
    ),
    (
        "TP5",
        "The header of an ADV2 group",
        "The header, or `size`, does not follow [the format](adv2-format.md). The group fails: none of its rows is "
        "accepted. The run ends with exit code 3.",
    ),
    (
        "TP6",
        "A row of an ADV2 group",
        "The row does not follow [the format](adv2-format.md). It is ignored, all other rows are used. The run ends "
        "with exit code 1.",
    ),
    (
        "TP7",
        "A header against the metadata",
        "Objects that the header of an ADV2 group names do not exist in the metadata, or do not belong together. Each "
        "finding lists all of them. An error fails the group: none of its rows is accepted. A warning says that the "
        "rows decide: part of what the header spans cannot be written.",
    ),
    (
        "TP8",
        "The outside failed",
        "Nothing is half-done: run the same command again. The exit code is 4. From TP863 on, a DHIS2 server reports "
        "on its data or on pushed values: then the exit code is 1, or 3 if it accepted nothing.",
    ),
    ("TP9", "Usage and safety", "Nothing was started. The exit code is 2 for TP900, and 5 for the others."),
)

_HEAD = """\
# Findings

Everything tallyport reports about data is a *finding* with a stable code: on the screen, in `manifest.json`, in
`rejects.ndjson`, with `--json` and in Python. `tallyport explain TP304` prints an entry of this page.

A finding is a JSON object without the keys that do not apply
([schema](../schemas/tallyport_schemas/json/finding.schema.json)):

| key | is |
|---|---|
| `code`, `severity` | the kind of finding; `error`, `warning` or `info` |
| `message`, `help` | what is wrong, and what to do |
| `source` | the file's name |
| `row` | index of the value in its source, counted from 0; the first of several |
| `line` | the line on which that row starts in the file, counted from 1; not for PDF forms |
| `sheet_row` | CSV only: the row in a spreadsheet, which differs after a cell with line ends |
| `keys` | the row's `dataElement`, `period` and `orgUnit`, as the file names them |
| `field` | the field, column, attribute or header property |
| `found`, `expected` | what is there (at most 200 characters of it), and what should be |
| `count` | how many values share the finding |
| `groups` | how many ADV2 groups share it, where several do |
| `original` | in `rejects.ndjson`: the row's own fields |

This page is generated from the table of codes: `python -m tallyport_schemas.findings_page > docs/findings.md`.
"""


def _markdown(text: str) -> str:
    return text.replace("<", "\\<")


def _entry(code: Code) -> str:
    lines = [f"### {code.code}", "", f"**{code.severity}**: {_markdown(code.message)}"]
    lines += ["", f"What to do: {_markdown(code.help)}."]
    if code.dhis2:
        lines += ["", f"DHIS2's own code: {code.dhis2}."]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page as Markdown: a section for each range of codes, an anchor for each code."""
    parts = [_HEAD]
    for start, title, about in RANGES:
        codes = [code for name, code in sorted(CODES.items()) if name.startswith(start)]
        index = ["| code | severity | message |", "|---|---|---|"]
        index += [f"| [{c.code}](#{c.code.lower()}) | {c.severity} | {_markdown(c.message)} |" for c in codes]
        parts.append("\n".join([f"## {title}", "", about, "", *index]) + "\n")
        parts += [_entry(code) for code in codes]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.buffer.write(page().encode())
