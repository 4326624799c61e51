"""Deletion scopes: what a file wants deleted before its values are applied, as groups without rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tallyport_converters.adv2 import group_text
from tallyport_converters.conversion.groups import WrittenGroup
from tallyport_converters.files.output import Compress, OutputFile
from tallyport_converters.model import periods
from tallyport_converters.model.file_header import Header
from tallyport_converters.sources.meter import Meter
from tallyport_schemas.finding import SourceUnreadable, finding


def deletion_groups(
    header: Header, *, ids: group_text.Ids, data_set: str, folder: Path, compress: Compress, meter: Meter | None = None
) -> Iterator[WrittenGroup]:
    """Write the groups of a deletion scope into `folder`, and yield them.

    Raises:
        SourceUnreadable: TP304, a period of the scope is none: a deletion is not done by halves.
    """
    scope = header.deletion
    if not scope:
        return
    read = {text: periods.parse(text) for text in scope.periods}
    for text, period in read.items():
        if period is None:
            expected = periods.explain(text)
            raise SourceUnreadable(finding("TP304", field="deletion.periods", found=text, expected=expected))
    distinct = {period.iso: period for period in read.values() if period}
    in_order = [period.iso for period in sorted(distinct.values(), key=periods.sort_key)]
    by_key: dict[Any, set[Any]] = {}
    for element in scope.elements:
        coc, aoc = element.category_option_combo, element.attribute_option_combo
        by_key.setdefault((element.data_element, coc.shape, aoc), set()).add(coc)
    for number, ((name, shape, aoc), cocs) in enumerate(sorted(by_key.items(), key=lambda item: item[0])):
        head = group_text.group_header(
            ids=ids,
            data_set=data_set,
            data_element=name,
            periods=in_order,
            org_units=sorted(set(scope.org_units)),
            coc=(shape, group_text.combo_dimension(shape, sorted(cocs)).value),
            aoc=(aoc.shape, group_text.combo_dimension(aoc.shape, [aoc]).value),
            delete="soft",
            size=0,
        )
        with OutputFile(folder / f"delete-{number}", compress, meter) as out:
            out.write(head + group_text.GROUP_CLOSE + b"\n")
        yield WrittenGroup(name, (0, number), out.path, 0, out.size_bytes, out.sha256)
