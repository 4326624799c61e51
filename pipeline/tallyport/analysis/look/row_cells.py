"""Row cells: what a row of a legacy file is understood to say, column by column."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tallyport.analysis.look.conditions import FIELDS, FLAGS, Condition
from tallyport.analysis.look.view import Cell
from tallyport.analysis.names import KIND_OF, KnownNames
from tallyport.frames.columns import ATTRIBUTE_OPTION_COMBO, CATEGORY_OPTION_COMBO, DATA_SET, DELETED, ORG_UNIT, PERIOD
from tallyport_converters.model.combos import Combo, ComboForm
from tallyport_converters.model.field_names import CANONICAL
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.abi import Column
from tallyport_converters.readers.dxf_csv import DxfCsv
from tallyport_converters.readers.reader import Reader, RejectedRow, trimmed
from tallyport_converters.readers.xml_attributes import AdxTag

_COMBOS = {"co": CATEGORY_OPTION_COMBO, "ao": ATTRIBUTE_OPTION_COMBO}


def row_cells(read: RejectedRow, header: Header, reader: Reader) -> dict[str, Cell]:
    """Return what a row says, column by column, the header's word where it says nothing."""
    fields = {name: trimmed(name, said) for name, said in (read.fields or {}).items()}
    if "attributeOptionCombo" not in fields and (options := _listed_options(read, reader)):
        fields["attributeOptionCombo"] = options
    cells = {column: _cell(column, fields.get(CANONICAL[number])) for number, column in FIELDS.items()}
    cells[DELETED] = cells[DELETED] or False
    cells[ORG_UNIT] = cells[ORG_UNIT] or header.org_unit
    cells[DATA_SET] = cells[DATA_SET] or _data_set_of_group(read, reader) or header.data_set
    cells[ATTRIBUTE_OPTION_COMBO] = cells[ATTRIBUTE_OPTION_COMBO] or of_combo(header.attribute_option_combo)
    period = cells[PERIOD] or header.period
    cells[PERIOD] = usual_period(period, reader) if isinstance(period, str) else period
    return cells


def usual_period(text: str, reader: Reader) -> str:
    """Return a period in its usual form; a text that is not a period as it is."""
    known = reader.period(text)
    return known.period.iso if known else text


def _data_set_of_group(read: RejectedRow, reader: Reader) -> str | None:
    """Return the data set of the ADX group that a row is in."""
    group = read.original.get("group") if reader.format == "adx" else None
    return AdxTag(group, is_group=True).fields.get("dataSet") if group else None


def _listed_options(read: RejectedRow, reader: Reader) -> list[str]:
    """Return the attribute options of a row of CSV that lists them in a column."""
    if not isinstance(reader, DxfCsv) or Column.ATTRIBUTE_OPTIONS not in reader.columns.meanings:
        return []
    name = reader.columns.names[reader.columns.meanings.index(Column.ATTRIBUTE_OPTIONS)]
    return str(read.original.get(name, "")).split()


def _cell(column: str, said: object) -> Cell:
    """Return what a field says; of a type that the column cannot have, its JSON."""
    if said is None or said == "":
        return None
    if column in FLAGS:
        text = str(said).lower()
        return text == "true" if text in ("true", "false") else _text(said)
    if isinstance(said, dict) and column in _COMBOS.values():
        return {str(name): _text(option) for name, option in said.items()}
    if isinstance(said, list) and column in _COMBOS.values():
        return [_text(option) for option in said]
    return _text(said)


def _text(said: object) -> str:
    return str(said) if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def of_combo(combo: Combo) -> Cell:
    """Return a combo as a row shows it."""
    shape = combo.shape
    if shape.form is ComboForm.MAP:
        return dict(zip(shape.names, combo.options, strict=True))
    if shape.form is ComboForm.LIST:
        return list(combo.options)
    return combo.options[0] if combo.options else None


def categories(cells: Mapping[str, Cell]) -> Mapping[str, str]:
    """Return the option of each category that a row names, as `co.Age` or `ao.Donor`."""
    return {
        f"{dimension}.{category}": option
        for dimension, column in _COMBOS.items()
        if isinstance(combo := cells.get(column), Mapping)
        for category, option in combo.items()
    }


def holds(condition: Condition, cells: Mapping[str, Cell], names: KnownNames) -> bool:
    """Whether a condition holds for what a row, or a part of one, says."""
    if condition.is_category:
        return any(
            condition.holds(said, names.one("co", said))
            for name, said in categories(cells).items()
            if condition.is_about(name)
        )
    cell = cells[condition.column]
    if isinstance(cell, bool):
        return condition.holds("true" if cell else "false")
    if cell is None or isinstance(cell, str):
        return condition.holds(cell, names.one(KIND_OF.get(condition.column, ""), cell))
    return False
