"""The slow twin against cases worked out by hand, and its writers against its readers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin import adv2, legacy, values
from twin.reading import Options, read
from twin.rewriting import Group, encoded, expected, is_number, json_value, name_files
from twin.values import Document, OptionList, Value


@dataclass(frozen=True)
class Case:
    """A legacy file and all that must come of it."""

    says: str
    format: str
    source: str
    files: dict[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    read: int = 1
    superseded: int = 0
    rejected: dict[int, set[str]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    notices: set[str] = field(default_factory=set)
    completions: list[dict[str, object]] = field(default_factory=list)


CASES = (
    Case(
        "a single value has no index at all",
        "dxf-json",
        '{"dataValues":[{"dataElement":"d","period":"202401","orgUnit":"o","value":"12"}]}',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[12]\n]}\n'},
    ),
    Case(
        "rows are ordered by period, org unit and combo, whatever their order was",
        "dxf-json",
        """{"dataValues":[
        {"dataElement":"d","period":"202402","orgUnit":"b","categoryOptionCombo":"y","value":"1"},
        {"dataElement":"d","period":"202402","orgUnit":"a","categoryOptionCombo":"y","value":"2"},
        {"dataElement":"d","period":"202401","orgUnit":"b","categoryOptionCombo":"y","value":"3"},
        {"dataElement":"d","period":"202401","orgUnit":"b","categoryOptionCombo":"x","value":"4"}]}""",
        {
            "d.adv2.json": '{"de":"d","pe":["202401","202402"],"ou":["a","b"],"coc":["x","y"],"size":4,"data":[\n'
            "[0,1,0,4],\n[0,1,1,3],\n[1,0,1,2],\n[1,1,1,1]\n]}\n"
        },
        read=4,
    ),
    Case(
        "the header stands in for what rows leave out, behind them too",
        "dxf-json",
        '{"dataValues":[{"dataElement":"d","value":1},{"dataElement":"e","value":2}],'
        '"dataSet":"s","period":"2024-01","orgUnit":"o","attributeOptionCombo":"a"}',
        {
            "d.adv2.json": '{"ds":"s","de":"d","pe":"202401","ou":"o","aoc":"a","size":1,"data":[\n[1]\n]}\n',
            "e.adv2.json": '{"ds":"s","de":"e","pe":"202401","ou":"o","aoc":"a","size":1,"data":[\n[2]\n]}\n',
        },
        read=2,
    ),
    Case(
        "where header and row disagree the row wins and it is said",
        "dxf-json",
        '{"period":"202401","orgUnit":"o","dataValues":[{"dataElement":"d","period":"202402","value":"x"}]}',
        {"d.adv2.json": '{"de":"d","pe":"202402","ou":"o","size":1,"data":[\n["x"]\n]}\n'},
        notices={"TP401"},
    ),
    Case(
        "the last of several rows of a key wins",
        "dxf-csv",
        "de,pe,ou,value\nd,202401,o,1\nd,2024-01,o,2\nd,202401,o,3\n",
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[3]\n]}\n'},
        read=3,
        superseded=2,
        notices={"TP414", "TP426"},
    ),
    Case(
        "a combo given and none are two keys and two groups",
        "dxf-csv",
        "de,pe,ou,coc,value\nd,202401,o,c,1\nd,202401,o,,2\n",
        {
            "d.1.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[2]\n]}\n',
            "d.2.adv2.json": '{"de":"d","pe":"202401","ou":"o","coc":"c","size":1,"data":[\n[1]\n]}\n',
        },
        read=2,
    ),
    Case(
        "deleted, follow-up and comment come in their places and defaults only before others",
        "dxf-json",
        """{"period":"202401","orgUnit":"o","dataValues":[
        {"dataElement":"d","categoryOptionCombo":"a","deleted":true},
        {"dataElement":"d","categoryOptionCombo":"b","value":"1","followUp":true},
        {"dataElement":"d","categoryOptionCombo":"c","value":"1","comment":"x","followup":false},
        {"dataElement":"d","categoryOptionCombo":"e","value":"","comment":"y","deleted":"TRUE"},
        {"dataElement":"d","categoryOptionCombo":"f","value":"1","comment":"","deleted":false}]}""",
        {
            "d.adv2.json": '{"de":"d","pe":"202401","ou":"o","coc":["a","b","c","e","f"],"size":5,"data":[\n'
            '[0,null,true],\n[1,1,false,true],\n[2,1,false,null,"x"],\n[3,null,true,null,"y"],\n[4,1]\n]}\n'
        },
        read=5,
        dropped={"followup=false": 1},
    ),
    Case(
        "a false follow-up is written when it is asked for",
        "dxf-csv",
        "de,pe,ou,value,followup\nd,202401,o,1,FALSE\n",
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1,false,false]\n]}\n'},
        Options(keep_followup_false=True),
    ),
    Case(
        "JSON numbers and words keep their text",
        "dxf-json",
        '{"orgUnit":7.0,"period":202401,"dataValues":[{"dataElement":12,"value":1e3},{"dataElement":"12","value":true,'
        '"orgUnit":"o"},{"dataElement":"12","orgUnit":"p","categoryOptionCombo":5,"value":5.0}]}',
        {
            "12.1.adv2.json": '{"de":"12","pe":"202401","ou":["7.0","o"],"size":2,"data":[\n[0,"1e3"],\n[1,true]\n]}\n',
            "12.2.adv2.json": '{"de":"12","pe":"202401","ou":"p","coc":"5","size":1,"data":[\n["5.0"]\n]}\n',
        },
        read=3,
        notices={"TP401", "TP403"},
    ),
    Case(
        "category options given by category share a header where the categories are the same",
        "dxf-json",
        """{"period":"202401","orgUnit":"o","dataValues":[
        {"dataElement":"d","categoryOptionCombo":{"sex":"m","age":"1"},"value":"1"},
        {"dataElement":"d","categoryOptionCombo":{"age":"1","sex":"f"},"value":"2"},
        {"dataElement":"d","categoryOptionCombo":{"age":"1"},"value":"3"}]}""",
        {
            "d.1.adv2.json": '{"de":"d","pe":"202401","ou":"o","co":{"age":"1"},"size":1,"data":[\n[3]\n]}\n',
            "d.2.adv2.json": '{"de":"d","pe":"202401","ou":"o","co":{"age":"1","sex":["f","m"]},"size":2,"data":[\n'
            "[0,2],\n[1,1]\n]}\n",
        },
        read=3,
    ),
    Case(
        "attribute options without categories are carried by place",
        "dxf-json",
        '{"period":"202401","orgUnit":"o","attributeCategoryOptions":["p","q"],'
        '"dataValues":[{"dataElement":"d","value":"1"}]}',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","ao":[["p"],["q"]],"size":1,"data":[\n[1]\n]}\n'},
        notices={"TP416"},
    ),
    Case(
        "rows without an essential part are rejected for their reasons",
        "dxf-json",
        """{"dataValues":[
        {"period":"202401","orgUnit":"o","value":"1"},
        {"dataElement":"d","orgUnit":"o","value":"1"},
        {"dataElement":"d","period":"2024M01","orgUnit":"o","value":"1"},
        {"dataElement":"d","period":"202401","value":"1"},
        {"dataElement":"d","period":"202401","orgUnit":"o"},
        {"dataElement":["d"],"period":"202401","orgUnit":"o","value":"1"},
        {"dataElement":"d","period":"202401","orgUnit":"o","value":"1","deleted":"1"},
        {"dataElement":"d","period":"202401","orgUnit":"o","value":"a\\u0000"},
        {"dataElement":"d","period":"202401","orgUnit":"o","value":"1","categoryOptionCombo":{"a":null}},
        7]}""",
        read=10,
        rejected={
            0: {"TP302"},
            1: {"TP303"},
            2: {"TP304"},
            3: {"TP305"},
            4: {"TP306"},
            5: {"TP309"},
            6: {"TP308"},
            7: {"TP310"},
            8: {"TP312"},
            9: {"TP301"},
        },
    ),
    Case(
        "of a key that occurs twice in a row the first is taken",
        "dxf-json",
        '{"period":"202401","orgUnit":"o","dataValues":[{"dataElement":"d","value":"1","value":[2]}]}',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n'},
        notices={"TP402"},
    ),
    Case(
        "what has no place is counted under its name where it says something",
        "dxf-json",
        """{"period":"202401","orgUnit":"o","dryRun":true,"strategy":"DELETES","dataValues":[
        {"dataElement":"d","value":"1","storedBy":"x","created":null,"lastUpdated":"","foo":[1],"followup":false},
        {"dataElement":"d","storedBy":"x","foo":0}]}""",
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n'},
        read=2,
        rejected={1: {"TP306"}},
        dropped={"dryRun": 1, "strategy": 1, "storedBy": 2, "foo": 2, "followup=false": 1},
        notices={"TP412", "TP421"},
    ),
    Case(
        "a header period that is none is left out",
        "dxf-json",
        '{"period":"x","orgUnit":"o","dataValues":[{"dataElement":"d","value":"1"},'
        '{"dataElement":"d","value":"1","period":"2024"}]}',
        {"d.adv2.json": '{"de":"d","pe":"2024","ou":"o","size":1,"data":[\n[1]\n]}\n'},
        read=2,
        rejected={0: {"TP303"}},
        notices={"TP417"},
    ),
    Case(
        "identifier schemes are given by kind where they differ",
        "dxf-json",
        '{"idScheme":"code","dataElementIdScheme":"attribute:MetaAttr001","period":"202401","orgUnit":"o",'
        '"dataValues":[{"dataElement":"d","value":"1"}]}',
        {
            "d.adv2.json": '{"ids":{"ds":"CODE","de":"ATTRIBUTE:MetaAttr001","cc":"CODE","c":"CODE",'
            '"co":"CODE","coc":"CODE","aoc":"CODE"},"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n'
        },
        Options(id_schemes=(("ou", "ID"),)),
    ),
    Case(
        "a completion goes to a file of its own",
        "dxf-json",
        '{"dataSet":"s","period":"202401","orgUnit":"o","completeDate":"2024-02-03T00:00:00.000+0000"}',
        read=0,
        completions=[
            {"dataSet": "s", "period": "202401", "organisationUnit": "o", "date": "2024-02-03", "completed": True}
        ],
    ),
    Case(
        "a completion that lacks a part is dropped",
        "dxf-xml",
        '<dataValueSet dataSet="s" period="202401" completeDate="2024-02-03"/>',
        read=0,
        dropped={"completeDate": 1},
        notices={"TP413"},
    ),
    Case(
        "a deletion scope makes groups without rows, in front of the others",
        "dxf-json",
        """{"dataSet":"s","deletion":{"orgUnits":["p","o"],"periods":["2024-02","202401"],"elements":[
        {"dataElement":"d","categoryOptionCombo":"y"},{"dataElement":"d"},
        {"dataElement":"d","categoryOptionCombo":"x"},{"dataElement":"d","attributeOptionCombo":"a"}]},
        "dataValues":[{"dataElement":"d","period":"202401","orgUnit":"o","value":"1"}]}""",
        {
            "d.1.adv2.json": '{"ds":"s","de":"d","pe":["202401","202402"],"ou":["o","p"],"delete":"soft","size":0}\n',
            "d.2.adv2.json": '{"ds":"s","de":"d","pe":["202401","202402"],"ou":["o","p"],"aoc":"a","delete":"soft",'
            '"size":0}\n',
            "d.3.adv2.json": '{"ds":"s","de":"d","pe":["202401","202402"],"ou":["o","p"],"coc":["x","y"],'
            '"delete":"soft","size":0}\n',
            "d.4.adv2.json": '{"ds":"s","de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n',
        },
    ),
    Case(
        "an empty list in a deletion scope deletes nothing",
        "dxf-json",
        '{"deletion":{"orgUnits":[],"periods":["202401"],"elements":[{"dataElement":"d"}]}}',
        read=0,
        notices={"TP420"},
    ),
    Case(
        "columns are told by place where no header is",
        "dxf-csv",
        "d,202401,o,c,a,5,admin,2024-02-01,note,true,false,extra\n",
        {
            "d.adv2.json": '{"de":"d","pe":"202401","ou":"o","coc":"c","aoc":"a","size":1,"data":[\n'
            '[5,false,true,"note"]\n]}\n'
        },
        dropped={"storedBy": 1, "lastUpdated": 1, "(surplus cells)": 1},
        notices={"TP421"},
    ),
    Case(
        "quotes, line ends in cells, blank lines and CRLF are read and noticed",
        "dxf-csv",
        '"dataElement",period,orgUnit,value,comment\r\n\r\nd, 202401 ,o," 5 ","say ""x""\ny"\r\n  \r\n',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[5,false,null,"say \\"x\\"\\ny"]\n]}\n'},
        notices={"TP409"},
    ),
    Case(
        "text behind a closing quote rejects its row only",
        "dxf-csv",
        'de,pe,ou,value\nd,202401,o,"1"2\nd,202402,o,"3" \nd,202403,o,4"5\n',
        {"d.adv2.json": '{"de":"d","pe":["202402","202403"],"ou":"o","size":2,"data":[\n[0,3],\n[1,"4\\"5"]\n]}\n'},
        read=3,
        rejected={0: {"TP311"}},
    ),
    Case(
        "unknown columns are categories",
        "dxf-csv",
        "dataelement,period,orgunit,value,Age,categoryoptioncombo\nd,202401,o,1,u5,\nd,202401,o,2,u5,c\n",
        {
            "d.1.adv2.json": '{"de":"d","pe":"202401","ou":"o","coc":"c","size":1,"data":[\n[2]\n]}\n',
            "d.2.adv2.json": '{"de":"d","pe":"202401","ou":"o","co":{"Age":"u5"},"size":1,"data":[\n[1]\n]}\n',
        },
        read=2,
        dropped={"Age": 1},
        notices={"TP421", "TP424"},
    ),
    Case(
        "beside a camel-case categoryOptionCombo unknown columns are dropped",
        "dxf-csv",
        "dataelement,period,orgunit,value,Age,categoryOptionCombo\nd,202401,o,1,u5,\n",
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n'},
        dropped={"Age": 1},
        notices={"TP421"},
    ),
    Case(
        "attribute options in one cell are carried by place",
        "dxf-csv",
        "de,pe,ou,value,attributeCombo,attributeOptions\nd,202401,o,1,cc,b x\nd,202401,o,2,cc,a  x\n",
        {
            "d.adv2.json": '{"de":"d","pe":"202401","ou":"o","ao":[["a","b"],["x"]],"size":2,"data":[\n'
            "[0,2],\n[1,1]\n]}\n"
        },
        read=2,
        dropped={"attributeCombo": 2},
        notices={"TP416"},
    ),
    Case(
        "two names for one field have to agree",
        "dxf-csv",
        "de,pe,ou,coc,catoptcombo,value\nd,202401,o,c,c,1\nd,202402,o,c,x,2\nd,202403,o,,x,3\n",
        {
            "d.adv2.json": '{"de":"d","pe":["202401","202403"],"ou":"o","coc":["c","x"],"size":2,"data":[\n'
            "[0,0,1],\n[1,1,3]\n]}\n"
        },
        read=3,
        rejected={1: {"TP313"}},
    ),
    Case(
        "rows that only a field without a meaning tells apart are all rejected",
        "dxf-json",
        '{"period":"202401","orgUnit":"o","dataValues":[{"dataElement":"d","value":"1","foo":"a"},'
        '{"dataElement":"d","value":"1"},{"dataElement":"e","value":"2","foo":"a"},{"dataElement":"e","value":"2","foo":"a"}]}',
        {"e.adv2.json": '{"de":"e","pe":"202401","ou":"o","size":1,"data":[\n[2]\n]}\n'},
        read=4,
        superseded=1,
        rejected={0: {"TP314"}, 1: {"TP314"}},
        dropped={"foo": 3},
        notices={"TP421"},
    ),
    Case(
        "a field is read by its other names, and a code stands in where there is no identifier",
        "dxf-json",
        '{"Period":"202401","dataValues":[{"data_element":"d","orgUnitCode":"o","isDeleted":true},'
        '{"dataElement":"d","orgUnit":"p","orgUnitCode":"q","value":"1"}]}',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":["o","p"],"size":2,"data":[\n[0,null,true],\n[1,1]\n]}\n'},
        read=2,
        dropped={"orgUnitCode": 1},
        notices={"TP421", "TP422", "TP423"},
    ),
    Case(
        "of a column that occurs twice the later is taken, and null is empty",
        "dxf-csv",
        'sep=;\nde;pe;ou;value;value;comment\nd;202401;o;1;2;"null"\nd;202402;o;1\n',
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n[2]\n]}\n'},
        Options(data_set=None),
        read=2,
        rejected={1: {"TP306"}},
        notices={"TP407", "TP408", "TP410"},
    ),
    Case(
        "a last row that is cut short is noticed",
        "dxf-csv",
        "de,pe,ou,value,comment\nd,202401,o,1",
        {"d.adv2.json": '{"ds":"s","de":"d","pe":"202401","ou":"o","size":1,"data":[\n[1]\n]}\n'},
        Options(data_set="s"),
        notices={"TP411"},
    ),
    Case(
        "XML fields are told by local name, at any depth, and content is passed over",
        "dxf-xml",
        """<?xml version="1.0"?><x:dataValueSet xmlns:x="u" period="2024-01-01/P1M" x:orgUnit="o"><w>
        <x:dataValue dataElement="d" x:value="a&#10;b&amp;" comment="" AGE="y"><value>5</value></x:dataValue></w>
        </x:dataValueSet>""",
        {"d.adv2.json": '{"de":"d","pe":"202401","ou":"o","size":1,"data":[\n["a\\nb&"]\n]}\n'},
        dropped={"AGE": 1},
        notices={"TP418", "TP421"},
    ),
    Case(
        "ADX categories stand on groups and rows, identifiers are codes",
        "adx",
        """<adx xmlns="urn:ihe:qrph:adx:2015" exported="now">
        <group dataSet="s" orgUnit="o" period="2024-03-19/P1M" F="g">
        <dataValue dataElement="d" A="u5" value="17"/><dataValue dataElement="d" A="u1" B="" value="18"/>
        <dataValue dataElement="d" A="x" categoryOptionCombo="c" value="0"><annotation> t </annotation></dataValue>
        </group></adx>""",
        {
            "d.1.adv2.json": '{"ids":"CODE","ds":"s","de":"d","pe":"202403","ou":"o","coc":"c","ao":{"F":"g"},"size":1,'
            '"data":[\n["t"]\n]}\n',
            "d.2.adv2.json": '{"ids":"CODE","ds":"s","de":"d","pe":"202403","ou":"o","co":{"A":["u1","u5"]},'
            '"ao":{"F":"g"},"size":2,"data":[\n[0,18],\n[1,17]\n]}\n',
        },
        read=3,
        dropped={"exported": 1, "A": 1},
        notices={"TP406", "TP419"},
    ),
    Case(
        "an ADX period must be an interval, an empty annotation is no value, another value than 0 is noticed",
        "adx",
        """<adx><group orgUnit="o" period="202401"><dataValue dataElement="d" value="1"/></group><group orgUnit="o"
        period="2024-01-01/P1M"><dataValue dataElement="d" value="0"><annotation/></dataValue>
        <dataValue dataElement="d" value="5"><annotation>x</annotation></dataValue></group></adx>""",
        {"d.adv2.json": '{"ids":"CODE","de":"d","pe":"202401","ou":"o","size":1,"data":[\n["x"]\n]}\n'},
        read=3,
        rejected={0: {"TP304"}, 1: {"TP306"}},
        notices={"TP405"},
    ),
    Case(
        "names that differ in case only are numbered together",
        "dxf-csv",
        "de,pe,ou,value\na,2024,o,1\nA,2024,o,2\n.b/c,2024,o,3\nCON,2024,o,4\n",
        {
            "A.1.adv2.json": '{"de":"A","pe":"2024","ou":"o","size":1,"data":[\n[2]\n]}\n',
            "a.2.adv2.json": '{"de":"a","pe":"2024","ou":"o","size":1,"data":[\n[1]\n]}\n',
            "%2Eb%2Fc.adv2.json": '{"de":".b/c","pe":"2024","ou":"o","size":1,"data":[\n[3]\n]}\n',
            "%43ON.adv2.json": '{"de":"CON","pe":"2024","ou":"o","size":1,"data":[\n[4]\n]}\n',
        },
        read=4,
    ),
    Case(
        "periods are listed by start, then type",
        "dxf-csv",
        "de,pe,ou,value\nd,2024,o,1\nd,202401,o,2\nd,20240101,o,3\nd,2024W1,o,4\nd,2024Nov,o,5\n",
        {
            "d.adv2.json": '{"de":"d","pe":["2024Nov","20240101","2024W1","202401","2024"],"ou":"o","size":5,"data":[\n'
            "[0,5],\n[1,3],\n[2,4],\n[3,2],\n[4,1]\n]}\n"
        },
        read=5,
    ),
    Case(
        "a blank value is kept and noticed",
        "dxf-json",
        '{"dataValues":[{"dataElement":"d","period":"2024","orgUnit":"o","value":" \\t"}]}',
        {"d.adv2.json": '{"de":"d","pe":"2024","ou":"o","size":1,"data":[\n[" \\t"]\n]}\n'},
        notices={"TP404"},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_the_twin_gives_what_was_worked_out_by_hand(case: Case) -> None:
    found = expected(case.source.encode(), case.format, case.options)
    assert found.refused is None
    assert {name: data.decode() for name, data in found.files.items()} == case.files
    assert (found.read, found.superseded) == (case.read, case.superseded)
    assert found.written == case.read - case.superseded - len(case.rejected)
    assert {row: set(codes) for row, codes in found.rejected.items()} == case.rejected
    assert found.dropped == case.dropped
    assert {notice.split()[0] for notice in found.must} == case.notices
    assert found.completions == case.completions
    adv2.values(found.files.values())


@pytest.mark.parametrize(
    ("source_format", "source", "code"),
    [
        ("dxf-json", b"", "TP102"),
        ("dxf-json", b"[]", "TP113"),
        ("dxf-json", b'{"dataValues":{}}', "TP113"),
        ("dxf-json", b'{"dataValues":[],"dataValues":[]}', "TP108"),
        ("dxf-json", b'{"dataValues":[]} x', "TP108"),
        ("dxf-json", b'{"dataValues":[NaN]}', "TP108"),
        ("dxf-json", b'{"dataValues":[1,]}', "TP108"),
        ("dxf-json", b'{"a":"\n"}', "TP108"),
        ("dxf-json", '{"a":1}'.encode("utf-16"), "TP107"),
        ("dxf-json", b'{"a":"\xff"}', "TP107"),
        ("dxf-json", b'{"idScheme":"UUID","dataValues":[]}', "TP119"),
        ("dxf-json", b'{"deletion":{"orgUnits":["o"],"periods":["x"],"elements":[{"dataElement":"d"}]}}', "TP304"),
        ("dxf-csv", b'de,pe,ou,value\n"d,202401,o,1\n', "TP111"),
        ("dxf-csv", b"de,pe,ou\nd,202401,o\n", "TP111"),
        ("dxf-csv", b"de,pe,ou,value\nd,202401,o,\xe9\n", "TP107"),
        ("dxf-xml", b"<dataValueSet>", "TP109"),
        ("dxf-xml", b"<dataValueSet a='1' a='2'/>", "TP109"),
        ("dxf-xml", b"<dataValueSet>&nbsp;</dataValueSet>", "TP109"),
        ("dxf-xml", b"<!DOCTYPE dataValueSet><dataValueSet/>", "TP110"),
        ("dxf-xml", b"<dataValues/>", "TP113"),
        ("adx", b"<dataValueSet/>", "TP113"),
    ],
)
def test_a_source_that_is_wrong_as_a_whole_is_refused(source_format: str, source: bytes, code: str) -> None:
    found = expected(source, source_format)
    assert (found.refused, found.files) == (code, {})


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *[(text, True) for text in ("0", "7", "-7", "0.5", "-0.5", "-12.25")],
        *[(text, True) for text in ("123456789012345", "-0.000123456789012345")],
        *[(text, False) for text in ("-0", "-0.0", "007", "-00.5", "5.0", "1e3", ".5", "5.", "+5", "-", "٣", "")],
        *[(text, False) for text in ("1234567890123456", "-0.1234567890123456", "1000000000000000")],
    ],
)
def test_a_text_is_a_number_only_where_its_literal_is_the_usual_one(text: str, is_one: bool) -> None:
    assert is_number(text) is is_one


def test_words_and_texts_in_json() -> None:
    assert [json_value(text) for text in (None, "true", "false", "True", 'a"\\\x1f\x7fü\u2028')] == [
        *("null", "true", "false", '"True"'),
        '"a\\"\\\\\\u001f\x7fü\u2028"',
    ]


def test_identifiers_become_file_names_of_their_own() -> None:
    assert [encoded(name) for name in ("a b", "é", "..", "nul", "COM1", "COM10", "%")] == [
        *("a%20b", "%C3%A9", "%2E.", "%6Eul", "%43OM1", "COM10", "%25"),
    ]
    assert encoded("x" * 200) == "x" * 200
    assert encoded("x" * 201).startswith("x" * 180 + "~")
    assert len(encoded("x" * 201)) == 197
    groups = [Group(name, (), "", 0) for name in ("A", "A", "a", "b")]
    assert list(name_files(groups)) == ["A.1.adv2.json", "A.2.adv2.json", "a.3.adv2.json", "b.adv2.json"]


@pytest.mark.parametrize(
    "group",
    [
        b'{"de":"d","pe":"2024","ou":"o","size":2,"data":[[1]]}',
        b'{"de":"d","pe":"2024","ou":["p","o"],"size":0}',
        b'{"de":"d","pe":"2024","ou":["o"],"size":0}',
        b'{"de":"d","pe":"2024","ou":["o","p"],"size":1,"data":[[2,1]]}',
        b'{"de":"d","pe":"2024","ou":["o","p"],"size":2,"data":[[1,1],[0,1]]}',
        b'{"de":"d","pe":"2024","ou":"o","size":1,"data":[[5.0]]}',
        b'{"de":"d","pe":"2024","ou":"o","size":1,"data":[[5,false]]}',
        b'{"de":"d","pe":"2024","ou":"o","size":1,"data":[[null]]}',
        b'{"pe":"2024","de":"d","ou":"o","size":0}',
    ],
)
def test_the_adv2_reader_takes_nothing_but_what_the_writer_must_write(group: bytes) -> None:
    with pytest.raises(adv2.MalformedError):
        adv2.parse(group)


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("source_format", values.FORMATS)
@given(document=values.clean_documents(), seed=st.integers(0, 2**32))
@QUICK
def test_what_the_writers_write_the_readers_read(source_format: str, document: Document, seed: int) -> None:
    data = legacy.write(document, source_format, random.Random(seed), noise=False)
    assert data == legacy.write(document, source_format, random.Random(seed), noise=False)
    reading = read(data, source_format, Options(keep_followup_false=True))
    assert reading.rejected == {}
    assert [replace(value, row=0) for value in reading.values] == [
        replace(values.canonical(value), row=0) for value in document.values
    ]
    assert reading.dropped == {}


@pytest.mark.parametrize("source_format", values.FORMATS)
@given(data=st.data(), seed=st.integers(0, 2**32))
@QUICK
def test_any_document_is_counted_whole_and_comes_out_as_valid_adv2(
    source_format: str, data: st.DataObject, seed: int
) -> None:
    document = data.draw(values.documents(source_format))
    found = expected(legacy.write(document, source_format, random.Random(seed)), source_format)
    assert found.refused is None
    assert found.read == found.written + found.superseded + len(found.rejected)
    assert found.read - len(document.values) in (0, 1)
    assert len(adv2.values(found.files.values())) == found.written
    assert all(count <= found.may[notice] for notice, count in found.must.items())


def test_option_lists_of_a_row_differ_from_option_combos() -> None:
    listed = Value("d", "2024", "o", aoc=OptionList(("a",)), value="1")
    assert listed.key != replace(listed, aoc="a").key
