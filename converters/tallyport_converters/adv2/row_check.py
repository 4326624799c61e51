"""Rows of an ADV2 group: what a header and its metadata allow them, made once a group, and what is wrong with them.

The scanner judges each row by this; what only Python can judge it is asked once for each distinct text of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tallyport_converters.adv2.file import Adv2File, RowBlock
from tallyport_converters.adv2.header_form import json_text, place_names
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.native.abi import Flaw, ValueRule
from tallyport_converters.native.adv2 import KEY_BYTES, RowForm, Run
from tallyport_converters.readers.dxf_json import loads
from tallyport_schemas.finding import Finding, finding
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.value_types import (
    COMMENT_LIMITS,
    FILE_TYPES,
    NUMERIC_RULES,
    Problem,
    ValueType,
    check,
    check_comment,
    check_file,
    check_options,
    normalise,
)

Refused = Mapping[int, Mapping[int, Finding]]
"""Identifiers of a header that no row may name, and why: by place of the rows' indexes, then by index."""

_UNBOUNDED = 1 << 62
_FREE = frozenset({ValueType.TEXT, ValueType.LONG_TEXT, ValueType.REFERENCE, ValueType.GEOJSON})

_CODES = {
    Flaw.NO_ARRAY: "TP601",
    Flaw.TOO_SHORT: "TP602",
    Flaw.TOO_LONG: "TP603",
    Flaw.INDEX_TYPE: "TP604",
    Flaw.INDEX_RANGE: "TP605",
    Flaw.ORDER: "TP606",
    Flaw.REPEATED: "TP607",
    Flaw.VALUE_TYPE: "TP608",
    Flaw.VALUE_NULL: "TP609",
    Flaw.TEXT_LONG: "TP216",
    Flaw.UNSTORABLE: "TP613",
    Flaw.DELETED_TYPE: "TP610",
    Flaw.FOLLOWUP_TYPE: "TP611",
    Flaw.COMMENT_TYPE: "TP612",
    Flaw.COMMENT_LONG: "TP222",
    Flaw.STAMP: "TP746",
}


_AS_STORED = RowRules(generation=Generation.V42)
"""Rules for the rows of an undo: whatever was stored comes back."""

_OF_ROWS = frozenset({Flaw.NO_ARRAY, Flaw.TOO_SHORT, Flaw.TOO_LONG, Flaw.ORDER, Flaw.REPEATED})
"""Flaws that are about no single element."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """The checks of one group's rows. `fields` names the elements of a row; `form` is what the scanner is given.

    `refused`: by element, why rows may not name what an index stands for.
    """

    form: RowForm
    fields: Sequence[str]
    sizes: Sequence[int]
    check_value: Callable[[str], Problem | None]
    check_comment: Callable[[str | None], Problem | None] | None
    refused: Refused = field(default_factory=dict)

    def judge(self, block: RowBlock) -> None:
        """Have the scanned rows of a block accepted or ignored."""
        values = comments = None
        no_comment = 0
        if self.form.rule is ValueRule.JUDGED:
            values = _verdicts(map(self.check_value, block.rows.texts()))
        if self.check_comment:
            comments = _verdicts(map(self.check_comment, block.rows.texts(comments=True)))
            (no_comment,) = _verdicts([self.check_comment(None)])
        block.rows.judge(values, comments, no_comment=no_comment)

    def findings(self, block: RowBlock, source: str | None = None) -> Iterator[Finding]:
        """Yield what is wrong with the rows of a judged block: one finding for neighbours that share a flaw."""
        for run in block.rows.runs():
            yield self._finding(run, bytes(block.block[run.span]), source)

    def _finding(self, run: Run, text: bytes, source: str | None) -> Finding:
        count = run.count if run.count > 1 else None
        if run.flaw is Flaw.REFUSED:
            return replace(self.refused[run.position][run.mark], source=source, row=run.row, count=count)
        if run.flaw in _OF_ROWS:
            expected = None
            if run.flaw is Flaw.ORDER:
                expected = f"a place at or after that of row {run.mark:,}, where the rows had come to"
            elif run.flaw is not Flaw.REPEATED:
                expected = f"[{', '.join(self.fields[: len(self.sizes) + 1])}, ...]"
            found = text.decode(errors="replace")
            return finding(_CODES[run.flaw], source=source, row=run.row, found=found, expected=expected, count=count)
        row = loads(text)
        element = row[run.position] if run.position < len(row) else None
        code, expected = self._refusal(run, element)
        found = "no comment" if code == "TP221" else _shown(element)
        return finding(
            code,
            source=source,
            row=run.row,
            field=self.fields[run.position],
            found=found,
            expected=expected,
            count=count,
        )

    def _refusal(self, run: Run, element: object) -> tuple[str, str | None]:
        """Return the code for an element that was refused, by the scanner or by `judge`, and what is expected."""
        if run.flaw in _CODES:
            return _CODES[run.flaw], f"0 to {self.sizes[run.position] - 1}" if run.position < len(self.sizes) else None
        if run.flaw is Flaw.JUDGED_COMMENT and self.check_comment:
            problem = self.check_comment(element if isinstance(element, str) else None)
        else:
            problem = self.check_value(_shown(element))
        assert problem, f"refused, but nothing is wrong with it: {element!r}"
        return problem.code, problem.expected


def _verdicts(problems: Iterable[Problem | None]) -> bytes:
    """Return a number for each problem, the same for the same code; 0 where there is none."""
    return bytes(0 if problem is None else int(problem.code.removeprefix("TP2")) for problem in problems)


def _shown(element: object) -> str:
    """Return a JSON value as a finding shows it: texts as they are, all else as JSON."""
    return str(element) if isinstance(element, str) else json_text(element)


class RowFindings:
    """Findings about the rows of one group, as they come: neighbours that share a flaw are one.

    A file may be made of nothing but flaws, in a few bytes each. Beyond what is in proportion to its size there is one
    more finding for each kind, which comes last, with the number of rows and the first of them.
    """

    def __init__(self, file: Adv2File) -> None:
        self._file = file
        self._waiting: Finding | None = None
        self._more: dict[tuple[str, str | None], Finding] = {}

    def add(self, found: Finding) -> Iterator[Finding]:
        """Take the next one; yields what no later row can share any more."""
        whole = joined(self._waiting, found) if self._waiting else None
        if not whole:
            yield from self._told()
        self._waiting = whole or found

    def rest(self) -> Iterator[Finding]:
        """Yield what is left at the end of the rows."""
        yield from self._told()
        yield from self._more.values()
        self._more.clear()

    def _told(self) -> Iterator[Finding]:
        found, self._waiting = self._waiting, None
        if found is None:
            return
        if self._file.may_tell():
            yield found
            return
        kind = (found.code, found.field)
        before = self._more.get(kind)
        self._more[kind] = replace(before, count=(before.count or 1) + (found.count or 1)) if before else found


def joined(one: Finding, other: Finding) -> Finding | None:
    """Return one finding for both if they are about one flaw of neighbouring rows: blocks must not show in findings."""
    count = one.count or 1
    if _flaw(one) != _flaw(other) or one.row is None or one.row + count != other.row:
        return None
    return replace(one, count=count + (other.count or 1))


def _flaw(found: Finding) -> tuple[str, str | None, str | None]:
    return found.code, found.field, found.expected


def row_check(
    header: GroupHeader,
    rules: RowRules | None,
    refused: Refused = MappingProxyType({}),
    *,
    apart: bool = False,
    memory_bytes: int = KEY_BYTES,
) -> RowCheck:
    """Make the checks for a header's rows; without metadata values are free.

    `refused`: identifiers that rows may not name, by place. `apart`: every row has a finding of its own. Finding
    repeats takes at most `memory_bytes`; rows beyond it end the reading of their file (TP224).
    """
    names = ["pe", "ou"]
    for combo, combos, option, options in (("coc", header.coc, "co", header.co), ("aoc", header.aoc, "ao", header.ao)):
        if options:
            names += place_names(option, options)
        elif combos:
            names.append(combo)
    taken = [
        (place, name, size) for place, (name, size) in enumerate(zip(names, header.places, strict=True)) if size > 1
    ]
    by_element = {element: refused[place] for element, (place, *_) in enumerate(taken) if place in refused}
    sizes = [size for *_, size in taken]
    block_places = sum(name in ("pe", "ou") for _, name, _ in taken)
    fields = [*(name for _, name, _ in taken), "value", "deleted", "followup", "comment"]
    if header.undo is not None:
        rules = _AS_STORED
        fields += ["stored by", "created", "last updated"]
    rule, minimum, maximum = _value_rule(rules)
    codes = rules.comment_codes if rules else None
    marks = {element: bytes(at in why for at in range(sizes[element])) for element, why in by_element.items()}
    generation = rules.generation if rules else Generation.V43
    limit = COMMENT_LIMITS[generation]
    form = RowForm(
        sizes,
        block_places,
        rule,
        minimum,
        maximum,
        codes is not None,
        limit,
        marks,
        apart,
        memory_bytes,
        header.undo is not None,
    )
    told = (lambda text: check_comment(text, codes, generation)) if codes is not None else None
    return RowCheck(form, fields, sizes, _value_check(rules), told, by_element)


def _value_rule(rules: RowRules | None) -> tuple[ValueRule, int, int]:
    """Return how the scanner judges values: by itself where it can."""
    if rules is None:
        return ValueRule.NONE, 0, 0
    kind = _kind(rules)
    if rules.option_codes is not None or (kind in FILE_TYPES and rules.file_resources is not None):
        return ValueRule.JUDGED, 0, 0
    if kind and kind in NUMERIC_RULES:
        numeric = NUMERIC_RULES[kind]
        low = -_UNBOUNDED if numeric.minimum is None else numeric.minimum
        high = _UNBOUNDED if numeric.maximum is None else numeric.maximum
        whole = ValueRule.DIGITS if rules.generation is Generation.V42 else ValueRule.INTEGER
        return whole if numeric.kind == "integer" else ValueRule.NUMBER, low, high
    return (ValueRule.NONE if kind is None or kind in _FREE else ValueRule.JUDGED), 0, 0


def _kind(rules: RowRules | None) -> ValueType | None:
    if rules is None or rules.value_type is None:
        return None
    try:
        return ValueType(rules.value_type)
    except ValueError:
        return None  # a type of a later DHIS2: nothing is known of it


def _value_check(rules: RowRules | None) -> Callable[[str], Problem | None]:
    if rules is None:
        return lambda _: None
    kind, options, of = _kind(rules), rules.option_codes, rules.generation
    files = rules.file_resources if kind in FILE_TYPES else None

    def told(text: str) -> Problem | None:
        problem = check(kind, text, of) if kind else None
        if problem is None and (files is not None or options is not None):
            stored = normalise(kind, text, of) if kind else text
            if files is not None:
                problem = check_file(files, stored)
            if problem is None and options is not None:
                problem = check_options(options, stored, rules.multi)
        return problem

    return told
