"""Rows of an ADV2 group: what a header and its metadata allow them, made once a group, and what is wrong with them.

The scanner judges each row by this; what only Python can judge it is asked once for each distinct text of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tallyport.validate.rules import RowRules
from tallyport_converters.adv2_reading import RowBlock
from tallyport_converters.native.adv2 import Flaw, RowForm, Run, ValueRule
from tallyport_converters.readers.dxf_json import loads
from tallyport_schemas.findings import Finding, finding
from tallyport_schemas.header import GroupHeader
from tallyport_schemas.value_types import (
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
}


@dataclass(frozen=True, slots=True)
class RowCheck:
    """The checks of one group's rows. `fields` names the elements of a row; `form` is what the scanner is given."""

    form: RowForm
    fields: Sequence[str]
    sizes: Sequence[int]
    check_value: Callable[[str], Problem | None]
    check_comment: Callable[[str | None], Problem | None] | None

    def judge(self, block: RowBlock) -> None:
        """Have the scanned rows of a block accepted or ignored."""
        values = comments = None
        if self.form.rule is ValueRule.JUDGED:
            values = bytes(self.check_value(text) is not None for text in block.rows.texts())
        if self.check_comment:
            told = self.check_comment
            comments = bytes(told(text) is not None for text in block.rows.texts(comments=True))
        block.rows.judge(values, comments, needs_comment=self.check_comment is not None)

    def findings(self, block: RowBlock) -> Iterator[Finding]:
        """Yield what is wrong with the rows of a judged block: one finding for neighbours that share a flaw."""
        for run in block.rows.runs():
            yield self._finding(run, bytes(block.block[run.span]))

    def _finding(self, run: Run, text: bytes) -> Finding:
        row = loads(text)
        count = run.count if run.count > 1 else None
        element = row[run.position] if isinstance(row, list) and run.position < len(row) else None
        field = self.fields[run.position] if run.position < len(self.fields) else None
        is_index = run.position < len(self.sizes)
        found, expected = text.decode(errors="replace"), None
        if run.flaw in (Flaw.TOO_SHORT, Flaw.TOO_LONG, Flaw.NO_ARRAY):
            field, expected = None, f"[{', '.join(self.fields[: len(self.sizes) + 1])}, ...]"
        elif run.flaw in (Flaw.ORDER, Flaw.REPEATED):
            field = None
            if run.flaw is Flaw.ORDER:
                expected = f"a place at or behind that of row {run.mark:,}, where the rows had come to"
        elif is_index:
            found = _json_text(element)
            expected = f"0 to {self.sizes[run.position] - 1}"
        else:
            found = _json_text(element)
        code = _CODES.get(run.flaw)
        if code is None:
            problem = self._problem(run.flaw, row, element)
            code, expected = problem.code, problem.expected
            if run.flaw is Flaw.JUDGED_COMMENT and element is None:
                found = "no comment"
        return finding(code, row=run.row, field=field, found=found, expected=expected, count=count)

    def _problem(self, flaw: Flaw, row: object, element: object) -> Problem:
        """Return what Python says of a text that was refused, by the scanner or by `judge`."""
        del row
        if flaw is Flaw.JUDGED_COMMENT:
            assert self.check_comment
            problem = self.check_comment(element if isinstance(element, str) else None)
        else:
            problem = self.check_value(_json_text(element) if isinstance(element, bool) else str(element))
        assert problem, f"the scanner refuses what is right: {element!r}"
        return problem


def _json_text(element: object) -> str:
    """Return a JSON value as a finding shows it: texts and numbers as they are, words as JSON has them."""
    if element is None:
        return "null"
    if isinstance(element, bool):
        return "true" if element else "false"
    return str(element)


def row_check(header: GroupHeader, rules: RowRules | None) -> RowCheck:
    """Make the checks for a header's rows; without metadata values are free."""
    names = ["pe", "ou"]
    for dimension, identifiers, options in (("coc", header.coc, header.co), ("aoc", header.aoc, header.ao)):
        if options:
            short = "co" if dimension == "coc" else "ao"
            labels = options.categories or [str(i) for i in range(len(options.options))]
            names += [f"{short}.{label}" for label in labels]
        elif identifiers:
            names.append(dimension)
    placed = [(name, size) for name, size in zip(names, header.places, strict=True) if size > 1]
    sizes = [size for _, size in placed]
    block_places = sum(name in ("pe", "ou") for name, _ in placed)
    fields = [*(name for name, _ in placed), "value", "deleted", "followup", "comment"]
    rule, minimum, maximum = _value_rule(rules)
    codes = rules.comment_codes if rules else None
    form = RowForm(sizes, block_places, rule, minimum, maximum, codes is not None)
    told = (lambda text: check_comment(text, codes)) if codes is not None else None
    return RowCheck(form, fields, sizes, _value_check(rules), told)


def _value_rule(rules: RowRules | None) -> tuple[ValueRule, int, int]:
    """Return how the scanner judges values: by itself where it can."""
    kind = _kind(rules)
    if rules is None or kind is None:
        return ValueRule.NONE, 0, 0
    if rules.option_codes is not None or (kind in FILE_TYPES and rules.file_resources is not None):
        return ValueRule.JUDGED, 0, 0
    if kind in NUMERIC_RULES:
        numeric = NUMERIC_RULES[kind]
        low = -_UNBOUNDED if numeric.minimum is None else numeric.minimum
        high = _UNBOUNDED if numeric.maximum is None else numeric.maximum
        return ValueRule.INTEGER if numeric.kind == "integer" else ValueRule.NUMBER, low, high
    return (ValueRule.NONE if kind in _FREE else ValueRule.JUDGED), 0, 0


def _kind(rules: RowRules | None) -> ValueType | None:
    if rules is None or rules.value_type is None:
        return None
    try:
        return ValueType(rules.value_type)
    except ValueError:
        return None  # a type of a later DHIS2: nothing is known of it


def _value_check(rules: RowRules | None) -> Callable[[str], Problem | None]:
    kind = _kind(rules)
    if rules is None or kind is None:
        return lambda _: None

    def told(text: str) -> Problem | None:
        problem = check(kind, text)
        if problem:
            return problem
        stored = normalise(kind, text)
        if rules.option_codes is not None:
            return check_options(rules.option_codes, stored, rules.multi)
        if kind in FILE_TYPES and rules.file_resources is not None:
            return check_file(rules.file_resources, stored)
        return None

    return told
