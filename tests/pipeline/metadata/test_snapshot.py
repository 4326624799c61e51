"""Snapshots: made of exports, kept and read back the same, looked up, and refused when they are damaged."""

from __future__ import annotations

import gzip
import io
import json
import random
import string
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.hmis import METADATA, ORG_UNITS, changed, export, put, whole, without
from support.places import DATA
from tallyport import OutsideFailed, Refused, SourceUnreadable
from tallyport.metadata import CHECKS, Snapshot, load_metadata
from tallyport.metadata.near_names import Nearby
from tallyport.metadata.snapshot_file import MAGIC
from tallyport.metadata.tables import TABLES, packed
from tallyport_converters.text.json_members import VALUE_CHARACTERS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

REAL = [DATA / "sierra-leone-metadata.json.gz", DATA / "sierra-leone-org-units.json.gz"]
needs_data = pytest.mark.skipif(
    not all(path.exists() for path in REAL), reason="the Sierra Leone metadata are not in the folder TALLYPORT_DATA"
)


def contents(snapshot: Snapshot) -> dict[str, Any]:
    """Everything that a snapshot holds."""
    found: dict[str, Any] = {}
    for name, columns in TABLES.items():
        table = snapshot.table(name)
        cells: dict[str, Any] = {"uid": table.uids, "is_defined": bytes(table.is_defined), "seen": table.seen}
        cells |= {"attributes": table.attributes, "is_present": table.is_present}
        for column, of in columns.items():
            rows = range(len(table))
            if of.type == "text":
                cells[column] = table.texts(column)
            elif of.type in ("int", "day", "row"):
                cells[column] = list(table.ints(column))
            elif of.type == "marks":
                cells[column] = [table.bits_of(column, row) for row in rows]
            else:
                lists = [table.lists(column).of(row) for row in rows]
                cells[column] = [None if of_row is None else list(of_row) for of_row in lists]
        found[name] = cells
    return found


def unreadable(read: Callable[[], object]) -> str:
    with pytest.raises(SourceUnreadable) as caught:
        read()
    return caught.value.finding.code


# --- Made of exports -------------------------------------------------------------------------------------------------


def test_snapshot_holds_what_the_exports_say() -> None:
    snapshot = whole()
    assert snapshot.findings == ()
    assert snapshot.summary()["objects"] == {
        "attributes": 1,
        "categories": 5,
        "categoryCombos": 4,
        "categoryOptionCombos": 10,
        "categoryOptions": 10,
        "dataElements": 7,
        "dataSets": 4,
        "fileResources": 1,
        "optionSets": 3,
        "organisationUnits": 7,
    }
    sets, elements = snapshot.table("dataSets"), snapshot.table("dataElements")
    outreach = sets.uids.index("dsOutreach1")
    combos = snapshot.table("categoryCombos").uids
    in_set = snapshot.elements_of(outreach)
    assert in_set is not None
    assert {elements.uids[row]: combos[combo] for row, combo in in_set.items()} == {"deVisits001": "ccFixedOut1"}
    assert sets.ints("open_periods_after_option_end")[outreach] == 1
    assert sets.texts_of("input_periods", sets.uids.index("dsCampaign1")) == ["202501", "202502"]
    units = snapshot.table("organisationUnits")
    clinic = units.uids.index("ouClinicB01")
    assert date.fromordinal(units.ints("closed")[clinic]) == date(2024, 12, 31)
    assert units.uids[units.ints("parent")[clinic]] == "ouDistrictB"
    option_sets = snapshot.table("optionSets")
    codes = {uid: option_sets.texts_of("options", row) for row, uid in enumerate(option_sets.uids)}
    assert codes == {"osSupplier1": ["CENTRAL", "PRIVATE"], "osReason001": ["LATE"], "osEmpty0001": []}


def test_order_of_the_exports_does_not_matter(tmp_path: Path) -> None:
    other_way = Snapshot.from_exports([ORG_UNITS, METADATA])
    assert other_way.summary() == whole().summary()
    assert looked_up(other_way, "ou", "CODE", "CLINIC_A1") == "ouClinicA01"


def packings() -> dict[str, Callable[[bytes], bytes]]:
    def zipped(data: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("metadata.json", data)
        return file.getvalue()

    return {"plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress, "zip": zipped}


@pytest.mark.parametrize("packing", packings())
def test_exports_may_be_compressed(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(packings()[packing](json.dumps(export()).encode()))
    assert Snapshot.from_exports([path]).summary() == whole().summary()


def test_parents_are_taken_from_paths_where_they_are_not_given() -> None:
    snapshot = changed(without("organisationUnits", "parent"))
    assert contents(snapshot) | {"organisationUnits": 0} == contents(changed()) | {"organisationUnits": 0}
    parents = snapshot.table("organisationUnits").ints("parent")
    assert list(parents) == list(changed().table("organisationUnits").ints("parent"))


def test_organisation_units_below_others_are_found_at_any_depth() -> None:
    snapshot = whole()
    units = snapshot.table("organisationUnits")

    def below(*uids: str) -> set[str]:
        flags = bytes(uid in uids for uid in units.uids)
        return {uid for uid, flag in zip(units.uids, snapshot.at_or_below(flags), strict=True) if flag}

    assert below() == set()
    assert below("ouClinicA01") == {"ouClinicA01"}
    assert below("ouDistrictA") == {"ouDistrictA", "ouClinicA01", "ouClinicA02"}
    assert below("ouDistrictA", "ouClinicB01") == {"ouDistrictA", "ouClinicA01", "ouClinicA02", "ouClinicB01"}
    assert below("ouCountry01") == set(units.uids)


def test_organisation_units_that_lie_below_themselves_do_no_harm() -> None:
    snapshot = changed(put("ouDistrictA", "parent", {"id": "ouClinicA01"}))
    units = snapshot.table("organisationUnits")
    flags = bytes(uid == "ouDistrictB" for uid in units.uids)
    below = {uid for uid, flag in zip(units.uids, snapshot.at_or_below(flags), strict=True) if flag}
    assert below == {"ouDistrictB", "ouClinicB01", "ouClinicB02"}


def test_exports_that_agree_say_it_once(tmp_path: Path) -> None:
    assert Snapshot.from_exports([METADATA, ORG_UNITS, METADATA]).findings == ()


def test_exports_that_disagree_are_reported_and_the_first_stands(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    sets = [{"id": "dsMonthly01", "periodType": "Quarterly", "organisationUnits": [{"id": "ouClinicA01"}]}]
    elements = [{"id": "deStock0001", "name": "Stock", "valueType": "TEXT", "optionSet": {"id": "osSupplier1"}}]
    other.write_text(json.dumps({"dataSets": sets, "dataElements": elements}), encoding="utf-8")
    snapshot = Snapshot.from_exports([METADATA, ORG_UNITS, other])
    assert [(found.code, found.field, found.found) for found in snapshot.findings] == [
        ("TP740", "dataElements", "deStock0001 value type"),
        ("TP740", "dataSets", "dsMonthly01 period type, dsMonthly01 org units"),
    ]
    table = snapshot.table("dataElements")
    stock = table.uids.index("deStock0001")
    assert table.texts("value_type")[stock] == "NUMBER"
    assert table.ints("option_set")[stock] != -1  # said by the second alone


def test_objects_without_an_identifier_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text('{"dataElements": [{"name": "a"}, {"id": "deA00000001"}, {"id": null}]}', encoding="utf-8")
    (found,) = Snapshot.from_exports([path]).findings
    assert (found.code, found.count) == ("TP741", 2)


# --- Kept and read back ----------------------------------------------------------------------------------------------


def test_snapshot_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "hmis.snapshot"
    size_bytes = whole().save(path)
    assert path.stat().st_size == size_bytes
    back = Snapshot.load(path)
    assert contents(back) == contents(whole())
    assert back.summary() == whole().summary()
    assert [path.name for path in tmp_path.iterdir()] == ["hmis.snapshot"]


def test_snapshot_of_nothing_is_read_back(tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    export.write_text('{"dataElements": []}', encoding="utf-8")
    snapshot = Snapshot.from_exports([export])
    snapshot.save(tmp_path / "it")
    assert contents(Snapshot.load(tmp_path / "it")) == contents(snapshot)
    assert looked_up(snapshot, "de", "UID", "deVisits001") == Missing(None)


def test_snapshot_that_was_read_is_kept_in_the_same_bytes(tmp_path: Path) -> None:
    whole().save(tmp_path / "first")
    Snapshot.load(tmp_path / "first").save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_existing_file_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text("mine")
    with pytest.raises(Refused) as caught:
        whole().save(path)
    assert caught.value.finding.code == "TP901"
    assert path.read_text() == "mine"
    whole().save(path, overwrite=True)
    assert Snapshot.load(path).summary() == whole().summary()


def test_folder_that_is_not_there_is_a_failure_of_the_outside(tmp_path: Path) -> None:
    with pytest.raises(OutsideFailed) as caught:
        whole().save(tmp_path / "not there" / "it")
    assert caught.value.finding.code == "TP801"


def test_metadata_are_told_by_content(tmp_path: Path) -> None:
    kept = tmp_path / "looks like an export.json"
    whole().save(kept)
    assert load_metadata(kept).summary() == whole().summary()
    assert load_metadata(METADATA).summary()["objects"]["dataElements"] == 7


class Missing(NamedTuple):
    """No object has an identifier; what is near it."""

    nearby: str | None


class Ambiguous(NamedTuple):
    """Several objects have an identifier."""

    uids: tuple[str, ...]


def looked_up(snapshot: Snapshot, kind: str, scheme: str, identifier: str) -> str | Missing | Ambiguous:
    found = snapshot.resolve_all(kind, scheme, [identifier])
    assert snapshot.keys(kind, scheme, [identifier]) == ([None] if found.missing or found.ambiguous else found.rows)
    if found.missing:
        return Missing(snapshot.nearby(kind, scheme, identifier))
    if found.ambiguous:
        return Ambiguous(snapshot.holders(kind, scheme, identifier))
    return snapshot.names(kind, found.rows)[0][0]


# --- Looked up -------------------------------------------------------------------------------------------------------

FOUND: list[tuple[str, str, str, str | Missing | Ambiguous]] = [
    ("ou", "UID", "ouClinicA01", "ouClinicA01"),
    ("ou", "CODE", "CLINIC_A1", "ouClinicA01"),
    ("ou", "CODE", "clinic_a1", Missing("CLINIC_A1")),
    ("ou", "NAME", "Hilltop", "ouClinicA02"),
    ("ou", "NAME", "Old Town, North", "ouClinicB02"),
    ("ou", "NAME", "Riverside", Ambiguous(("ouClinicA01", "ouClinicB01"))),
    ("ou", "NAME", "Hiltop", Missing("Hilltop")),
    ("ou", "ATTRIBUTE:atNationalI", "N-002", "ouClinicA02"),
    ("ou", "ATTRIBUTE:atNationalI", "N-003", Ambiguous(("ouClinicB01", "ouClinicB02"))),
    ("ou", "ATTRIBUTE:atNationalI", "N-004", Missing("N-001")),
    ("ou", "ATTRIBUTE:atSomething", "N-001", Missing(None)),
    ("ou", "UID", "", Missing(None)),
    ("ou", "CODE", "", Missing(None)),
    ("de", "ATTRIBUTE:atNationalI", "D-17", "deVisits001"),
    ("ds", "CODE", "OUTREACH", "dsOutreach1"),
    ("cc", "NAME", "Age and sex", "ccAgeSex001"),
    ("c", "CODE", "SEX", "cgSex000001"),
    ("co", "NAME", "5 and over", "coOver50001"),
    ("coc", "NAME", "Under 5, Male", "ocUnder5M01"),
    ("aoc", "CODE", "WATER", "ocWater0001"),
]


@pytest.mark.parametrize(("kind", "scheme", "identifier", "expected"), FOUND)
def test_identifier_leads_to_its_object(
    kind: str, scheme: str, identifier: str, expected: str | Missing | Ambiguous
) -> None:
    found = looked_up(whole(), kind, scheme, identifier)
    if isinstance(expected, Missing) and scheme.startswith("ATTRIBUTE:atN"):
        assert isinstance(found, Missing)  # which of several that are as close is anyone's guess
    else:
        assert found == expected


def test_object_that_is_only_referred_to_does_not_exist() -> None:
    snapshot = changed(lambda document: document["dataElements"].pop(0))
    assert looked_up(snapshot, "de", "UID", "deVisits001") == Missing("deVisits001")


def test_suggestions_take_bounded_time_for_a_hundred_thousand_names() -> None:
    nearby = Nearby(f"Health facility number {n}" for n in range(100_000))
    started = time.perf_counter()
    assert nearby.closest("Helth facility number 77777") is not None
    assert nearby.closest("Nothing like it") is None
    assert nearby.closest("x" * 1_000_000) is None
    assert time.perf_counter() - started < 1


# --- What it can answer ----------------------------------------------------------------------------------------------


def test_summary_of_whole_metadata_has_every_check() -> None:
    checks = whole().summary()["checks"]
    assert len(checks) == len(CHECKS)
    assert all(check == {"check": check["check"], "possible": True} for check in checks)


def test_summary_says_what_is_missing_for_which_check() -> None:
    checks = {check.pop("check"): check for check in load_metadata(METADATA).summary()["checks"]}
    assert {name for name, check in checks.items() if not check["possible"]} == {
        "organisation units exist",
        "organisation units are open",
        "attribute options are meant for the organisation units",
    }
    assert checks["organisation units are open"]["missing"] == ["organisationUnits.openingDate"]


def test_summary_of_organisation_units_alone_is_modest() -> None:
    checks = load_metadata(ORG_UNITS).summary()["checks"]
    possible = {check["check"] for check in checks if check["possible"]}
    assert possible == {"organisation units exist", "organisation units are open"}


# --- Refused ---------------------------------------------------------------------------------------------------------

HOSTILE: list[tuple[str, str, bytes]] = [
    ("nothing", "TP102", b""),
    ("white space", "TP108", b"  \n"),
    ("no JSON", "TP108", b"hello"),
    ("a number", "TP108", b"12"),
    ("no collection that is known", "TP113", b'{"dataValues": [{"value": "1"}]}'),
    ("no collection at all", "TP113", b"{}"),
    ("cut within an object", "TP108", b'{"dataElements": [{"id": "deA00000001", "na'),
    ("cut within a name", "TP108", b'{"dataEl'),
    ("cut between objects", "TP108", b'{"dataElements": [{"id": "deA00000001"},'),
    ("cut behind the collection", "TP108", b'{"dataElements": []'),
    ("no comma", "TP108", b'{"dataElements": [{"id": "a"} {"id": "b"}]}'),
    ("no colon", "TP108", b'{"dataElements" []}'),
    ("comma at the end", "TP108", b'{"dataElements": [{"id": "a"},]}'),
    ("name that is none", "TP108", b"{1: []}"),
    ("something behind the end", "TP108", b'{"dataElements": []} x'),
    ("two documents", "TP108", b'{"dataElements": []}{"dataElements": []}'),
    ("constant that JSON lacks", "TP108", b'{"dataElements": [{"id": "a", "openFuturePeriods": NaN}]}'),
    ("endless number", "TP108", b'{"dataElements": [' + b"9" * 5_000 + b"]}"),
    ("deep nesting", "TP108", b'{"dataElements": ' + b"[" * 200_000),
    ("deep nesting elsewhere", "TP108", b'{"dashboards": ' + b'{"a":' * 200_000),
    ("no UTF-8", "TP107", b'{"dataElements": [{"id": "\xff"}]}'),
    ("object that is an array", "TP113", b'{"dataElements": [[]]}'),
    ("object that is a text", "TP113", b'{"dataElements": ["deA00000001"]}'),
    ("text that is a number", "TP113", b'{"dataElements": [{"id": "a", "name": 1}]}'),
    ("array that is an object", "TP113", b'{"dataSets": [{"id": "a", "organisationUnits": {}}]}'),
    ("member that is a number", "TP113", b'{"dataSets": [{"id": "a", "dataSetElements": [1]}]}'),
    ("date that is none", "TP113", b'{"organisationUnits": [{"id": "a", "openingDate": "yesterday"}]}'),
    ("number beyond all sense", "TP113", b'{"dataSets": [{"id": "a", "openFuturePeriods": 1e300}]}'),
    ("surrogate alone", "TP113", b'{"dataElements": [{"id": "a", "name": "\\ud800"}]}'),
    ("NUL", "TP113", b'{"dataElements": [{"id": "a", "name": "a\\u0000b"}]}'),
    ("array of other things", "TP113", b'[{"id": "deA00000001", "valueType": "TEXT"}]'),
]


@pytest.mark.parametrize(("says", "code", "data"), HOSTILE, ids=[says for says, _, _ in HOSTILE])
def test_file_that_is_no_export_is_refused(says: str, code: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(data)
    assert unreadable(lambda: Snapshot.from_exports([path])) == code
    assert unreadable(lambda: load_metadata(path)) == code


def test_export_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    data = json.dumps(export()).encode()
    path = tmp_path / "export.json"
    for end in random.Random(1).sample(range(1, len(data)), 100):
        path.write_bytes(data[:end])
        assert unreadable(lambda: Snapshot.from_exports([path])) == "TP108"


def test_object_beyond_all_measure_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(b'{"dataElements": [{"id": "a", "name": "' + b"x" * (3 * VALUE_CHARACTERS))
    tracemalloc.start()
    try:
        assert unreadable(lambda: Snapshot.from_exports([path])) == "TP112"
        assert tracemalloc.get_traced_memory()[1] < 8 * VALUE_CHARACTERS
    finally:
        tracemalloc.stop()


def test_collections_that_are_of_no_concern_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    row = json.dumps({"id": "dbUnknown01", "text": "x" * 1000})
    path.write_text('{"dashboards": [' + ",".join([row] * 40_000) + '], "dataElements": []}', encoding="utf-8")
    tracemalloc.start()
    try:
        Snapshot.from_exports([path])
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_snapshot_is_no_export(tmp_path: Path) -> None:
    whole().save(tmp_path / "it")
    assert unreadable(lambda: Snapshot.from_exports([tmp_path / "it"])) == "TP113"


def test_snapshot_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(zstd.compress(MAGIC + b"2\n{}\n"))
    assert unreadable(lambda: Snapshot.load(path)) == "TP113"


def test_snapshot_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it"
    whole().save(path)
    data = path.read_bytes()
    for end in range(1, len(data), 37):
        path.write_bytes(data[:end])
        assert unreadable(lambda: Snapshot.load(path)) in {"TP104", "TP113"}


def test_snapshot_that_lies_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "it"
    whole().save(path)
    data = bytearray(zstd.decompress(path.read_bytes()))
    chance = random.Random(2)
    codes: list[str] = []
    for _ in range(400):
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(MAGIC) + 2, len(data))
            spoilt[at] = chance.randrange(256)
        path.write_bytes(zstd.compress(bytes(spoilt)))
        try:
            snapshot = Snapshot.load(path)
        except SourceUnreadable as error:
            codes.append(error.finding.code)
        else:
            contents(snapshot)  # every column can be used
            snapshot.at_or_below(bytes(len(snapshot.table("organisationUnits"))))
    assert set(codes) == {"TP113"}
    assert len(codes) > 100


# --- Sets of rows ----------------------------------------------------------------------------------------------------


def test_sets_of_rows_are_packed_and_unpacked() -> None:
    chance = random.Random(3)
    for _ in range(50):
        rows = {chance.randrange(300) for _ in range(chance.randrange(40))}
        bits = packed(list(rows))
        assert {row for row in range(300) if row // 8 < len(bits) and bits[row // 8] >> row % 8 & 1} == rows


# --- Size ------------------------------------------------------------------------------------------------------------


def test_snapshot_of_a_large_country_is_loaded_well_within_a_second(tmp_path: Path) -> None:
    chance = random.Random(4)

    def uids(count: int) -> list[str]:
        return ["u" + "".join(chance.choices(string.ascii_letters + string.digits, k=10)) for _ in range(count)]

    units, combos, options = uids(100_000), uids(50_000), uids(100)
    document = {
        "organisationUnits": [
            {"id": uid, "code": f"OU_{n}", "name": f"Facility {n}", "path": f"/{uid}", "openingDate": "2000-01-01"}
            for n, uid in enumerate(units)
        ],
        "categoryOptionCombos": [
            {
                "id": uid,
                "name": f"Combo {n}",
                "categoryCombo": {"id": "ccAll000001"},
                "categoryOptions": [{"id": options[n % 100]}, {"id": options[n // 100 % 100]}],
            }
            for n, uid in enumerate(combos)
        ],
        "dataSets": [
            {"id": uid, "organisationUnits": [{"id": unit} for unit in chance.sample(units, 20_000)]}
            for uid in uids(10)
        ],
    }
    export = tmp_path / "export.json"
    export.write_text(json.dumps(document), encoding="utf-8")
    path = tmp_path / "it"
    assert Snapshot.from_exports([export]).save(path) < 5_000_000
    took = []
    for _ in range(3):
        started = time.perf_counter()
        snapshot = Snapshot.load(path)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.5
    assert len(snapshot.table("organisationUnits")) == 100_000


# --- Real data -------------------------------------------------------------------------------------------------------


@needs_data
def test_snapshot_of_sierra_leone_answers_every_check_but_that_of_files(tmp_path: Path) -> None:
    snapshot = Snapshot.from_exports(REAL)
    assert snapshot.findings == ()
    objects = snapshot.summary()["objects"]
    counted = {
        name: objects[name] for name in ("dataElements", "dataSets", "organisationUnits", "categoryOptionCombos")
    }
    assert counted == {"dataElements": 67, "dataSets": 2, "organisationUnits": 1332, "categoryOptionCombos": 12}
    impossible = [check for check in snapshot.summary()["checks"] if not check["possible"]]
    assert [check["missing"] for check in impossible] == [["fileResources"]]
    assert snapshot.save(tmp_path / "it") < 50_000
    assert contents(Snapshot.load(tmp_path / "it")) == contents(snapshot)
