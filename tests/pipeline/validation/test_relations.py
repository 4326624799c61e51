"""What a header says, against the metadata: every rule with a header that keeps it and one that breaks it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.hmis import Change, changed, header, of, options, put, whole, without
from support.places import DATA
from tallyport import convert, validate
from tallyport.metadata import Snapshot
from tallyport.validation.relations import Relations, check_relations
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.finding_codes import CODES
from tallyport_schemas.group_header import GroupHeader

TODAY = date(2025, 3, 15)

OUTREACH: dict[str, Any] = {"ds": "dsOutreach1", "coc": ("ocFixed0001",), "aoc": ("ocEvery0001",)}
CAMPAIGN: dict[str, Any] = {"ds": "dsCampaign1", "de": "deStock0001", "coc": None}
ANY_SET: dict[str, Any] = {"ds": None}
AGE_SEX = {"cgAge000001": ["coUnder5001", "coOver50001"], "cgSex000001": ["coFemale001"]}


def check(of_group: GroupHeader, snapshot: Snapshot | None = None, today: date = TODAY) -> Relations:
    return check_relations(of_group, snapshot or whole(), today=today)


def the_only(relations: Relations) -> Finding:
    assert len(relations.findings) == 1, [found.as_json() for found in relations.findings]
    return relations.findings[0]


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("option combo by identifier", {}),
    ("several periods and organisation units", {"pe": ("202411", "202412"), "ou": ("ouClinicA01", "ouClinicB01")}),
    ("option combo of any of several", {"coc": ("ocUnder5F01", "ocOver5M001")}),
    ("options by category", {"co": options(AGE_SEX)}),
    ("options by category in another order than the combo's", {"co": options(dict(reversed(AGE_SEX.items())))}),
    ("options by position", {"co": options([["coUnder5001"], ["coMale00001", "coFemale001"]])}),
    ("category combo that is the data element's", {"cc": "ccAgeSex001", "co": options(AGE_SEX)}),
    ("default option combo left out", {"de": "deStock0001", "coc": None}),
    ("default option combo named", {"de": "deStock0001", "coc": ("ocDefault01",), "aoc": ("ocDefault01",)}),
    ("option combo of the data set's override", OUTREACH),
    ("options of the data set's override", OUTREACH | {"coc": None, "co": options([["coOutreach1"]])}),
    ("attribute options by category", OUTREACH | {"aoc": None, "ao": options({"cgProject01": ["coEvery0001"]})}),
    ("attribute options by position", OUTREACH | {"aoc": None, "ao": options([["coEvery0001", "coWater0001"]])}),
    ("attribute option within its dates", OUTREACH | {"aoc": ("ocWater0001",), "pe": ("202501", "202503")}),
    ("attribute option at organisation units below its own", OUTREACH | {"aoc": ("ocSchool001",)}),
    ("organisation unit on its first day", {"ou": ("ouClinicA02",), "pe": ("202502",)}),
    ("organisation unit on a day before its last", {"ou": ("ouClinicB01",), "pe": ("202412",)}),
    ("period as far in the future as the set allows", {"pe": ("202503", "202504")}),
    (
        "period of the type of its own data set",
        {"ds": "dsWeekly001", "de": "deWeekly001", "pe": ("2025W10",), "coc": None},
    ),
    ("input period that is open", CAMPAIGN | {"pe": ("202502",)}),
    ("no data set, data element in one", ANY_SET | {"de": "deSupply001", "coc": None}),
    ("no data set, option combo of an override", ANY_SET | {"coc": ("ocFixed0001",)}),
    ("no data set, category combo given", ANY_SET | {"cc": "ccFixedOut1", "co": options([["coFixed0001"]])}),
    ("no data set, period that one of the sets takes", ANY_SET | {"pe": ("202504",)}),
    ("no data set, organisation unit of one of the sets", ANY_SET | {"ou": ("ouClinicB01",), "pe": ("202412",)}),
    ("no data set, attribute option combo of one of the sets", ANY_SET | {"aoc": ("ocEvery0001",)}),
    ("no data set, input periods of one of the sets", ANY_SET | {"de": "deStock0001", "coc": None, "pe": ("202403",)}),
    ("codes", {"ids": {"ou": "CODE", "coc": "CODE"}, "ou": ("CLINIC_A1",), "coc": ("U5_F",)}),
    ("names", {"ids": {"ou": "NAME"}, "ou": ("Hilltop",), "pe": ("202503",)}),
    ("attribute values", {"ids": {"ou": "ATTRIBUTE:atNationalI"}, "ou": ("N-001",)}),
]


@pytest.mark.parametrize(("says", "given"), GOOD, ids=[says for says, _ in GOOD])
def test_header_is_found_right(says: str, given: dict[str, Any]) -> None:
    relations = check(header(**given))
    assert [found.as_json() for found in relations.findings] == []
    assert relations.not_made == []
    assert relations.rules is not None


class Bad(NamedTuple):
    """A header that breaks one rule: the code, the property, and all that is at fault."""

    says: str
    code: str
    where: str
    found: str
    given: dict[str, Any]


BAD = [
    Bad("data set unknown", "TP701", "ds", "dsMonthly99", {"ds": "dsMonthly99"}),
    Bad("data element unknown", "TP702", "de", "deVisits999", {"de": "deVisits999"}),
    Bad(
        "organisation units unknown",
        "TP703",
        "ou",
        "ouNowhere01, ouNowhere02",
        {"ou": ("ouNowhere01", "ouClinicA01", "ouNowhere02")},
    ),
    Bad("category combo unknown", "TP704", "cc", "ccNothing01", {"cc": "ccNothing01"}),
    Bad(
        "categories unknown",
        "TP705",
        "co",
        "cgNothing01",
        {"co": options({"cgAge000001": ["coUnder5001"], "cgNothing01": ["coFemale001"]})},
    ),
    Bad(
        "category options unknown",
        "TP706",
        "co",
        "coNothing01, coNothing02",
        {"co": options([["coNothing01"], ["coNothing02", "coMale00001"]])},
    ),
    Bad("category option combos unknown", "TP707", "coc", "ocNothing01", {"coc": ("ocUnder5F01", "ocNothing01")}),
    Bad(
        "attribute option combos unknown",
        "TP708",
        "aoc",
        "ocNothing01",
        OUTREACH | {"aoc": ("ocNothing01", "ocEvery0001")},
    ),
    Bad(
        "attribute options unknown",
        "TP706",
        "ao",
        "coNothing01",
        OUTREACH | {"aoc": None, "ao": options([["coNothing01"]])},
    ),
    Bad(
        "name that two organisation units have",
        "TP709",
        "ou",
        "Riverside",
        {"ids": {"ou": "NAME"}, "ou": ("Riverside",)},
    ),
    Bad(
        "attribute value that two organisation units have",
        "TP709",
        "ou",
        "N-003",
        {"ids": {"ou": "ATTRIBUTE:atNationalI"}, "ou": ("N-003", "N-001")},
    ),
    Bad("attribute unknown", "TP710", "ids", "atNothing01", {"ids": {"ou": "ATTRIBUTE:atNothing01"}}),
    Bad("data element of a tracker program", "TP711", "de", "deTracker01", {"de": "deTracker01", "coc": None}),
    Bad("data element in no data set", "TP712", "de", "deNowhere01", ANY_SET | {"de": "deNowhere01", "coc": None}),
    Bad("data element in another data set", "TP713", "de", "deWeekly001", {"de": "deWeekly001", "coc": None}),
    Bad(
        "organisation units not assigned",
        "TP714",
        "ou",
        "ouDistrictA, ouDistrictB",
        {"ou": ("ouDistrictA", "ouClinicA01", "ouDistrictB")},
    ),
    Bad(
        "organisation units assigned to none of the sets",
        "TP714",
        "ou",
        "ouDistrictA",
        ANY_SET | {"ou": ("ouDistrictA", "ouClinicA01")},
    ),
    Bad("periods of other types", "TP715", "pe", "2025W1, 2024", {"pe": ("2025W1", "202501", "2024")}),
    Bad("category combo that is another's", "TP716", "cc", "ccFixedOut1", {"cc": "ccFixedOut1"}),
    Bad("category combo that is overridden", "TP716", "cc", "ccAgeSex001", OUTREACH | {"cc": "ccAgeSex001"}),
    Bad(
        "options without a data set, where overrides fit as well",
        "TP717",
        "co",
        "Age and sex (ccAgeSex001), Fixed or outreach (ccFixedOut1)",
        ANY_SET | {"co": options(AGE_SEX)},
    ),
    Bad(
        "option combos of another combo",
        "TP718",
        "coc",
        "ocFixed0001, ocDefault01",
        {"coc": ("ocFixed0001", "ocUnder5F01", "ocDefault01")},
    ),
    Bad(
        "option combo of the combo that is overridden",
        "TP718",
        "coc",
        "ocUnder5F01",
        OUTREACH | {"coc": ("ocUnder5F01",)},
    ),
    Bad("option combo of no override either", "TP718", "coc", "ocWater0001", ANY_SET | {"coc": ("ocWater0001",)}),
    Bad(
        "category left out",
        "TP719",
        "co",
        "nothing for Sex (cgSex000001)",
        {"co": options({"cgAge000001": ["coUnder5001"]})},
    ),
    Bad(
        "category of another combo",
        "TP719",
        "co",
        "cgFixedOut1",
        {"co": options(AGE_SEX | {"cgFixedOut1": ["coFixed0001"]})},
    ),
    Bad("too few categories", "TP719", "co", "options for 1 categories", {"co": options([["coUnder5001"]])}),
    Bad(
        "options of another category",
        "TP720",
        "co",
        "coFixed0001, coOutreach1",
        {"co": options([["coUnder5001", "coFixed0001"], ["coMale00001", "coOutreach1"]])},
    ),
    Bad(
        "categories in another order where none is named",
        "TP720",
        "co",
        "coFemale001, coUnder5001",
        {"co": options([["coFemale001"], ["coUnder5001"]])},
    ),
    Bad("nothing for a disaggregated data element", "TP722", "coc", "deVisits001", {"coc": None}),
    Bad(
        "attribute option combos of another combo",
        "TP723",
        "aoc",
        "ocFixed0001",
        OUTREACH | {"aoc": ("ocEvery0001", "ocFixed0001")},
    ),
    Bad("attribute option combo where the set has none", "TP723", "aoc", "ocEvery0001", {"aoc": ("ocEvery0001",)}),
    Bad(
        "attribute category of another combo",
        "TP724",
        "ao",
        "cgFixedOut1, nothing for Project (cgProject01)",
        OUTREACH | {"aoc": None, "ao": options({"cgFixedOut1": ["coFixed0001"]})},
    ),
    Bad(
        "attribute options of another category",
        "TP725",
        "ao",
        "coFixed0001",
        OUTREACH | {"aoc": None, "ao": options([["coFixed0001", "coEvery0001"]])},
    ),
    Bad("nothing for a set with attributes", "TP727", "aoc", "dsOutreach1", OUTREACH | {"aoc": None}),
    Bad(
        "organisation unit before its opening",
        "TP728",
        "ou",
        "ouClinicA02 (open from 2025-02-01)",
        {"ou": ("ouClinicA01", "ouClinicA02")},
    ),
    Bad(
        "organisation unit after its closing",
        "TP728",
        "ou",
        "ouClinicB01 (open from 2000-01-01 to 2024-12-31)",
        {"ou": ("ouClinicB01",)},
    ),
    Bad(
        "attribute option after its dates",
        "TP729",
        "pe",
        "ocWater0001 (from 2025-01-01 to 2025-03-31): 202505 202506",
        OUTREACH | {"aoc": ("ocWater0001",), "pe": ("202505", "202506")},
    ),
    Bad(
        "attribute option before its dates",
        "TP729",
        "pe",
        "coWater0001 (from 2025-01-01 to 2025-03-31): 202412",
        OUTREACH | {"aoc": None, "ao": options([["coWater0001"]]), "pe": ("202412",)},
    ),
    Bad(
        "attribute option of other organisation units",
        "TP730",
        "ou",
        "ocSchool001: ouClinicB02",
        OUTREACH | {"aoc": ("ocSchool001",), "ou": ("ouClinicB02",)},
    ),
    Bad(
        "attribute option by category, of other organisation units",
        "TP730",
        "ou",
        "coSchool001: ouClinicB02",
        OUTREACH | {"aoc": None, "ao": options([["coSchool001"]]), "ou": ("ouClinicB02",)},
    ),
    Bad(
        "period that is no input period",
        "TP731",
        "pe",
        "202403, 202503",
        CAMPAIGN | {"pe": ("202403", "202502", "202503")},
    ),
    Bad("input period that is over", "TP732", "pe", "202501 (open from 2025-01-01 to 2025-02-15)", CAMPAIGN),
    Bad("period too far in the future", "TP733", "pe", "202505, 202601", {"pe": ("202504", "202505", "202601")}),
    Bad(
        "period after the current one",
        "TP733",
        "pe",
        "2025W12",
        {"ds": "dsWeekly001", "de": "deWeekly001", "coc": None, "pe": ("2025W11", "2025W12")},
    ),
]
LATER = date(2025, 12, 31)


@pytest.mark.parametrize("bad", BAD, ids=[bad.says for bad in BAD])
def test_header_fails_with_all_culprits(bad: Bad) -> None:
    today = LATER if bad.code == "TP729" else TODAY
    found = the_only(check(header(**bad.given), today=today))
    assert (found.code, found.field, found.found) == (bad.code, bad.where, bad.found)
    assert found.severity is Severity.ERROR
    assert found.message == CODES[bad.code].message


def test_every_code_on_relations_is_raised_by_a_header() -> None:
    raised = {bad.code for bad in BAD} | {"TP721", "TP726"}
    assert raised == {code for code in CODES if "TP701" <= code < "TP734"}


def test_all_failures_of_a_header_are_found_not_the_first() -> None:
    given = {"ou": ("ouNowhere01", "ouDistrictA"), "pe": ("2025",), "coc": ("ocFixed0001",), "aoc": ("ocWater0001",)}
    codes = {found.code for found in check(header(**given)).findings}
    assert codes == {"TP703", "TP714", "TP715", "TP718", "TP723", "TP729"}


# --- What the rows decide --------------------------------------------------------------------------------------------

SPANS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "organisation unit that opens between the periods",
        "TP728",
        {"ou": ("ouClinicA01", "ouClinicA02"), "pe": ("202501", "202502")},
    ),
    (
        "attribute option that ends between the periods",
        "TP729",
        OUTREACH | {"aoc": ("ocWater0001", "ocEvery0001"), "pe": ("202501", "202512")},
    ),
    (
        "attribute option for some of the organisation units",
        "TP730",
        OUTREACH | {"aoc": ("ocSchool001", "ocEvery0001"), "ou": ("ouClinicA01", "ouClinicB02")},
    ),
]


@pytest.mark.parametrize(("says", "code", "given"), SPANS, ids=[says for says, _, _ in SPANS])
def test_what_is_wrong_for_some_combinations_is_a_warning(says: str, code: str, given: dict[str, Any]) -> None:
    found = the_only(check(header(**given), today=LATER))
    assert (found.code, found.severity) == (code, Severity.WARNING)
    assert found.message != CODES[code].message


@pytest.mark.parametrize(("says", "code", "given"), SPANS, ids=[says for says, _, _ in SPANS])
def test_what_is_wrong_for_some_combinations_is_an_error_where_all_are_deleted(
    says: str, code: str, given: dict[str, Any]
) -> None:
    found = the_only(check(header(**given, delete="soft"), today=LATER))
    assert (found.code, found.severity) == (code, Severity.ERROR)


def test_period_at_which_no_organisation_unit_is_open_is_an_error() -> None:
    found = the_only(check(header(ou=("ouClinicA02",), pe=("202501", "202502"))))
    assert (found.code, found.severity) == ("TP728", Severity.ERROR)


def lose(*uids: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        kept = [combo for combo in document["categoryOptionCombos"] if combo["id"] not in uids]
        document["categoryOptionCombos"] = kept

    return change


def test_combination_of_options_without_an_option_combo_is_named() -> None:
    snapshot = changed(lose("ocUnder5F01"))
    found = the_only(check(header(co=options([["coUnder5001"], ["coFemale001"]])), snapshot))
    assert (found.code, found.found, found.severity) == ("TP721", "coUnder5001 + coFemale001", Severity.ERROR)


def test_combination_of_options_without_an_option_combo_beside_others_that_have_one_is_a_warning() -> None:
    snapshot = changed(lose("ocUnder5F01"))
    found = the_only(check(header(co=options(AGE_SEX)), snapshot))
    assert (found.code, found.found, found.severity) == ("TP721", "coUnder5001 + coFemale001", Severity.WARNING)


def test_attribute_options_without_an_option_combo_are_named() -> None:
    snapshot = changed(lose("ocEvery0001"))
    given = OUTREACH | {"aoc": None, "ao": options([["coEvery0001"]])}
    found = the_only(check(header(**given), snapshot))
    assert (found.code, found.found) == ("TP726", "coEvery0001")


# --- Words -----------------------------------------------------------------------------------------------------------


def test_identifier_that_is_close_is_suggested() -> None:
    found = the_only(check(header(ou=("ouClinicAo1",))))
    assert found.help is not None
    assert "did you mean ouClinicA01 in place of ouClinicAo1?" in found.help


def test_identifier_of_another_scheme_is_recognised() -> None:
    found = the_only(check(header(ou=("CLINIC_A1",))))
    assert found.help is not None
    assert "CLINIC_A1 is a CODE: say so with --id-scheme ou=CODE" in found.help


def test_ambiguous_name_is_given_with_its_holders() -> None:
    found = the_only(check(header(ids={"ou": "NAME"}, ou=("Riverside",))))
    assert found.help is not None
    assert "ouClinicA01, ouClinicB01" in found.help


def test_data_element_in_another_data_set_is_told_which() -> None:
    found = the_only(check(header(de="deWeekly001", coc=None)))
    assert found.help is not None
    assert "it is in Weekly report (dsWeekly001)" in found.help


def test_several_combos_are_settled_by_what_the_help_says() -> None:
    found = the_only(check(header(ds=None, co=options(AGE_SEX))))
    assert found.help == "give cc, or ds, or use coc in place of co"


def test_hundred_culprits_are_all_listed_and_those_with_commas_quoted() -> None:
    names = [f"Clinic {n}" for n in range(100)] + ["Clinic, new"]
    found = the_only(check(header(ids={"ou": "NAME"}, ou=tuple(names))))
    assert found.found == ", ".join([*names[:-1], '"Clinic, new"'])


# --- What cannot be told ---------------------------------------------------------------------------------------------

LACKING: list[tuple[str, str, Change, dict[str, Any]]] = [
    ("the data set exists", "dataSets", without("dataSets"), {}),
    ("the data element exists", "dataElements", without("dataElements"), {}),
    ("organisation units exist", "organisationUnits", without("organisationUnits"), {}),
    (
        "organisation units exist",
        "organisationUnits.code",
        without("organisationUnits", "code"),
        {"ids": {"ou": "CODE"}},
    ),
    ("category option combos exist", "categoryOptionCombos", without("categoryOptionCombos"), {}),
    ("the data element is aggregate", "dataElements.domainType", without("dataElements", "domainType"), {}),
    ("the data element is in the data set", "dataSets.dataSetElements", without("dataSets", "dataSetElements"), {}),
    (
        "organisation units are assigned to the data set",
        "dataSets.organisationUnits",
        without("dataSets", "organisationUnits"),
        {},
    ),
    (
        "organisation units are assigned to the data set",
        "organisationUnits of Monthly report (dsMonthly01)",
        lambda d: of(d, "dsMonthly01").pop("organisationUnits"),
        {},
    ),
    ("periods are of the data set's period type", "dataSets.periodType", without("dataSets", "periodType"), {}),
    (
        "option combos belong to the data element's category combo",
        "dataElements.categoryCombo",
        without("dataElements", "categoryCombo"),
        {},
    ),
    (
        "option combos belong to the data element's category combo",
        "categoryOptionCombos.categoryCombo",
        without("categoryOptionCombos", "categoryCombo"),
        {},
    ),
    (
        "attribute option combos belong to the data set's category combo",
        "dataSets.categoryCombo",
        without("dataSets", "categoryCombo"),
        {},
    ),
    (
        "category options belong to their categories, and these to the category combo",
        "categories.categoryOptions",
        without("categories", "categoryOptions"),
        {"co": options(AGE_SEX)},
    ),
    (
        "there are option combos for the category options",
        "categoryOptionCombos.categoryOptions",
        without("categoryOptionCombos", "categoryOptions"),
        {"co": options(AGE_SEX)},
    ),
    ("organisation units are open", "organisationUnits.openingDate", without("organisationUnits", "openingDate"), {}),
    (
        "periods fit the dates of attribute options",
        "categoryOptions.startDate",
        without("categoryOptions", "startDate", "endDate", "organisationUnits"),
        OUTREACH,
    ),
    (
        "attribute options are meant for the organisation units",
        "categoryOptions.organisationUnits",
        without("categoryOptions", "organisationUnits"),
        OUTREACH,
    ),
    (
        "periods are among the data set's input periods",
        "dataSets.dataInputPeriods",
        without("dataSets", "dataInputPeriods"),
        {},
    ),
    (
        "periods are not too far in the future",
        "dataSets.openFuturePeriods",
        without("dataSets", "openFuturePeriods"),
        {},
    ),
    ("values are of the data element's value type", "dataElements.valueType", without("dataElements", "valueType"), {}),
    (
        "values are options of the option set",
        "options of Suppliers (osSupplier1)",
        without("options"),
        {"de": "deSupply001", "coc": None},
    ),
    (
        "the files that values refer to exist",
        "fileResources",
        without("fileResources"),
        {"de": "dePhoto0001", "coc": None},
    ),
]


@pytest.mark.parametrize(
    ("name", "missing", "change", "given"), LACKING, ids=[f"{name}: {missing}" for name, missing, _, _ in LACKING]
)
def test_check_that_cannot_be_made_is_not_passed_but_reported(
    name: str, missing: str, change: Change, given: dict[str, Any]
) -> None:
    relations = check(header(**given), changed(change))
    assert [found.as_json() for found in relations.findings] == []
    assert f"{name}: the metadata has no {missing}" in relations.not_made


def test_without_the_organisation_units_their_assignment_is_still_checked() -> None:
    snapshot = changed(without("organisationUnits"))
    found = the_only(check(header(ou=("ouClinicA01", "ouDistrictA")), snapshot))
    assert (found.code, found.found) == ("TP714", "ouDistrictA")


# --- Rules for rows --------------------------------------------------------------------------------------------------


def test_rows_of_a_data_element_without_options_follow_its_value_type() -> None:
    rules = check(header()).rules
    assert rules is not None
    assert rules.value_type == "INTEGER_ZERO_OR_POSITIVE"
    assert (rules.option_codes, rules.multi, rules.comment_codes, rules.file_resources) == (None, False, None, None)


def test_rows_of_a_data_element_with_option_sets_follow_their_codes() -> None:
    rules = check(header(de="deSupply001", coc=None)).rules
    assert rules is not None
    assert (rules.option_codes, rules.multi) == (frozenset({"CENTRAL", "PRIVATE"}), True)
    assert rules.comment_codes == frozenset({"LATE"})


def test_option_set_without_options_is_no_rule() -> None:
    rules = check(header(), changed(put("deVisits001", "optionSet", {"id": "osEmpty0001"}))).rules
    assert rules is not None
    assert rules.option_codes is None


def test_rows_that_refer_to_files_follow_the_known_files() -> None:
    rules = check(header(de="dePhoto0001", coc=None)).rules
    assert rules is not None
    assert rules.file_resources == frozenset({"frPhoto0001"})


def test_data_element_that_does_not_exist_gives_no_rules() -> None:
    assert check(header(de="deVisits999")).rules is None


# --- Periods moved ---------------------------------------------------------------------------------------------------

MOVED = [("202503", 0, True), ("202504", 0, False), ("202504", 1, True), ("202505", 1, False), ("202505", 2, True)]


@pytest.mark.parametrize(("period", "allowed", "is_fit"), MOVED)
def test_periods_after_the_end_of_an_option_are_taken_as_far_as_the_set_allows(
    period: str, allowed: int, is_fit: bool
) -> None:
    snapshot = changed(put("dsOutreach1", "openPeriodsAfterCoEndDate", allowed))
    relations = check(header(**OUTREACH | {"aoc": ("ocWater0001",), "pe": (period,)}), snapshot, LATER)
    assert [found.code for found in relations.findings] == ([] if is_fit else ["TP729"])


FUTURE = [("202503", 0, True), ("202504", 0, False), ("202504", 1, True), ("202603", 12, True), ("202604", 12, False)]


@pytest.mark.parametrize(("period", "allowed", "is_fit"), FUTURE)
def test_periods_in_the_future_are_taken_as_far_as_the_set_allows(period: str, allowed: int, is_fit: bool) -> None:
    snapshot = changed(put("dsMonthly01", "openFuturePeriods", allowed))
    relations = check(header(pe=(period,)), snapshot)
    assert [found.code for found in relations.findings] == ([] if is_fit else ["TP733"])


def test_findings_fit_the_published_shape() -> None:
    for bad in BAD:
        for found in check(header(**bad.given)).findings:
            json.dumps(found.as_json())
            assert found.found


# --- Real data -------------------------------------------------------------------------------------------------------

VALUES = DATA / "sierra-leone-values.json.gz"
REAL = [DATA / "sierra-leone-metadata.json.gz", DATA / "sierra-leone-org-units.json.gz"]


def read_header(path: Path) -> GroupHeader:
    """Return the header of an ADV2 file that a conversion wrote."""
    document = json.loads(path.read_text(encoding="utf-8").partition(',"data":[')[0] + "}")
    lists = {name: document[name] for name in ("pe", "ou", "coc", "aoc") if name in document}
    lists = {name: (given,) if isinstance(given, str) else tuple(given) for name, given in lists.items()}
    return header(**{"ds": document.get("ds"), "coc": None, "de": document["de"], "size": document["size"]} | lists)


@pytest.mark.skipif(
    not all(path.exists() for path in [VALUES, *REAL]),
    reason="the Sierra Leone values are not in the folder TALLYPORT_DATA",
)
def test_headers_of_sierra_leone_are_right_but_for_what_lay_in_the_future(tmp_path: Path) -> None:
    snapshot = Snapshot.from_exports(REAL)
    (converted,) = convert([VALUES], tmp_path / "out").sources
    assert converted.folder is not None
    headers = [read_header(path) for path in sorted(converted.folder.glob("*.adv2.json"))]
    assert len(headers) == 43
    for of_group in headers:
        relations = check(of_group, snapshot, date(2026, 1, 1))
        assert ([found.as_json() for found in relations.findings], relations.not_made) == ([], [])
    # One of the two data sets takes no period after the current one: in November, December was to come.
    found = [found for of_group in headers for found in check(of_group, snapshot, date(2025, 11, 30)).findings]
    assert [(one.code, one.found) for one in found] == [("TP733", "202512")] * 12


def test_header_that_fails_by_its_form_is_held_to_the_metadata_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    group = {"ds": "dsNowhere01", "de": "deVisits001", "pe": "202513", "ou": ["ouNowhere01", "no uid"]}
    file = tmp_path / "values.adv2.json"
    file.write_text(json.dumps(group | {"coc": "ocUnder5F01", "aoc": [], "size": 0}), encoding="utf-8")
    ((verdict,),) = [each.groups for each in validate([file], metadata=whole(), today=TODAY).files]
    assert not verdict.result.valid
    assert [(f.code, f.field) for f in verdict.findings] == [
        ("TP512", "aoc"),
        ("TP508", "pe"),
        ("TP507", "ou"),
        ("TP701", "ds"),
        ("TP703", "ou"),
    ]


def twin(uid: str) -> Change:
    """Have two option combos of the same options."""

    def change(document: dict[str, Any]) -> None:
        document["categoryOptionCombos"].append({**of(document, uid), "id": "ocTwin00001", "code": None})

    return change


def test_two_option_combos_of_the_same_options_are_named() -> None:
    found = the_only(check(header(co=options(AGE_SEX)), changed(twin("ocUnder5F01"))))
    assert (found.code, found.field, found.severity) == ("TP709", "co", Severity.ERROR)
    assert "ocUnder5F01" in str(found.found)
    assert "ocTwin00001" in str(found.found)


def test_options_that_two_option_combos_do_not_fit_are_not_concerned() -> None:
    others = header(co=options([["coUnder5001"], ["coMale00001"]]))
    assert not check(others, changed(twin("ocUnder5F01"))).findings
