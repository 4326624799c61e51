"""The page of all findings, docs/findings.md, written from the table of codes.

python -m tallyport_schemas.findings_page > docs/findings.md
"""

from __future__ import annotations

import sys

from tallyport_schemas.finding_codes import RANGES, Code

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
| `sheet`, `cell` | workbooks only: the name of the sheet, and the cell, such as B7 |
| `sheet_row` | workbooks and CSV: the row in a spreadsheet; it differs from `line` after a cell with line ends |
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
    for of_range in RANGES:
        index = ["| code | severity | message |", "|---|---|---|"]
        index += [f"| [{c.code}](#{c.code.lower()}) | {c.severity} | {_markdown(c.message)} |" for c in of_range.codes]
        parts.append("\n".join([f"## {of_range.title}", "", of_range.about, "", *index]) + "\n")
        parts += map(_entry, of_range.codes)
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.buffer.write(page().encode())
