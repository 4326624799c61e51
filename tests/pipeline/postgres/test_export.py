"""Export out of real servers: a small DHIS2 of our own in both generations, and the real databases.

What files should hold is said by the conversion of the values that were imported, or worked out by hand.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.checking import check_against, check_output, plain_bytes, strict_json
from support.databases import GENERATIONS, execute, fresh, running_server, small
from support.fuzz import exact_blocks
from support.importing import load
from support.places import ROOT
from support.running import contents, json_rows, run
from tallyport import (
    ExportOptions,
    Filters,
    OptionNaming,
    Outcome,
    OutsideFailed,
    Progress,
    Refused,
    SourceUnreadable,
    convert,
    export_values,
)
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.imports.import_run import ImportOptions
from tallyport_converters.model import periods
from tallyport_converters.model.periods import PeriodType
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.batch import Batch

TODAY = date(2026, 1, 31)
DEFAULT = "HllvX50cXC0"
NAMINGS = list(OptionNaming)

GROUPS = """
create table if not exists dataelementgroup (dataelementgroupid bigint primary key, uid text, code text);
create table if not exists dataelementgroupmembers (dataelementgroupid bigint, dataelementid bigint);
create table if not exists orgunitgroup (orgunitgroupid bigint primary key, uid text, code text);
create table if not exists orgunitgroupmembers (orgunitgroupid bigint, organisationunitid bigint);
insert into dataelementgroup values (1, 'dgTexts0001', 'TEXTS');
insert into dataelementgroupmembers values (1, 3), (1, 5);
insert into orgunitgroup values (1, 'ogRural0001', 'RURAL');
insert into orgunitgroupmembers values (1, 3);
"""
"""Groups of data elements and of organisation units, for the small databases."""

Group = dict[str, Any]
Row = dict[str, Any]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def both(server: EmbeddedServer) -> dict[str, str]:
    urls = {generation: small(server, generation) for generation in GENERATIONS}
    for url in urls.values():
        execute(url, GROUPS)
    return urls


@pytest.fixture(params=GENERATIONS)
def exporting(request: pytest.FixtureRequest, both: dict[str, str], tmp_path: Path) -> Exporting:
    url = both[request.param]
    execute(url, "truncate datavalue, datavalueaudit; delete from period")
    return Exporting(url, tmp_path, request.param)


@pytest.fixture(params=GENERATIONS, scope="module")
def filled(
    request: pytest.FixtureRequest,
    server: EmbeddedServer,
    both: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Exporting:
    """A database with a few values, for tests that change nothing in it."""
    url = fresh(server, f"filled_{request.param}", template=f"small_{request.param}")
    execute(url, "truncate datavalue, datavalueaudit; delete from period")
    made = Exporting(url, tmp_path_factory.mktemp("filled"), request.param)
    made.put(visits([0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]), CASES, MONEY, visits([0, 0, "x"], de="deNotes0001"))
    made.sql("update datavalue set lastupdated = '2019-12-31 23:59:59' where value = 'x'")
    return made


@dataclass(frozen=True)
class Exporting:
    """Puts values into a database, and exports from it; what comes of it is checked against the published schemas."""

    url: str
    folder: Path
    generation: str

    def sql(self, *texts: str) -> list[tuple[Any, ...]]:
        return execute(self.url, *texts)

    def put(self, *groups: Group) -> None:
        """Import ADV2 groups."""
        path = self.folder / "values.adv2.json"
        path.write_text(json.dumps(groups, ensure_ascii=False), encoding="utf-8")
        report = load([path], self.url, ImportOptions(today=TODAY))
        assert [f.code for group in report.groups for f in group.findings] == []

    def __call__(
        self,
        options: str = "coc",
        *,
        watch: Callable[[Progress], None] | None = None,
        url: str = "",
        filters: Filters | None = None,
        **settings: Any,
    ) -> Outcome:
        given = ExportOptions(OptionNaming(options), filters or Filters(), overwrite=True, **settings)
        outcome = export_values(url or self.url, self.folder / "out", given, watch=watch)
        assert outcome.folder is not None
        check_output(outcome.folder)
        return outcome

    def groups(self, options: str = "coc", **settings: Any) -> list[Group]:
        """All groups, in the order of their files."""
        folder = self(options, **settings).folder
        assert folder is not None
        return [strict_json(path.read_bytes()) for path in sorted(folder.glob("*.adv2.json"))]

    @property
    def stored(self) -> list[tuple[Any, ...]]:
        return self.sql(
            "select dataelementid, startdate, sourceid, categoryoptioncomboid, attributeoptioncomboid, value, comment, "
            "deleted, followup from datavalue join period using (periodid) order by 1, 2, 3, 4, 5"
        )


def visits(*rows: list[Any], **header: Any) -> Group:
    """A group of two periods and two org units."""
    made = {"de": "deVisits001", "pe": ["202503", "202504"], "ou": ["ouClinicA01", "ouClinicB01"]}
    return {**made, **header, "size": len(rows), "data": list(rows)}


CASES = visits(
    [0, 0, 0, 1],
    [0, 1, 1, 2],
    [1, 1, 2, 3],
    de="deCases0001",
    coc=["cbMaleU5001", "cbMaleO5001", "cbFemaleU51"],
)
MONEY: Group = {"de": "deMoney0001", "pe": "202503", "ou": "ouClinicA01", "aoc": ["cbFundX0001", "cbFundY0001"]}
MONEY |= {"size": 2, "data": [[0, 10], [1, 20]]}

TEXTS = ["\\N", "\\.", "'; drop table datavalue; --", "a\tb\nc\r\\", "%(x)s %s", "é\u2028💉", "{}", '"', "null", " x "]
NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "0.5",
    "-0.25",
    "-12.25",
    "5.0",
    "-5",
    "007",
    "1e3",
    "123456789012345",
    "1234567890123456",
]


def adv2(folder: Path | None) -> dict[str, bytes]:
    assert folder is not None
    return {path.name: plain_bytes(path) for path in sorted(folder.glob("*.adv2.json*"))}


# --- The files of a conversion ---------------------------------------------------------------------------------------


def random_rows(chance: random.Random) -> list[Row]:
    """Values as a legacy file has them, each key once, that an import takes as they are."""
    rows = {}
    for _ in range(chance.randint(1, 120)):
        element = chance.choice(["deVisits001", "deCases0001", "deNotes0001", "deOpen00001", "deMoney0001"])
        key = {
            "dataElement": element,
            "period": chance.choice(["202503", "202504", "202512"]),
            "orgUnit": chance.choice(["ouCountry01", "ouClinicA01", "ouClinicB01"]),
            "categoryOptionCombo": chance.choice(["cbMaleU5001", "cbMaleO5001", "cbFemaleU51"])
            if element == "deCases0001"
            else DEFAULT,
            "attributeOptionCombo": "cbFundX0001" if element == "deMoney0001" else DEFAULT,
        }
        row: Row = dict(key)
        if chance.random() < 0.2:
            row["deleted"] = True
        elif element == "deNotes0001":
            row["value"] = chance.choice(TEXTS + NUMBERS)
        else:
            row["value"] = chance.choice(["true", "false"]) if element == "deOpen00001" else str(chance.randint(0, 999))
        if chance.random() < 0.3:
            row["comment"] = chance.choice(TEXTS)
        if chance.random() < 0.3:
            row["followUp"] = True
        rows[tuple(key.values())] = row
    return chance.sample(list(rows.values()), len(rows))


@pytest.mark.parametrize("seed", range(8))
def test_what_was_imported_comes_out_as_the_conversion_wrote_it(exporting: Exporting, seed: int) -> None:
    source = exporting.folder / "values.json"
    source.write_bytes(json_rows(random_rows(random.Random(seed))))
    converted = convert([source], exporting.folder / "converted").sources[0].folder
    assert converted is not None
    load([converted], exporting.url, ImportOptions(today=TODAY))
    assert adv2(exporting(filters=Filters(deleted=True)).folder) == adv2(converted)


def test_hostile_texts_come_out_as_they_are_stored(exporting: Exporting) -> None:
    months = [f"2025{month:02}" for month in range(3, 3 + len(TEXTS))]
    rows = [[number, text, False, None, text] for number, text in enumerate(TEXTS)]
    exporting.put(visits(*rows, de="deNotes0001", pe=months, ou="ouClinicA01"))
    [group] = exporting.groups()
    trims = exporting.generation == "42"  # as that release stores texts
    stored = [text.strip() if trims else text for text in TEXTS]
    assert group["data"] == [[number, text, False, None, text] for number, text in enumerate(stored)]


def test_flags_and_comments_are_kept(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6, False, True], [1, 0, 7, False, None, "late"]))
    [group] = exporting.groups()
    assert group["data"] == [[0, 0, 5], [0, 1, 6, False, True], [1, 0, 7, False, None, "late"]]
    [group] = exporting.groups(keep_followup_false=True)
    assert group["data"] == [[0, 0, 5, False, False], [0, 1, 6, False, True], [1, 0, 7, False, False, "late"]]


def test_values_marked_deleted_are_rows_only_where_they_are_asked_for(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6]))
    exporting.put(visits([0, 1, None, True]))
    assert exporting.groups()[0]["data"] == [[5]]
    assert exporting.groups(filters=Filters(deleted=True))[0]["data"] == [[0, 5], [1, None, True]]


def test_fields_without_a_place_are_counted(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6, False, True]))
    exporting.sql("update datavalue set storedby = null where value = '6'")
    manifest = exporting().manifest
    assert manifest is not None
    assert manifest["dropped"] == {"created": 2, "followup=false": 1, "lastUpdated": 2, "storedBy": 1}


@pytest.mark.parametrize(("layout", "compress", "memory_bytes"), [("single", "none", 1), ("split", "zst", 1 << 20)])
def test_neither_layout_nor_memory_changes_a_value(
    exporting: Exporting, layout: Any, compress: Any, memory_bytes: int
) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6]), CASES, MONEY)
    plain = exporting.groups()
    folder = exporting(layout=layout, compress=compress, memory_bytes=memory_bytes, jobs=2).folder
    found = [strict_json(data) for data in adv2(folder).values()]
    assert (found[0] if layout == "single" else found) == plain


# --- How option combos are named -------------------------------------------------------------------------------------


def test_option_combos_are_named_by_themselves(exporting: Exporting) -> None:
    exporting.put(CASES, MONEY)
    cases, money = exporting.groups("coc")
    assert (cases["coc"], cases["aoc"]) == (["cbFemaleU51", "cbMaleO5001", "cbMaleU5001"], DEFAULT)
    assert (money["coc"], money["aoc"]) == (DEFAULT, ["cbFundX0001", "cbFundY0001"])


@pytest.mark.parametrize(
    ("naming", "settled"),
    [
        ("co+cc", [{"cc": "ccSexAge001"}, {}]),
        ("co+ds", [{"ds": "dsMonthly01"}, {"ds": "dsFunded001"}]),
        ("co", [{}, {}]),
    ],
)
def test_option_combos_are_named_by_options_in_the_order_of_the_categories(
    exporting: Exporting, naming: str, settled: list[dict[str, str]]
) -> None:
    exporting.put(CASES, MONEY)
    cases, money = exporting.groups(naming)
    options = {"caSex000001": ["opFemale001", "opMale00001"], "caAge000001": ["opOver50001", "opUnder5001"]}
    assert (list(cases["co"]), cases["co"]) == (["caSex000001", "caAge000001"], options)
    assert cases["data"] == [[0, 0, 1, 1, 1], [0, 1, 1, 0, 2], [1, 1, 0, 1, 3]]
    assert money["ao"] == {"caFunder001": ["opFundX0001", "opFundY0001"]}
    found = [{name: group[name] for name in ("cc", "ds") if name in group} for group in (cases, money)]
    assert found == settled
    assert not {"coc", "aoc"} & (cases.keys() | money.keys())


@pytest.mark.parametrize("naming", NAMINGS)
def test_whatever_the_naming_an_import_gives_the_same_table(exporting: Exporting, naming: str) -> None:
    exporting.put(visits([0, 0, 5], [1, 1, 6, False, True, "late"]), CASES, MONEY)
    before = exporting.stored
    folder = exporting(naming).folder
    assert folder is not None
    exporting.sql("truncate datavalue")
    rows = load([folder], exporting.url, ImportOptions(today=TODAY)).rows
    assert (rows["insert"], rows["ignored"]) == (len(before), 0)
    assert exporting.stored == before


OVERRIDE = (
    "insert into categorycombo values (9, 'ccSexOnly01', 'SEX', 'Sex')",
    "insert into categorycombos_categories values (9, 1, 2)",
    "insert into categoryoptioncombo values (9, 'cbMale00001', null, 'Male')",
    "insert into categorycombos_optioncombos values (9, 9)",
    "insert into categoryoptioncombos_categoryoptions values (9, 2)",
    "insert into datasetelement values (9, 2, 2, 9)",
)
UNDO_OVERRIDE = (
    "truncate datavalue",
    "delete from datasetelement where datasetelementid = 9",
    "delete from categoryoptioncombos_categoryoptions where categoryoptioncomboid = 9",
    "delete from categorycombos_optioncombos where categoryoptioncomboid = 9",
    "delete from categoryoptioncombo where categoryoptioncomboid = 9",
    "delete from categorycombos_categories where categorycomboid = 9",
    "delete from categorycombo where categorycomboid = 9",
)


@pytest.fixture
def overridden(exporting: Exporting) -> Iterator[Exporting]:
    """Cases are counted by sex and age, but in the data set Funded by sex alone."""
    exporting.sql(*OVERRIDE)
    yield exporting
    exporting.sql(*UNDO_OVERRIDE)


def test_bare_options_are_refused_where_a_data_set_overrides_the_category_combo(overridden: Exporting) -> None:
    overridden.put(visits([0, 0, 5]), CASES)
    with pytest.raises(Refused) as caught:
        overridden("co")
    found = caught.value.finding
    assert found.code == "TP762"
    for name in ("deCases0001", "Male, Under 5 (cbMaleU5001)", "cbFemaleU51", "cbMaleO5001"):
        assert name in (found.found or "")
    assert "deVisits001" not in (found.found or "")
    assert not (overridden.folder / "out").exists()


def test_category_combo_settles_whose_options_they_are(overridden: Exporting) -> None:
    overridden.put(CASES, visits([0, 0, 7], de="deCases0001", coc="cbMale00001", ds="dsFunded001", aoc="cbFundX0001"))
    found = {(group["cc"], tuple(group["co"])) for group in overridden.groups("co+cc")}
    assert found == {("ccSexAge001", ("caSex000001", "caAge000001")), ("ccSexOnly01", ("caSex000001",))}


def test_data_set_settles_whose_options_they_are(overridden: Exporting) -> None:
    overridden.put(CASES, visits([0, 0, 7], de="deCases0001", coc="cbMale00001", ds="dsFunded001", aoc="cbFundX0001"))
    found = {(group["ds"], tuple(group["co"])) for group in overridden.groups("co+ds")}
    assert found == {("dsMonthly01", ("caSex000001", "caAge000001")), ("dsFunded001", ("caSex000001",))}


def test_attribute_options_are_refused_where_two_data_sets_could_give_them(overridden: Exporting) -> None:
    overridden.put(visits([0, 0, 7], de="deCases0001", coc="cbMale00001", ds="dsFunded001", aoc="cbFundX0001"))
    overridden.sql(
        "insert into categoryoptioncombo values (10, 'cbFundX0002', null, 'X as well')",
        "insert into categorycombos_optioncombos values (10, 1)",
        "insert into categoryoptioncombos_categoryoptions values (10, 6)",
    )
    try:
        with pytest.raises(Refused) as caught:
            overridden("co+cc")
        assert caught.value.finding.code == "TP762"
        assert "X (cbFundX0001)" in (caught.value.finding.found or "")
        assert "X as well (cbFundX0002)" in (caught.value.finding.found or "")
    finally:
        overridden.sql(
            "delete from categoryoptioncombos_categoryoptions where categoryoptioncomboid = 10",
            "delete from categorycombos_optioncombos where categoryoptioncomboid = 10",
            "delete from categoryoptioncombo where categoryoptioncomboid = 10",
        )


def test_data_set_of_the_filter_goes_before_others(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]))
    exporting.sql(
        "insert into dataset values (8, 'dsAnother01', 'ANOTHER', 'Another', 1, 1, 0, 0, 0)",
        "insert into datasetelement values (8, 8, 1)",
    )
    try:
        assert exporting.groups("co+ds")[0]["ds"] == "dsAnother01"
        assert exporting.groups("co+ds", filters=Filters(data_sets=["MONTHLY"]))[0]["ds"] == "dsMonthly01"
    finally:
        exporting.sql(
            "delete from datasetelement where datasetelementid = 8", "delete from dataset where datasetid = 8"
        )


def test_option_combos_of_the_same_options_are_refused_by_options_but_not_by_themselves(exporting: Exporting) -> None:
    exporting.put(CASES)
    exporting.sql(
        "insert into categoryoptioncombo values (8, 'cbTwin00001', null, 'Under 5, Male')",
        "insert into categorycombos_optioncombos values (8, 2)",
        "insert into categoryoptioncombos_categoryoptions values (8, 2), (8, 4)",
    )
    try:
        for naming in ("co", "co+cc", "co+ds"):
            with pytest.raises(Refused) as caught:
                exporting(naming)
            assert caught.value.finding.code == "TP762"
            assert caught.value.finding.found == '"Male, Under 5 (cbMaleU5001) and Under 5, Male (cbTwin00001)"'
        assert exporting("coc").exit_code == 0
    finally:
        exporting.sql(
            "delete from categoryoptioncombos_categoryoptions where categoryoptioncomboid = 8",
            "delete from categorycombos_optioncombos where categoryoptioncomboid = 8",
            "delete from categoryoptioncombo where categoryoptioncomboid = 8",
        )


def test_second_default_option_combo_is_not_taken_for_the_first(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]))
    exporting.sql(
        "insert into categoryoptioncombo values (7, 'cbDefault02', null, 'default')",
        "insert into categorycombos_optioncombos values (7, 1)",
        "insert into categoryoptioncombos_categoryoptions values (7, 1)",
    )
    try:
        assert "coc" not in exporting.groups("co")[0]
        exporting.sql("update datavalue set categoryoptioncomboid = 7")
        with pytest.raises(Refused) as caught:
            exporting("co")
        assert caught.value.finding.found == "default (HllvX50cXC0) and default (cbDefault02)"
        assert exporting.groups("coc")[0]["coc"] == "cbDefault02"
    finally:
        exporting.sql(
            "truncate datavalue",
            "delete from categoryoptioncombos_categoryoptions where categoryoptioncomboid = 7",
            "delete from categorycombos_optioncombos where categoryoptioncomboid = 7",
            "delete from categoryoptioncombo where categoryoptioncomboid = 7",
        )


@pytest.mark.parametrize(("naming", "code"), [("co", "TP763"), ("co+ds", "TP764")])
def test_option_combos_that_the_data_element_cannot_have_are_named(
    exporting: Exporting, naming: str, code: str
) -> None:
    exporting.put(visits([0, 0, 5]))
    exporting.sql("update datavalue set categoryoptioncomboid = 2")
    with pytest.raises(SourceUnreadable) as caught:
        exporting(naming)
    assert caught.value.finding.code == code
    assert "cbMaleU5001" in (caught.value.finding.found or "")
    assert "deVisits001" in (caught.value.finding.found or "")
    assert exporting.groups("co+cc")[0]["cc"] == "ccSexAge001"


def test_option_combo_without_an_option_of_each_category_is_named(exporting: Exporting) -> None:
    exporting.put(CASES)
    exporting.sql(
        "delete from categoryoptioncombos_categoryoptions where (categoryoptioncomboid, categoryoptionid) = (2, 4)"
    )
    try:
        with pytest.raises(SourceUnreadable) as caught:
            exporting("co+cc")
        assert caught.value.finding.code == "TP763"
        assert caught.value.finding.found == '"Male, Under 5 (cbMaleU5001)"'
    finally:
        exporting.sql("insert into categoryoptioncombos_categoryoptions values (2, 4)")


# --- Identifiers -----------------------------------------------------------------------------------------------------


def test_identifiers_are_those_of_the_scheme_of_their_kind(exporting: Exporting) -> None:
    exporting.put(CASES)
    schemes = {"": "CODE", "ou": "ATTRIBUTE:atNational1"}
    [group] = exporting.groups("co+cc", id_schemes=schemes)
    assert group["ids"] == {**dict.fromkeys(["ds", "de", "cc", "c", "co", "coc", "aoc"], "CODE"), "ou": schemes["ou"]}
    assert (group["cc"], group["de"], group["ou"]) == ("SEXAGE", "CASES", ["101", "102"])
    assert group["co"] == {"SEX": ["F", "M"], "AGE": ["O5", "U5"]}
    [group] = exporting.groups("coc", id_schemes={"": "NAME"}, filters=Filters(org_units=["A"]))
    assert (group["ids"], group["de"], group["coc"]) == ("NAME", "Cases", "Male, Under 5")


def test_objects_without_an_identifier_are_all_named_before_a_value_is_read(exporting: Exporting) -> None:
    exporting.put(CASES)
    with pytest.raises(SourceUnreadable) as caught:
        exporting(id_schemes={"coc": "CODE"})
    found = caught.value.finding
    assert (found.code, found.field) == ("TP761", "coc")
    assert found.found == "cbFemaleU51, cbMaleO5001, cbMaleU5001"
    assert not (exporting.folder / "out").exists()


def test_objects_that_share_an_identifier_are_named(exporting: Exporting) -> None:
    exporting.put(CASES)
    with pytest.raises(SourceUnreadable) as caught:
        exporting(id_schemes={"ou": "NAME"})
    assert (caught.value.finding.code, caught.value.finding.found) == ("TP766", "ouClinicB01")


def test_an_identifier_is_shared_with_objects_that_no_filter_chooses_too(exporting: Exporting) -> None:
    exporting.put(CASES)
    with pytest.raises(SourceUnreadable) as caught:
        exporting(id_schemes={"ou": "NAME"}, filters=Filters(org_units=["ouClinicB01"]))
    assert (caught.value.finding.code, caught.value.finding.found) == ("TP766", "ouClinicB01")


def test_values_of_objects_that_are_gone_are_told_of(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]))
    exporting.sql("set session_replication_role = replica", "update datavalue set sourceid = 77")
    with pytest.raises(SourceUnreadable) as caught:
        exporting()
    assert (caught.value.finding.code, caught.value.finding.field, caught.value.finding.found) == (
        "TP761",
        "ou",
        "id 77",
    )
    assert not (exporting.folder / "out").exists()


def test_objects_without_values_need_no_identifier(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], ou=["ouClinicA01", "ouCountry01"]))
    [group] = exporting.groups(id_schemes={"ou": "NAME", "coc": "CODE"})
    assert (group["ou"], group["coc"]) == ("Clinic A", "default")


# --- Periods ---------------------------------------------------------------------------------------------------------


def store_periods(
    exporting: Exporting, found: list[tuple[str | None, periods.Period | tuple[date, date, str]]]
) -> None:
    """Store a value for each period, with its type by name, as each generation has periods."""
    has_iso = "43" in exporting.url
    for number, (kind, period) in enumerate(found, 100):
        start, end, iso = (period.start, period.end, period.iso) if isinstance(period, periods.Period) else period
        type_id = "null"
        if kind:
            exporting.sql(
                f"insert into periodtype select nextval('hibernate_sequence'), '{kind}' where not exists "
                f"(select from periodtype where name = '{kind}')"
            )
            type_id = f"(select periodtypeid from periodtype where name = '{kind}')"
        text = f", '{iso}'" if has_iso else ""
        exporting.sql(
            f"insert into period select {number}, {type_id}, '{start}', '{end}'{text}",
            f"insert into datavalue values (1, {number}, 2, 1, 1, '7', null, now(), now(), null, false, false)",
        )


def test_every_type_of_period_is_named_in_order(exporting: Exporting) -> None:
    chance = random.Random(7)
    days = [date(2019, 12, 30) + timedelta(days=chance.randint(0, 900)) for _ in PeriodType]
    found = [period for day, kind in zip(days, PeriodType, strict=True) if (period := periods.containing(day, kind))]
    store_periods(exporting, [(period.kind.value, period) for period in found])
    [group] = exporting.groups()
    assert group["pe"] == [period.iso for period in sorted(set(found), key=periods.sort_key)]


def test_periods_that_have_no_name_are_refused_if_values_belong_to_them(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]))
    store_periods(exporting, [("TwoYearly", (date(2024, 1, 1), date(2025, 12, 31), "2024TwoYearly"))])
    with pytest.raises(SourceUnreadable) as caught:
        exporting()
    assert caught.value.finding.code == "TP767"
    assert "TwoYearly" in (caught.value.finding.found or "")
    assert exporting.groups(filters=Filters(periods=["202503"]))[0]["data"] == [[5]]
    exporting.sql("delete from datavalue where periodid = 100")
    assert exporting.groups()[0]["data"] == [[5]]


# --- Filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 10),
        ({"data_elements": ["deVisits001"]}, 4),
        ({"data_elements": ["CASES", "deVisits001"]}, 7),
        ({"data_element_groups": ["TEXTS"]}, 1),
        ({"data_element_groups": ["dgTexts0001"], "data_elements": ["VISITS"]}, 5),
        ({"data_sets": ["FUNDED"]}, 2),
        ({"data_sets": ["dsFunded001", "dsMonthly01"]}, 10),
        ({"periods": ["202504"]}, 3),
        ({"periods": ["202503", "2025-04"]}, 10),
        ({"start": date(2025, 3, 1)}, 10),
        ({"start": date(2025, 3, 2)}, 3),
        ({"end": date(2025, 4, 29)}, 7),
        ({"start": date(2025, 4, 1), "end": date(2025, 4, 30)}, 3),
        ({"org_units": ["ouClinicB01"]}, 4),
        ({"org_units": ["C"]}, 0),
        ({"org_units": ["C"], "children": True}, 10),
        ({"org_units": ["ouClinicB01"], "children": True}, 4),
        ({"org_unit_groups": ["RURAL"]}, 4),
        ({"org_unit_groups": ["RURAL"], "org_units": ["ouClinicA01"]}, 10),
        ({"org_units": ["C"], "children": True, "levels": [1]}, 0),
        ({"levels": [2]}, 10),
        ({"attribute_option_combos": ["cbFundX0001"]}, 1),
        ({"updated_since": datetime(2020, 1, 1)}, 9),
        ({"updated_since": datetime(2019, 12, 31, 23, 59)}, 10),
        ({"data_sets": ["MONTHLY"], "periods": ["202504"], "org_units": ["ouClinicB01"]}, 2),
        ({"periods": ["2025"]}, 0),
    ],
)
def test_filters_choose_the_values_that_fit_all_of_them(
    filled: Exporting, given: dict[str, Any], expected: int
) -> None:
    outcome = filled(filters=Filters(**given))
    assert outcome.manifest is not None
    assert outcome.manifest["values"]["written"] == expected
    assert set(outcome.manifest["database"]["filters"]) == set(given)


def test_what_a_filter_names_and_is_not_there_is_all_named(exporting: Exporting) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        exporting(filters=Filters(data_elements=["VISITS", "deNobody001"], org_units=["\udcff"], data_sets=["x"]))
    assert (caught.value.finding.code, caught.value.finding.found) == ("TP760", "deNobody001, x, \\udcff")


@pytest.mark.parametrize(
    "given",
    [
        {"periods": ["202513"]},
        {"periods": ["202501"], "start": date(2025, 1, 1)},
        {"start": date(2025, 2, 1), "end": date(2025, 1, 1)},
        {"children": True},
        {"children": True, "org_units": ["C"], "org_unit_groups": ["RURAL"]},
    ],
)
def test_filters_that_do_not_go_together_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"period|start|children"):
        Filters(**given)


def test_no_value_that_fits_is_a_manifest_and_a_warning(exporting: Exporting) -> None:
    outcome = exporting(filters=Filters(deleted=True))
    assert (outcome.exit_code, [f.code for f in outcome.findings]) == (1, ["TP765"])
    assert outcome.folder is not None
    assert list(contents(outcome.folder)) == ["manifest.json"]


# --- Nothing is lost, and nothing half-done --------------------------------------------------------------------------


def test_rows_that_say_nothing_are_told_of_one_by_one(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6], [1, 0, 7], [1, 1, 8, False, True]))
    exporting.sql(
        "update datavalue set value = '' where value = '6'", "update datavalue set value = null where value = '8'"
    )
    outcome = exporting("co+ds")
    assert outcome.folder is not None
    assert outcome.manifest is not None
    assert outcome.exit_code == 1
    assert outcome.manifest["values"] == {"read": 4, "written": 2, "superseded": 0, "rejected": 2}
    lines = [json.loads(line) for line in (outcome.folder / "rejects.ndjson").read_text().splitlines()]
    assert [line["code"] for line in lines] == ["TP306", "TP306"]
    common = {"dataElement": "deVisits001", "orgUnit": "ouClinicB01", "dataSet": "dsMonthly01", "deleted": False}
    common |= {"categoryOptionCombo": None, "attributeOptionCombo": None}
    assert sorted((line["original"] for line in lines), key=lambda o: str(o["period"])) == [
        {**common, "period": "202503", "value": "", "followUp": False},
        {**common, "period": "202504", "followUp": True},
    ]


def test_an_export_sees_one_state_of_the_database_whatever_is_written_meanwhile(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6]))
    exporting.sql("update datavalue set value = '' where value = '6'")
    began: list[Progress] = []

    def interfere(progress: Progress) -> None:
        if not began:
            began.append(progress)
            exporting.sql("delete from datavalue")

    outcome = exporting(watch=interfere)
    assert outcome.manifest is not None
    assert began
    assert outcome.manifest["values"] == {"read": 2, "written": 1, "superseded": 0, "rejected": 1}


def test_an_export_that_loses_its_connection_leaves_nothing(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5], [0, 1, 6]))
    exporting.sql("update datavalue set value = '' where value = '6'")

    def cut(_: Progress) -> None:
        exporting.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tallyport'")

    with pytest.raises(OutsideFailed) as caught:
        exporting(watch=cut)
    assert caught.value.finding.code == "TP805"
    assert not (exporting.folder / "out").exists()
    assert exporting().exit_code == 1


GRANTED = re.findall(r"grant select on\n(.*?)\nto", (ROOT / "docs/export.md").read_text(encoding="utf-8"), re.DOTALL)
GRANTED = [table.strip() for tables in GRANTED for table in tables.split(",")]


def test_it_needs_no_grants_but_those_of_its_page_and_writes_nothing(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]), CASES, MONEY)
    exporting.sql(
        "do $$ begin create role reader login; exception when duplicate_object then null; end $$",
        "revoke all on schema public from reader",
        "revoke temporary on database small_42 from public" if "42" in exporting.url else "select 1",
        f"grant select on {', '.join(GRANTED)} to reader",
    )
    url = exporting.url.replace("postgres@", "reader@")
    given = Filters(data_sets=["MONTHLY"], data_element_groups=["TEXTS"], org_units=["C"], children=True)
    for naming in NAMINGS:
        outcome = exporting(naming, url=url, filters=given)
        assert outcome.manifest is not None
        assert outcome.manifest["values"]["written"] == 4


def test_an_existing_folder_is_replaced_only_if_that_is_asked_for(exporting: Exporting) -> None:
    exporting.put(visits([0, 0, 5]))
    first = exporting().folder
    assert first is not None
    before = contents(first)
    exporting.sql("update datavalue set value = '6'")
    with pytest.raises(Refused) as caught:
        export_values(exporting.url, exporting.folder / "out", ExportOptions(OptionNaming.COC))
    assert caught.value.finding.code == "TP901"
    assert contents(first) == before
    exporting()
    assert contents(first) != before


# --- Tuples as they come over the wire -------------------------------------------------------------------------------


def tuple_of(*fields: bytes | None) -> bytes:
    """A tuple in the binary form of COPY."""
    sized = [b"\xff\xff\xff\xff" if text is None else len(text).to_bytes(4) + text for text in fields]
    return len(fields).to_bytes(2) + b"".join(sized)


def stored_tuple(number: int, value: bytes | None = b"7", comment: bytes | None = None) -> bytes:
    ids = [(id_ << 40 | number).to_bytes(8) for id_ in range(5)]
    return tuple_of(*ids, None, value, comment, b"\0", None, b"\1")


@pytest.mark.parametrize("seed", range(20))
def test_tuples_are_read_the_same_wherever_they_are_cut(seed: int) -> None:
    chance = random.Random(seed)
    texts = [None, b"", b"7", "é💉".encode(), b"x" * 300]
    tuples = [stored_tuple(n, chance.choice(texts), chance.choice(texts)) for n in range(chance.randint(1, 9))]
    whole = b"".join(tuples)
    ends = [0]
    for one in tuples:
        ends.append(ends[-1] + len(one))
    cut = chance.randint(0, len(whole))
    with exact_blocks(), Batch() as first, Batch() as rest:
        first.scan_tuples(whole[:cut], final=False)
        assert (first.fault, first.report.consumed) == (Fault.NONE, max(end for end in ends if end <= cut))
        rest.scan_tuples(whole[first.report.consumed :], final=True)
        assert (rest.fault, first.report.rows + rest.report.rows) == (Fault.NONE, len(tuples))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (stored_tuple(1)[:-1], Fault.TRUNCATED),
        (stored_tuple(1)[:1], Fault.TRUNCATED),
        (tuple_of(b"12345678"), Fault.STRUCTURE),
        (stored_tuple(1).replace(b"\0\0\0\x08", b"\0\0\0\x04", 1), Fault.STRUCTURE),
        (stored_tuple(1).replace(b"\0\0\0\x08", b"\x7f\0\0\x08", 1), Fault.TRUNCATED),
        (stored_tuple(1, b"caf\xe9"), Fault.UTF8),
        (stored_tuple(1, b"7", b"caf\xe9"), Fault.UTF8),
    ],
)
def test_what_is_no_tuple_is_a_fault(data: bytes, fault: Fault) -> None:
    with exact_blocks(), Batch() as batch:
        batch.scan_tuples(stored_tuple(0) + data, final=True)
        assert (batch.report.rows, batch.fault, batch.report.fault_at) == (1, fault, len(stored_tuple(0)))


def test_random_bytes_are_read_to_an_end() -> None:
    chance = random.Random(1)
    with exact_blocks():
        for _ in range(300):
            data = bytearray(stored_tuple(1) + stored_tuple(2, b"8", b"x"))
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with Batch() as batch:
                batch.scan_tuples(bytes(data), final=chance.random() < 0.5)
                assert batch.report.consumed <= len(data)


# --- The command -----------------------------------------------------------------------------------------------------


def test_the_command_exports_and_tells_what_it_did(exporting: Exporting) -> None:
    exporting.put(CASES, visits([0, 0, 5]))
    name = "small_42" if "42" in exporting.url else "small_43"
    ended = run(
        *("export", "--database", exporting.url, "-o", exporting.folder / "out", "--options", "co+cc"),
        *("--data-set", "MONTHLY", "--period", "202503", "--org-unit", "C", "--children", "--id-scheme", "CODE"),
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    said = ended.stdout.decode()
    assert f"{name}: DHIS2 2.{name[-2:]}, option combos named by co+cc" in said
    assert "3 read = 3 written + 0 superseded + 0 rejected" in said
    assert set(contents(exporting.folder / "out" / name)) == {"manifest.json", "CASES.adv2.json", "VISITS.adv2.json"}


def test_the_command_gives_one_json_document(both: dict[str, str], tmp_path: Path) -> None:
    execute(both["43"], "truncate datavalue")
    ended = run("export", "--database", both["43"], "-o", tmp_path, "--options", "coc", "--all", "--json")
    document = json.loads(ended.stdout)
    check_against("export", document)
    assert ended.returncode == 1
    assert document["database"] == {"name": "small_43", "generation": "2.43", "options": "coc", "filters": {}}
    assert document["folder"] == str(tmp_path / "small_43")
    assert [found["code"] for found in document["findings"]] == ["TP765"]
    ended = run(
        *("export", "--database", both["43"], "-o", tmp_path, "--options", "coc", "--data-element", "x", "--json")
    )
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (3, "TP760")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all"], "--options"),
        (["--options", "coc"], "--all"),
        (["--options", "coc", "--all", "--data-set", "x"], "--all"),
        (["--options", "coc", "--all", "--period", "202513"], "month 13"),
        (["--options", "coc", "--all", "--children"], "children"),
        (["--options", "coc", "--all", "--id-scheme", "CODE", "--id-scheme", "UID"], "2 times"),
    ],
)
def test_options_that_make_no_sense_are_answered(arguments: list[str], said: str, tmp_path: Path) -> None:
    ended = run("export", "--database", "postgresql://nobody@nowhere.invalid/x", "-o", tmp_path, *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr.decode()
