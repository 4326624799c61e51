"""Every check that an import makes of a group, failing and passing, on the tables of real servers of both generations.

Where the real databases are not there, the small ones take their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.country import changed, group, settle, uid
from support.databases import GENERATIONS, execute, has_real, restore_real, running_server, small
from support.importing import Group, Importing, changes, codes
from tallyport import Refused
from tallyport_schemas.finding_codes import CODES

FAMILIES = ("TP5", "TP70", "TP71", "TP72", "TP73", "TP74", "TP75")

CANNOT_OCCUR = {
    "TP740": "an import reads metadata from the database, not from exports that can disagree",
    "TP741": "an object in the database has an identifier",
    "TP751": "periods are of the data set's type (TP715), which therefore is in the database; a second line of defence",
}
"""Codes that an import has no way to give, with the reason."""

ELSEWHERE = {
    "TP734": "test_default_combos.py",
    "TP742": "test_import.py",
    "TP743": "test_import.py",
    "TP744": "test_import.py",
    "TP745": "test_import.py",
    "TP746": "test_import.py",
    "TP747": "test_import_refusals.py",
}
"""Codes that are tried in a file of their subject."""


@dataclass(frozen=True)
class Case:
    """What a check refuses, in a sentence, and the nearest that it lets pass.

    `some`: it refuses some of the rows alone, and so many are left.
    """

    name: str
    code: str
    failing: Group | str
    passing: Group | str
    options: dict[str, Any] = field(default_factory=dict)
    passing_options: dict[str, Any] = field(default_factory=dict)
    some: int = 0


def text(**header: Any) -> str:
    return json.dumps(group(**header))


def without(name: str) -> Group:
    return {key: value for key, value in group().items() if key != name}


SEX_AGE = {uid("caSex"): [uid("opMale")], uid("caAge"): [uid("opYoung")]}
NO_SEX = {uid("caNone"): [uid("opMale")], uid("caAge"): [uid("opYoung")]}
NO_AGE = SEX_AGE | {uid("caAge"): [uid("opNone")]}
NEW_AND_OLD = [uid("ouNew"), uid("ouClinicN")]
CASES = uid("deCases")
MONEY = uid("deMoney")
BY_COC = group(de=CASES, coc=uid("cbMY"))
BY_CO = group(de=CASES, co=SEX_AGE)
BY_CC = changed(BY_CO, cc=uid("ccSexAge"))
BY_AOC = group(de=MONEY, aoc=uid("cbFree"))
BY_AO = group(de=MONEY, ao={uid("caDonor"): [uid("opFree")]})
MANY = {f"ca{number:09}": [f"op{number:03}{option:06}" for option in range(20)] for number in range(30)}

FORM = [
    Case("a property that the format does not have", "TP501", group(dataset="x"), group(ds=uid("dsOpen"))),
    Case("a property twice", "TP502", text().replace("{", '{"de": "deOther0000", ', 1), text()),
    Case("no org unit", "TP503", without("ou"), group()),
    Case("a data element that is a number", "TP504", group(de=5), group()),
    Case("option combos together with options", "TP505", changed(BY_CO, coc=uid("cbMY")), BY_CO),
    Case("an org unit twice", "TP506", group([0, 1], ou=[uid("ouClinicN")] * 2), group(ou=[uid("ouClinicN")])),
    Case("an org unit that is no UID", "TP507", group(ou="Clinic N"), group(ou=uid("ouClinicN"))),
    Case("a period that is none", "TP508", group(pe="2025-13"), group(pe="202503")),
    Case("ids of a kind that is none", "TP509", group(ids={"orgUnit": "UID"}), group(ids={"ou": "UID"})),
    Case("a property behind the rows", "TP510", text()[:-1] + ', "ds": "dsOpen00000"}', text(ds=uid("dsOpen"))),
    Case("a deletion of a kind that is none", "TP511", group(delete="maybe"), group(delete="soft")),
    Case("a list of no org units", "TP512", group(ou=[]), group(ou=[uid("ouClinicN")])),
    Case("more combinations than can be told apart", "TP513", changed(BY_CO, co=MANY), BY_CO),
    Case("fewer rows than its size says", "TP514", changed(group(), size=2), group()),
]

EXISTENCE = [
    Case("a data set that is not there", "TP701", group(ds=uid("dsMissing")), group(ds=uid("dsOpen"))),
    Case("a data element that is not there", "TP702", group(de=uid("deMissing")), group()),
    Case("an org unit that is not there", "TP703", group(ou=uid("ouMissing")), group()),
    Case(
        "a category combo that is not there",
        "TP704",
        changed(BY_CO, cc=uid("ccMissing")),
        changed(BY_CO, cc=uid("ccSexAge")),
    ),
    Case(
        "a category that is not there",
        "TP705",
        changed(BY_CO, co=NO_SEX),
        BY_CO,
    ),
    Case("a category option that is not there", "TP706", changed(BY_CO, co=NO_AGE), BY_CO),
    Case("an option combo that is not there", "TP707", changed(BY_COC, coc=uid("cbMissing")), BY_COC),
    Case("an attribute option combo that is not there", "TP708", changed(BY_AOC, aoc=uid("cbMissing")), BY_AOC),
    Case(
        "a name that two org units have",
        "TP709",
        group(ids={"ou": "NAME"}, ou="Twin"),
        group(ids={"ou": "NAME"}, ou=uid("ouClinicN")),
    ),
    Case(
        "an attribute that is not there",
        "TP710",
        group(ids={"ou": f"ATTRIBUTE:{uid('atMissing')}"}, ou="7"),
        group(ids={"ou": f"ATTRIBUTE:{uid('atNumber')}"}, ou="7"),
    ),
]

BELONGING = [
    Case("a data element of events", "TP711", group(de=uid("deEvent")), group()),
    Case("a data element in no data set", "TP712", group(de=uid("deAlone")), group()),
    Case("a data element in another data set", "TP713", group(ds=uid("dsDonor")), group(ds=uid("dsOpen"))),
    Case(
        "an org unit that the data set is not assigned to",
        "TP714",
        group(ou=uid("ouApart")),
        group(ou=uid("ouClinicM")),
    ),
    Case("a week for a monthly data set", "TP715", group(pe="2025W11"), group(pe="202503")),
    Case("another data element's combo", "TP716", changed(BY_CO, cc=uid("ccDonor")), BY_CC),
    Case(
        "options where two combos fit",
        "TP717",
        group(de=uid("deTwice"), co=SEX_AGE),
        group(de=uid("deTwice"), co=SEX_AGE, ds=uid("dsOther")),
    ),
    Case("another combo's option combo", "TP718", changed(BY_COC, coc=uid("cbFree")), BY_COC),
    Case("another combo's category", "TP719", changed(BY_CO, co={uid("caDonor"): [uid("opFree")]}), BY_CO),
    Case("another category's option", "TP720", changed(BY_CO, co=SEX_AGE | {uid("caSex"): [uid("opOld")]}), BY_CO),
    Case(
        "options that no option combo has",
        "TP721",
        changed(BY_CO, co={uid("caSex"): [uid("opFemale")], uid("caAge"): [uid("opOld")]}),
        BY_CO,
    ),
    Case("no option combo of a disaggregated data element", "TP722", group(de=CASES), BY_COC),
    Case("an attribute option combo of another combo", "TP723", changed(BY_AOC, aoc=uid("cbMY")), BY_AOC),
    Case("an attribute category of another combo", "TP724", changed(BY_AO, ao={uid("caSex"): [uid("opMale")]}), BY_AO),
    Case("another attribute category's option", "TP725", changed(BY_AO, ao={uid("caDonor"): [uid("opMale")]}), BY_AO),
    Case(
        "an attribute option without combo",
        "TP726",
        changed(BY_AO, ao={uid("caDonor"): [uid("opNever")]}),
        BY_AO,
    ),
    Case("no attribute option combo for a data set with attributes", "TP727", group(de=MONEY), BY_AOC),
]

WHEN_AND_WHERE = [
    Case("an org unit that opens later", "TP728", group(ou=uid("ouNew"), pe="202502"), group(ou=uid("ouNew"))),
    Case(
        "a period outside the attribute option's dates",
        "TP729",
        changed(BY_AOC, aoc=uid("cbSpring"), pe="202507"),
        changed(BY_AOC, aoc=uid("cbSpring"), pe="202506"),
    ),
    Case(
        "an org unit that the attribute option is not meant for",
        "TP730",
        changed(BY_AOC, aoc=uid("cbLocal"), ou=uid("ouClinicS")),
        changed(BY_AOC, aoc=uid("cbLocal")),
    ),
    Case(
        "a period that is no input period", "TP731", group(de=uid("deWindow"), pe="202501"), group(de=uid("deWindow"))
    ),
    Case(
        "an input period that is not open today",
        "TP732",
        group(de=uid("deWindow"), pe="202504"),
        group(de=uid("deWindow")),
    ),
    Case("a period of the future", "TP733", group(pe="202602"), group(pe="202601")),
    Case(
        "rows that fall on what cannot be stored",
        "TP750",
        group([0, 0, 1], [1, 0, 2], ou=NEW_AND_OLD, pe=["202502", "202503"]),
        group([0, 0, 1], [1, 0, 2], ou=NEW_AND_OLD, pe=["202503", "202504"]),
        some=1,
    ),
    Case("removal for good, not confirmed", "TP753", group(delete="hard"), group(delete="soft")),
    Case(
        "rows of which the data is approved",
        "TP754",
        group([0, 1], [1, 2], de=uid("deSigned"), pe=["202503", "202504"]),
        group([0, 1], [1, 2], de=uid("deSigned"), pe=["202504", "202505"]),
        some=1,
    ),
    Case("a period past its expiry days", "TP758", group(de=uid("deLate")), group(de=uid("deLate"), pe="202601")),
]

NURSE = {"username": "nurse"}
WHO = [
    Case("a data set that the user may not write", "TP755", group(de=uid("deClosed")), group(), NURSE),
    Case("an org unit that is not the user's", "TP756", group(ou=uid("ouClinicS")), group(), NURSE),
    Case(
        "a category option that the user may not write",
        "TP757",
        group(de=uid("deHidden"), coc=uid("cbHidden")),
        group(de=uid("deHidden"), coc=uid("cbSeen")),
        NURSE,
    ),
]

REFUSED = [
    Case("a user that is not there", "TP752", group(), group(), {"username": "nobody"}, NURSE),
    Case(
        "a check that is forced by who is no superuser",
        "TP759",
        group(),
        group(),
        NURSE | {"force": frozenset({"approval"})},
        {"username": "root", "force": frozenset({"approval"})},
    ),
]
"""Here nothing is imported at all."""

OF_GROUPS = [*FORM, *EXISTENCE, *BELONGING, *WHEN_AND_WHERE, *WHO]
ALL = [*OF_GROUPS, *REFUSED]


@pytest.fixture(scope="module", params=GENERATIONS)
def country(request: pytest.FixtureRequest, urls: dict[str, str]) -> str:
    return urls[request.param]


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with running_server() as server:
        made = (
            restore_real(server)
            if has_real()
            else {generation: small(server, generation) for generation in GENERATIONS}
        )
        for url in made.values():
            settle(url)
        yield made


@pytest.fixture
def importing(country: str, tmp_path: Path) -> Importing:
    execute(country, "delete from datavalueaudit", "delete from datavalue")
    return Importing(country, tmp_path)


def named(case: Case) -> str:
    return f"{case.name} ({case.code})"


@pytest.mark.parametrize("case", OF_GROUPS, ids=named)
def test_import_refuses_what_fails_and_takes_what_comes_nearest(importing: Importing, case: Case) -> None:
    report = importing(case.failing, case.passing, **case.options)
    fails, passes = report.groups
    assert case.code in [found.code for found in fails.findings]
    assert (fails.valid, fails.rows["insert"]) == (case.some > 0, case.some)
    assert report.exit_code == {"TP753": 5}.get(case.code, 1 if case.some else 3)
    assert (passes.valid, list(passes.findings)) == (True, [])
    assert passes.rows["ignored"] == 0
    assert len(importing.stored) == report.rows["insert"] > case.some


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_import_is_refused_as_a_whole_or_goes_through(importing: Importing, case: Case) -> None:
    with pytest.raises(Refused, match=case.code):
        importing(case.failing, **case.options)
    assert importing.stored == []
    report = importing(case.passing, **case.passing_options)
    assert (report.exit_code, codes(report), changes(report)) == (0, [], {"insert": 1})


def test_every_code_that_a_group_can_get_has_a_case_or_a_reason_why_it_cannot_occur() -> None:
    known = {code for code in CODES if code.startswith(FAMILIES)}
    tried = {case.code for case in ALL}
    assert tried | set(CANNOT_OCCUR) | set(ELSEWHERE) == known
    assert not tried & set(CANNOT_OCCUR)
    assert all(code in (Path(__file__).with_name(name)).read_text(encoding="utf-8") for code, name in ELSEWHERE.items())


@pytest.mark.skipif(not has_real(), reason="the real databases are not there")
def test_tables_of_the_small_servers_are_those_of_the_real_ones(urls: dict[str, str]) -> None:
    columns = "select table_name, column_name from information_schema.columns where table_schema = 'public'"
    with running_server() as server:
        for generation in GENERATIONS:
            known = set(execute(urls[generation], columns))
            assert set(execute(small(server, generation), columns)) - known == set(), generation
