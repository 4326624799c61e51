"""`tallyport explain`: what a finding means and what to do; a list of all findings, and a search in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

import click

from tallyport.cli.talk import json_option, print_document
from tallyport_schemas.finding_codes import CODES, RANGES, Code


@click.command("explain")
@click.argument("words", nargs=-1, metavar="[CODE|WORD...]")
@json_option()
def command(words: tuple[str, ...], as_json: bool) -> None:
    """Explain a finding by its code; list or search all findings.

    \b
    Examples:
      tallyport explain TP304
      tallyport explain                  all findings, in groups
      tallyport explain category combo   those that have all these words
    """
    if len(words) == 1 and re.fullmatch(r"(?i)tp\d*", words[0]):
        code = _code(words[0].upper())
        if as_json:
            print_document(code.as_json())
        else:
            _explain(code)
        return
    found = [code for code in CODES.values() if _has_all(code, words)]
    if not found:
        raise click.UsageError(f"no finding has the words {' '.join(words)}; tallyport explain lists all findings")
    if as_json:
        print_document({"findings": [code.as_json() for code in found]})
    else:
        _list(found)


def _code(asked: str) -> Code:
    if asked not in CODES:
        near = get_close_matches(asked, CODES, n=3, cutoff=0.8)
        hint = f"did you mean {' or '.join(near)}?" if near else "tallyport explain lists all findings"
        raise click.UsageError(f"{asked} is not the code of a finding; {hint}")
    return CODES[asked]


def _explain(code: Code) -> None:
    click.echo(f"{code.code} ({code.severity})\n\n  {code.message}\n\n  help: {code.help}")
    if code.dhis2:
        click.echo(f"  DHIS2: {code.dhis2}")


def _has_all(code: Code, words: Iterable[str]) -> bool:
    text = " ".join(map(str, code.as_json().values())).casefold()
    return all(word.casefold() in text for word in words)


def _list(codes: list[Code]) -> None:
    for of_range in RANGES:
        found = [code for code in of_range.codes if code in codes]
        if found:
            click.echo(f"{of_range.start}xx {of_range.title}")
        for code in found:
            click.echo(f"  {code.code}  {code.severity:<7}  {code.message}")
