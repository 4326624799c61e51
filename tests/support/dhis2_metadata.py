"""Metadata for the tests' DHIS2 server: that of an export, in the shape that the collections of the Web API have it."""

from __future__ import annotations

import copy
from typing import Any

Object = dict[str, Any]
Collections = dict[str, list[Object]]


def served(export: Object) -> Collections:
    """The collections of an export as a server lists them: options of option sets with their codes."""
    found: Collections = {name: copy.deepcopy(objects) for name, objects in export.items() if isinstance(objects, list)}
    options = {option["id"]: option for option in found.get("options", [])}
    for option_set in found.get("optionSets", []):
        option_set["options"] = [options.get(o["id"], o) for o in option_set.get("options", [])]
    return {name: sorted(objects, key=lambda found: str(found["id"])) for name, objects in found.items()}


def meaning(snapshot: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """All that a snapshot says, by table, UID and column: rows of other tables as UIDs, so that their order is none."""
    said: dict[str, dict[str, dict[str, Any]]] = {}
    from tallyport.metadata.tables import NONE, TABLES

    for name, columns in TABLES.items():
        table = snapshot.table(name)
        rows = said[name] = {}
        for row, uid in enumerate(table.uids):
            found: dict[str, Any] = {"is_defined": bool(table.is_defined[row])}
            for column, kind in columns.items():
                uids = snapshot.table(kind.table).uids if kind.table else []
                if kind.type == "text":
                    found[column] = table.texts(column)[row]
                elif kind.type in ("int", "day"):
                    found[column] = table.ints(column)[row]
                elif kind.type == "row":
                    at = table.ints(column)[row]
                    found[column] = None if at == NONE else uids[at]
                elif kind.type == "marks":
                    marks = snapshot.marked(name, column, row)
                    found[column] = None if marks is None else {u for u, mark in zip(uids, marks, strict=True) if mark}
                elif kind.type == "days":
                    days = table.rows_of(column, row)
                    found[column] = None if days is None else list(days)
                elif kind.type == "rows":
                    listed = table.rows_of(column, row)
                    found[column] = None if listed is None else [None if at == NONE else uids[at] for at in listed]
                else:
                    listed = table.texts_of(column, row)
                    found[column] = None if listed is None else list(listed)
            found["attributes"] = {a: values[row] for a, values in table.attributes.items() if row in values}
            rows[uid] = found
    return said
