"""A small country of our own, put into the tables of whatever DHIS2 is there: the real ones, or the small one.

It has something for every check of an import to find. Its objects have ids of their own, and UIDs that end in zeros.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from support.importing import Group

FIRST_ID = 10_000_000
MINE = {"owner": "someoneElse", "public": "--------", "users": {}, "userGroups": {}}
"""Sharing that lets nobody else write."""

DEFAULT = "HllvX50cXC0"


def uid(name: str) -> str:
    return f"{name:0<11}"


def group(*rows: list[Any], **header: Any) -> Group:
    """A group with one value for one period and org unit, unless told otherwise; names are short."""
    made = {"de": uid("deVisits"), "pe": "202503", "ou": uid("ouClinicN")}
    data = list(rows) or [[5]]
    return {**made, **header, "size": len(data), "data": data}


def changed(base: Group, **properties: Any) -> Group:
    """A group with other properties; the rows stay its end."""
    header = {name: value for name, value in base.items() if name not in ("size", "data")}
    return {**header, "size": base["size"], **properties, "data": base["data"]}


class Country:
    """Puts objects into the tables of a database; `ids` has theirs by UID."""

    def __init__(self, database: psycopg.Connection[Any]) -> None:
        self._database = database
        self._next = FIRST_ID
        self._paths: dict[str, str] = {}
        self.ids: dict[str, int] = {}

    def add(self, table: str, name: str, /, **columns: Any) -> None:
        """Put in an object; its UID is its name as well, where it needs one and is not given another."""
        self.ids[uid(name)] = self.next_id()
        self.link(table, **{f"{table}id": self.ids[uid(name)], "uid": uid(name), **columns})

    def next_id(self) -> int:
        self._next += 1
        return self._next

    def link(self, table: str, **columns: Any) -> None:
        """Put in a row. What a real table needs besides is filled in."""
        needed = self._database.execute(
            "select column_name, data_type from information_schema.columns where table_name = %s "
            "and table_schema = 'public' and is_nullable = 'NO' and column_default is null and is_generated = 'NEVER'",
            [table],
        ).fetchall()
        filling = {
            "timestamp without time zone": "2020-01-01",
            "date": "2020-01-01",
            "boolean": False,
            "bigint": FIRST_ID,
            "integer": FIRST_ID,
            "jsonb": "[]",
        }
        filled = {name: filling.get(kind, columns.get("uid")) for name, kind in needed} | columns
        values = [json.dumps(value) if isinstance(value, Mapping) else value for value in filled.values()]
        self._database.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, filled)),
                sql.SQL(", ").join(sql.Placeholder() * len(filled)),
            ),
            values,
        )

    def known(self, table: str, column: str, text: str) -> int:
        """Return the id of an object that every DHIS2 has."""
        query = sql.SQL("select {} from {} where {} = %s").format(*map(sql.Identifier, (f"{table}id", table, column)))
        found = self._database.execute(query, [text]).fetchone()
        assert found is not None
        return int(found[0])

    # --- Kinds of objects --------------------------------------------------------------------------------------------

    def unit(self, name: str, above: str = "", /, **columns: Any) -> None:
        path = f"{self._paths[above]}/{uid(name)}" if above else f"/{uid(name)}"
        self._paths[name] = path
        self.add("organisationunit", name, **{"path": path, "openingdate": "2000-01-01", **columns})

    def combo(self, name: str, categories: Mapping[str, list[str]], option_combos: Mapping[str, list[str]]) -> None:
        """Put in a category combo of categories with their options, and its option combos."""
        self.add("categorycombo", name)
        for order, (category, options) in enumerate(categories.items(), 1):
            if uid(category) not in self.ids:
                self.add("category", category)
                for place, option in enumerate(options, 1):
                    self.link(
                        "categories_categoryoptions",
                        categoryid=self.ids[uid(category)],
                        sort_order=place,
                        categoryoptionid=self.ids[uid(option)],
                    )
            self.link(
                "categorycombos_categories",
                categorycomboid=self.ids[uid(name)],
                sort_order=order,
                categoryid=self.ids[uid(category)],
            )
        for option_combo, options in option_combos.items():
            self.add("categoryoptioncombo", option_combo, name=uid(option_combo))
            made = self.ids[uid(option_combo)]
            self.link("categorycombos_optioncombos", categoryoptioncomboid=made, categorycomboid=self.ids[uid(name)])
            for option in options:
                self.link(
                    "categoryoptioncombos_categoryoptions",
                    categoryoptioncomboid=made,
                    categoryoptionid=self.ids[uid(option)],
                )

    def element(self, name: str, combo: int | None = None, **columns: Any) -> None:
        told = {"valuetype": "INTEGER", "domaintype": "AGGREGATE", "zeroissignificant": False}
        default = self.known("categorycombo", "name", "default")
        self.add("dataelement", name, **{**told, "categorycomboid": combo or default, **columns})

    def data_set(self, name: str, *elements: str, **columns: Any) -> None:
        """Put in a monthly data set, assigned to all units but one; an element may be `element/combo`."""
        told = {
            "periodtypeid": self.known("periodtype", "name", "Monthly"),
            "categorycomboid": self.known("categorycombo", "name", "default"),
            "expirydays": 0,
            "openfutureperiods": 0,
        }
        self.add("dataset", name, **{**told, **columns})
        for element in elements:
            of, _, override = element.partition("/")
            self.link(
                "datasetelement",
                datasetelementid=self.next_id(),
                datasetid=self.ids[uid(name)],
                dataelementid=self.ids[uid(of)],
                categorycomboid=self.ids[uid(override)] if override else None,
            )
        for unit in self._paths:
            if unit != "ouApart":
                self.link("datasetsource", datasetid=self.ids[uid(name)], sourceid=self.ids[uid(unit)])

    def month(self, iso: str) -> int:
        """Return the id of a month, which is made where it is not there."""
        start, monthly = f"{iso[:4]}-{iso[4:]}-01", self.known("periodtype", "name", "Monthly")
        find = "select periodid from period where periodtypeid = %s and startdate = %s"
        found = self._database.execute(find, [monthly, start]).fetchone()
        if found is None:
            end = date(int(iso[:4]), int(iso[4:]) % 12 + 1, 1) - timedelta(days=1)
            made: Group = {"periodid": self.next_id(), "periodtypeid": monthly, "startdate": start, "enddate": end}
            column = "select from information_schema.columns where table_name = 'period' and column_name = 'iso'"
            if self._database.execute(column).fetchone() is not None:
                made["iso"] = iso
            self.link("period", **made)
            found = (made["periodid"],)
        return int(found[0])

    def window(self, data_set: str, iso: str, opening: str | None, closing: str | None) -> None:
        self.link(
            "datainputperiod",
            datainputperiodid=self.next_id(),
            periodid=self.month(iso),
            openingdate=opening,
            closingdate=closing,
            datasetid=self.ids[uid(data_set)],
        )

    def lock_exception(self, data_set: str, iso: str, unit: str) -> None:
        self.link(
            "lockexception",
            lockexceptionid=self.next_id(),
            organisationunitid=self.ids[uid(unit)],
            periodid=self.month(iso),
            datasetid=self.ids[uid(data_set)],
        )

    def user(self, name: str, *units: str, authorities: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> None:
        self.add("userinfo", name, username=name)
        user = self.ids[uid(name)]
        for unit in units:
            self.link("usermembership", organisationunitid=self.ids[uid(unit)], userinfoid=user)
        self.add("userrole", f"{name}Role")
        role = self.ids[uid(f"{name}Role")]
        self.link("userrolemembers", userroleid=role, userid=user)
        for authority in authorities or ("F_DATAVALUE_ADD",):
            self.link("userroleauthorities", userroleid=role, authority=authority)
        for of in groups:
            self.link("usergroupmembers", userid=user, usergroupid=self.ids[uid(of)])


def settle(url: str) -> Country:
    """Put the country into a database."""
    with psycopg.connect(url) as database:
        country = Country(database)
        _units(country)
        _categories(country)
        _data_sets(country)
        _users(country)
        return country


def _units(country: Country) -> None:
    country.add("attribute", "atNumber")
    country.unit("ouCountry")
    country.unit("ouNorth", "ouCountry")
    country.unit("ouSouth", "ouCountry")
    country.unit("ouClinicN", "ouNorth", attributevalues={uid("atNumber"): {"value": "7"}})
    country.unit("ouClinicM", "ouNorth", name="Twin", attributevalues={uid("atNumber"): {"value": "8"}})
    country.unit("ouClinicS", "ouSouth", name="Twin")
    country.unit("ouNew", "ouNorth", openingdate="2025-03-01")
    country.unit("ouApart", "ouNorth")


def _categories(country: Country) -> None:
    for option in ("opMale", "opFemale", "opYoung", "opOld", "opSeen", "opLocal", "opFree", "opNever"):
        country.add("categoryoption", option)
    country.add("categoryoption", "opHidden", sharing=MINE)
    country.add("categoryoption", "opSpring", startdate="2025-02-01", enddate="2025-06-30")
    country.link(
        "categoryoption_organisationunits",
        categoryoptionid=country.ids[uid("opLocal")],
        organisationunitid=country.ids[uid("ouNorth")],
    )
    country.combo(
        "ccSexAge",
        {"caSex": ["opMale", "opFemale"], "caAge": ["opYoung", "opOld"]},
        {"cbMY": ["opMale", "opYoung"], "cbMO": ["opMale", "opOld"], "cbFY": ["opFemale", "opYoung"]},
    )
    country.combo(
        "ccDonor",
        {"caDonor": ["opSpring", "opLocal", "opFree", "opNever"]},
        {"cbSpring": ["opSpring"], "cbLocal": ["opLocal"], "cbFree": ["opFree"]},
    )
    country.combo("ccHidden", {"caHidden": ["opSeen", "opHidden"]}, {"cbSeen": ["opSeen"], "cbHidden": ["opHidden"]})


def _data_sets(country: Country) -> None:
    ids = country.ids
    country.element("deVisits")
    country.element("deCases", ids[uid("ccSexAge")])
    country.element("deEvent", domaintype="TRACKER")
    country.element("deHidden", ids[uid("ccHidden")])
    more = "deTwice deMoney deWindow deLate deSigned deClosed deAlone deFunds deEarly deBoth deShared"
    for name in more.split():
        country.element(name)
    country.add("optionset", "osAnswer")
    country.add("optionvalue", "onYes", code="yes", optionsetid=ids[uid("osAnswer")])
    country.element("deAnswer", valuetype="TEXT", optionsetid=ids[uid("osAnswer")])
    country.add("fileresource", "frPhoto")
    country.element("dePhoto", valuetype="IMAGE")
    country.data_set("dsOpen", "deVisits", "deCases", "deEvent", "deHidden", "deTwice", "deAnswer", "dePhoto")
    country.data_set("dsOther", "deTwice/ccSexAge")
    country.data_set("dsDonor", "deMoney", categorycomboid=ids[uid("ccDonor")])
    country.data_set("dsFunds", "deFunds", categorycomboid=ids[uid("ccHidden")])
    country.data_set("dsWindow", "deWindow", expirydays=1)
    country.window("dsWindow", "202503", "2026-01-01", "2026-12-31")
    country.window("dsWindow", "202504", "2025-05-01", "2025-05-31")
    country.data_set("dsLate", "deLate", "deBoth", expirydays=10.5)
    country.lock_exception("dsLate", "202504", "ouClinicN")
    country.data_set("dsEarly", "deEarly", expirydays=-1)
    country.data_set("dsSigned", "deSigned", workflowid=77)
    country.link(
        "dataapproval",
        dataapprovalid=country.next_id(),
        dataapprovallevelid=1,
        workflowid=77,
        periodid=country.month("202503"),
        organisationunitid=ids[uid("ouClinicN")],
        attributeoptioncomboid=country.known("categoryoptioncombo", "name", "default"),
    )
    country.data_set("dsClosed", "deClosed", "deBoth", sharing=MINE)
    country.data_set("dsShared", "deShared")


def _users(country: Country) -> None:
    country.add("usergroup", "ugTeam")
    country.user("nurse", "ouNorth", groups=("ugTeam",))
    country.user("editor", "ouCountry", authorities=("F_EDIT_EXPIRED", "F_DATAVALUE_ADD"))
    country.user("root", "ouNorth", authorities=("ALL",))
    country.user("guest")
