"""docs/findings.md is what the table of codes says."""

from __future__ import annotations

import re

from support.places import ROOT
from tallyport_schemas.finding_codes import CODES
from tallyport_schemas.findings_page import page

PAGE = ROOT / "docs" / "findings.md"


def test_page_of_findings_is_up_to_date() -> None:
    told = "write it anew: python -m tallyport_schemas.findings_page > docs/findings.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_code_has_its_entry_once() -> None:
    assert re.findall(r"^### (\w+)$", page(), flags=re.MULTILINE) == sorted(CODES)


def test_codes_say_what_is_the_matter_and_what_to_do() -> None:
    for name, code in CODES.items():
        assert name == code.code
        for text in (code.message, code.help):
            assert text
            assert not text.endswith(".")
