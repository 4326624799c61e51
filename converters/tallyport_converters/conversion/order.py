"""What a source's distinct identifiers mean, once all of it was read: order, header's stand-ins, group shapes.

Works on distinct texts only, never on rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tallyport_converters.model import periods
from tallyport_converters.model.combos import DEFAULT, Combo, ComboForm, KnownCategories, Shape, decode, within
from tallyport_converters.model.field_names import is_reference
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.abi import NO_RANK, Kind
from tallyport_converters.native.dictionaries import Dictionaries
from tallyport_converters.native.split import Meaning
from tallyport_converters.readers.reader import Reader, ReadPeriod
from tallyport_schemas.finding import Finding, finding

PERIOD_NOTES = ("", "TP406", "TP414")
"""Findings about how a period was read, by the number that the scanner's rows carry."""


_OPERAND = re.compile(r"[A-Za-z][A-Za-z0-9]{10}(?:\.(?:[A-Za-z][A-Za-z0-9]{10}|\*)){1,2}")
"""An operand of DHIS2's analytics: a data element, and after points its option combo and attribute option combo."""

OPERANDS_NAMED = 20


@dataclass(frozen=True, slots=True)
class CombosInOrder:
    """Combos by rank (0: none given) and their shapes, which are ranked alike."""

    combos: Sequence[Combo]
    shapes: Sequence[Shape]
    shape_of: Sequence[int]
    rank_by_id: Sequence[int]
    header_rank: int


@dataclass(frozen=True, slots=True)
class Identifiers:
    """All identifiers of a source in the order they are written in; `meaning` is the same for the scanner.

    `of_element`: by a data element's id, its own ones, where what it has no category for is to be skipped.
    """

    elements: Sequence[str]
    periods: Sequence[str]
    org_units: Sequence[str]
    option_combos: CombosInOrder
    attribute_combos: CombosInOrder
    data_sets: Sequence[str]
    meaning: Meaning
    findings: Sequence[Finding]
    of_element: Callable[[int], Identifiers] | None = None


def _ranks(texts: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    ordered = sorted(set(texts))
    return ordered, {text: rank for rank, text in enumerate(ordered)}


@dataclass(frozen=True, slots=True)
class Names:
    """What the distinct identifiers of a source stand for, in the order of its dictionaries."""

    elements: Sequence[str]
    periods: Sequence[ReadPeriod | None]
    org_units: Sequence[str]
    option_combos: Sequence[Combo]
    attribute_combos: Sequence[Combo]
    data_sets: Sequence[str]


Naming = Callable[[Dictionaries], Names]
"""How dictionaries that do not hold identifiers themselves are read."""


def _as_written(dictionaries: Dictionaries, reader: Reader) -> Names:
    """Read dictionaries that hold what a file has."""

    def texts(kind: Kind) -> list[str]:
        return [text.decode() for text in dictionaries.texts(kind)]

    return Names(
        texts(Kind.DE),
        [reader.period(text) for text in texts(Kind.PE)],
        texts(Kind.OU),
        [decode(text) for text in dictionaries.texts(Kind.COC)],
        [decode(text) for text in dictionaries.texts(Kind.AOC)],
        texts(Kind.DS),
    )


def _combos(decoded: Sequence[Combo], header: Combo) -> CombosInOrder:
    combos = sorted({DEFAULT, header, *decoded})
    shapes = sorted({combo.shape for combo in combos})
    rank = {combo: i for i, combo in enumerate(combos)}
    shape_rank = {shape: i for i, shape in enumerate(shapes)}
    return CombosInOrder(
        combos,
        shapes,
        [shape_rank[combo.shape] for combo in combos],
        [0, *(rank[combo] for combo in decoded)],
        NO_RANK if header == DEFAULT else rank[header],
    )


def _references(field: str, combos: Iterable[Combo]) -> Iterable[Finding]:
    """Say of what should be category options that it looks like a reference to metadata."""
    found = {combo for combo in combos if combo.shape.form is ComboForm.MAP and is_reference(combo.shape.names)}
    if found:
        first = min(found)
        text = json.dumps(dict(zip(first.shape.names, first.options, strict=True)), ensure_ascii=False)
        yield finding("TP425", field=field, found=text, expected="the identifier as a text")


def understand(
    dictionaries: Dictionaries,
    reader: Reader,
    header: Header,
    data_set: str | None,
    naming: Naming | None = None,
    known: KnownCategories | None = None,
) -> Identifiers:
    """Give order and meaning to all that a source named; `data_set` is used where its header names none.

    `known`: where given, options of categories that a data element or data set has not are skipped.
    """
    names = naming(dictionaries) if naming else _as_written(dictionaries, reader)
    findings: list[Finding] = []
    header_period = periods.parse(header.period) if header.period else None
    if header.period and not header_period:
        expected = periods.explain(header.period)
        findings.append(finding("TP417", field="period", found=header.period, expected=expected))

    operands = [text for text in names.elements if _OPERAND.fullmatch(text)]
    if operands:
        findings.append(finding("TP435", field="dataElement", culprits=operands[:OPERANDS_NAMED]))

    read = names.periods
    distinct = {r.period.iso: r.period for r in read if r} | (
        {header_period.iso: header_period} if header_period else {}
    )
    in_order = sorted(distinct.values(), key=periods.sort_key)
    period_rank = {period.iso: rank for rank, period in enumerate(in_order)}

    units, unit_rank = _ranks([*names.org_units, *([header.org_unit] if header.org_unit else [])])

    if reader.format == "dxf-json":
        findings += _references("categoryOptionCombo", names.option_combos)
        findings += _references("attributeOptionCombo", [*names.attribute_combos, header.attribute_option_combo])

    header_set = header.data_set or data_set or ""
    data_sets, set_rank = _ranks(["", header_set, *names.data_sets])

    def of_combos(of_rows: Sequence[Combo], of_attributes: Sequence[Combo]) -> Identifiers:
        option_combos = _combos(of_rows, DEFAULT)
        attribute_combos = _combos(of_attributes, header.attribute_option_combo)
        meaning = Meaning(
            ranks=[
                [NO_RANK, *(period_rank[r.period.iso] if r else NO_RANK for r in read)],
                [NO_RANK, *(unit_rank[text] for text in names.org_units)],
                option_combos.rank_by_id,
                attribute_combos.rank_by_id,
            ],
            period_notes=[0, *(PERIOD_NOTES.index(r.note) if r else 0 for r in read)],
            coc_shapes=option_combos.shape_of,
            aoc_shapes=attribute_combos.shape_of,
            data_sets=[0, *(set_rank[text] for text in names.data_sets)],
            header=[
                period_rank[header_period.iso] if header_period else NO_RANK,
                unit_rank[header.org_unit] if header.org_unit else NO_RANK,
                NO_RANK,
                attribute_combos.header_rank,
            ],
            header_data_set=set_rank[header_set],
        )
        return Identifiers(
            names.elements,
            [period.iso for period in in_order],
            units,
            option_combos,
            attribute_combos,
            data_sets,
            meaning,
            findings,
        )

    whole = of_combos(names.option_combos, names.attribute_combos)
    if known is None:
        return whole
    of_sets = known.of_data_sets({header_set, *names.data_sets} - {""})
    attributes = [within(combo, of_sets) for combo in names.attribute_combos]

    def of_element(element_id: int) -> Identifiers:
        categories = known.of_element(names.elements[element_id - 1])
        options = [within(combo, categories) for combo in names.option_combos]
        if options == names.option_combos and attributes == names.attribute_combos:
            return whole
        return of_combos(options, attributes)

    return replace(whole, of_element=of_element)
