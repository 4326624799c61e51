"""`tallyport write-back` by its contract: exit codes, files, streams, metadata, and the real values."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import running
from support.checking import check_against
from support.places import FIXTURES, ROOT
from support.sierra_leone import FILE, VALUES
from tallyport import Snapshot, SourceUnreadable, convert, write_back
from tallyport.cli import main
from tallyport_schemas.finding_codes import CODES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OK, FINDINGS, USAGE, UNREADABLE, REFUSED = 0, 1, 2, 3, 5
FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "adx")
METADATA = ROOT / "tests" / "fixtures" / "metadata" / "metadata.json"

HEADER = '"de":"deVisits001","pe":["202401","202402"],"ou":"ouClinicA01"'
GOOD = f'{{{HEADER},"size":2,"data":[\n[0,12],\n[1,7,false,true,"checked"]\n]}}\n'
GOOD_CSV = (
    "dataElement,period,orgUnit,categoryOptionCombo,attributeOptionCombo,value,storedBy,timestamp,comment,followUp,"
    "deleted\ndeVisits001,202401,ouClinicA01,,,12,,,,,\ndeVisits001,202402,ouClinicA01,,,7,,,checked,true,\n"
)
TWO_SETS = (
    '[{"ds":"dsMonthly01","de":"deVisits001","pe":"202401","ou":"ouClinicA01","size":1,"data":[[1]]},'
    '{"ds":"dsOutreach1","de":"deVisits001","pe":"202401","ou":"ouClinicA01","size":1,"data":[[2]]}]'
)


@dataclass(frozen=True)
class Ended:
    """A run that ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout, which fits its schema."""
        document = json.loads(self.stdout)
        check_against("write-back", document)
        return document


class Shell:
    """Runs the program in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        exit_code = main.run(["write-back", *arguments])
        return Ended(exit_code, *self._capsys.readouterr())

    def write(self, text: str, name: str = "january.adv2.json") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def names(self) -> list[str]:
        out = self.folder / "out"
        return sorted(path.name for path in out.iterdir()) if out.exists() else []


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


# Files


def test_a_file_is_named_after_its_source_and_the_sum_is_shown(shell: Shell) -> None:
    ended = shell(shell.write(GOOD), "--to", "dxf-csv", "-o", "out")
    assert (ended.exit_code, ended.stderr) == (OK, "")
    assert ended.stdout.startswith("2 read = 2 written\n")
    assert (shell.folder / "out" / "january.csv").read_text() == GOOD_CSV


def test_all_files_of_a_folder_become_one_in_the_order_of_their_numbers(shell: Shell) -> None:
    for number in (10, 2, 1):
        group = GOOD.replace("deVisits001", f"deVisits{number:03}")
        shell.write(group, f"in/deVisits.{number}.adv2.json")
    assert shell("in", "--to", "dxf-csv", "-o", "out").exit_code == OK
    assert shell.names() == ["values.csv"]
    lines = (shell.folder / "out" / "values.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1::2]] == ["deVisits001", "deVisits002", "deVisits010"]


def test_a_second_data_set_gets_a_file_of_its_own_unless_the_format_names_it_by_group(shell: Shell) -> None:
    source = shell.write(TWO_SETS)
    assert shell(source, "--to", "dxf-json", "-o", "out").exit_code == OK
    assert shell.names() == ["january.dsMonthly01.json", "january.dsOutreach1.json"]
    assert shell(source, "--to", "adx", "-o", "out").exit_code == OK
    assert "january.adx.xml" in shell.names()


@pytest.mark.parametrize(("compress", "unpacked"), [("gz", gzip.decompress), ("zst", zstd.decompress)])
def test_files_are_compressed_as_asked(compress: str, unpacked: Any, shell: Shell) -> None:
    ended = shell(shell.write(GOOD), "--to", "dxf-csv", "-o", "out", "--compress", compress)
    assert ended.exit_code == OK
    assert unpacked((shell.folder / "out" / f"january.csv.{compress}").read_bytes()).decode() == GOOD_CSV


def test_a_data_set_that_is_said_stands_in_where_a_group_names_none(shell: Shell) -> None:
    with_own = GOOD.replace("{", '{"ds":"dsMonthly01",', 1)
    source = shell.write(f"[{GOOD},{with_own}]")
    assert shell(source, "--to", "adx", "-o", "out", "--data-set", "dsSaid00001").exit_code == OK
    text = (shell.folder / "out" / "january.adx.xml").read_text()
    assert (text.count('dataSet="dsSaid00001"'), text.count('dataSet="dsMonthly01"')) == (2, 2)


def test_adx_without_a_data_set_is_written_and_told(shell: Shell) -> None:
    ended = shell(shell.write(GOOD), "--to", "adx", "-o", "out")
    assert ended.exit_code == FINDINGS
    assert "warning[TP774]" in ended.stderr
    assert "--data-set" in ended.stderr


def test_an_empty_source_gives_a_file_without_rows(shell: Shell) -> None:
    assert shell(shell.write("[]"), "--to", "dxf-json", "-o", "out").exit_code == OK
    assert json.loads((shell.folder / "out" / "january.json").read_text()) == {"dataValues": []}


@pytest.mark.parametrize("category", ["value", "Org Unit", "null", "a;b", " Age"])
def test_a_category_that_no_column_can_name_costs_its_own_group_alone(category: str, shell: Shell) -> None:
    header = '{"ids":"NAME","de":"Visits","pe":"202401","ou":"A",'
    rows = '"co":{"%s":["x","y"]},"size":2,"data":[[0,1],[1,2]]}'
    source = shell.write(f"[{header}{rows % category},{header}{rows % 'Sex'}]")
    ended = shell(source, "--to", "dxf-csv", "-o", "out", "--json")
    assert ended.document["values"] == {"read": 4, "written": 2, "ignored": 0, "left_out": 2}
    assert ended.document["findings"][0]["found"] == ("␣Age" if category == " Age" else category)
    lines = (shell.folder / "out" / "january.csv").read_text().splitlines()
    assert lines[0].endswith(",deleted,Sex")
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["x", "y"]


def test_more_categories_than_a_csv_file_is_read_with_are_left_out(shell: Shell) -> None:
    group = '{"ids":"NAME","de":"Visits","pe":"202401","ou":"A","co":{"Category %d":["x","y"]},"size":1,"data":[[0,1]]}'
    groups = [group % number for number in range(257)]
    ended = shell(shell.write(f"[{','.join(groups)}]"), "--to", "dxf-csv", "-o", "out", "--json")
    assert ended.document["values"]["left_out"] == 257
    assert {found["code"] for found in ended.document["findings"]} == {"TP771", "TP773"}


# Streams


@pytest.mark.parametrize("to", FORMATS)
def test_standard_output_gets_what_the_file_would_hold(to: str, shell: Shell) -> None:
    source = shell.write(GOOD)
    shell(source, "--to", to, "-o", "out")
    ended = shell(source, "--to", to, "-o", "-", "--quiet")
    (file,) = (shell.folder / "out").iterdir()
    assert ended.stdout == file.read_text()


def test_standard_input_is_read_twice_though_it_comes_once(tmp_path: Path) -> None:
    ended = running.run("write-back", "-", "--to", "dxf-csv", "-o", "-", stdin=f"[{GOOD}]".encode(), cwd=tmp_path)
    assert (ended.returncode, ended.stdout.decode()) == (OK, GOOD_CSV)


def test_several_files_do_not_fit_on_standard_output(shell: Shell) -> None:
    ended = shell(shell.write(TWO_SETS), "--to", "dxf-json", "-o", "-")
    assert (ended.exit_code, ended.stdout) == (REFUSED, "")
    assert "error[TP778]" in ended.stderr


# Refusals


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "TP108"),
        (GOOD[:-20], "TP108"),
        ('{"dataValues":[]}', "TP501"),
        (GOOD.replace('"size":2', '"size":3'), "TP514"),
        (GOOD.replace("]}", '],"ds":"dsMonthly01"}'), "TP510"),
        (GOOD.replace("202402", "202413"), "TP508"),
    ],
)
@pytest.mark.parametrize("to", FORMATS)
def test_a_source_that_is_no_adv2_leaves_nothing_behind(text: str, code: str, to: str, shell: Shell) -> None:
    good, bad = shell.write(GOOD), shell.write(text, "bad.adv2.json")
    ended = shell(good, bad, "--to", to, "-o", "out", "--json")
    assert (ended.exit_code, ended.document["error"]["code"]) == (UNREADABLE, code)
    assert ended.document["error"]["source"] == "bad.adv2.json"
    assert not (shell.folder / "out").exists()


def test_a_file_that_exists_is_replaced_only_if_asked(shell: Shell) -> None:
    source = shell.write(GOOD)
    (shell.folder / "out").mkdir()
    (shell.folder / "out" / "january.csv").write_text("mine")
    refused = shell(source, "--to", "dxf-csv", "-o", "out")
    assert (refused.exit_code, "TP901" in refused.stderr) == (REFUSED, True)
    assert (shell.folder / "out" / "january.csv").read_text() == "mine"
    assert shell(source, "--to", "dxf-csv", "-o", "out", "--overwrite").exit_code == OK
    assert (shell.folder / "out" / "january.csv").read_text() == GOOD_CSV
    assert shell.names() == ["january.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "dxf-pdf", "-o", "out"),
        ("--to", "dxf-csv", "-o", "out", "--data-set", "dsMonthly01"),
        ("--to", "dxf-csv", "-o", "-", "--json"),
        ("--to", "dxf-csv", "-o", "-", "--overwrite"),
        ("--to", "dxf-csv", "-o", "out", "--id-scheme", "CODE"),
        ("--to", "dxf-csv"),
        ("-o", "out"),
    ],
)
def test_what_has_no_effect_or_is_missing_is_a_usage_error(arguments: Sequence[str], shell: Shell) -> None:
    assert shell(shell.write(GOOD), *arguments).exit_code == USAGE
    assert not (shell.folder / "out").exists()


def test_more_files_than_can_be_written_side_by_side_are_refused(shell: Shell) -> None:
    groups = [GOOD.replace("{", f'{{"ds":"dsNumber{n:03}",', 1) for n in range(201)]
    ended = shell(shell.write(f"[{','.join(groups)}]"), "--to", "dxf-xml", "-o", "out")
    assert (ended.exit_code, "TP778" in ended.stderr) == (REFUSED, True)
    assert not (shell.folder / "out").exists()


def test_a_rows_flaw_is_told_and_the_others_are_written(shell: Shell) -> None:
    source = shell.write(GOOD.replace('"size":2,"data":[', '"size":3,"data":[[5,1],'))
    ended = shell(source, "--to", "dxf-csv", "-o", "out", "--json")
    assert ended.exit_code == FINDINGS
    assert ended.document["values"] == {"read": 3, "written": 2, "ignored": 1, "left_out": 0}
    assert [found["code"] for found in ended.document["findings"]] == ["TP605"]
    (file,) = ended.document["files"]
    assert (file["file"], file["rows"], file["bytes"]) == ("january.csv", 2, len(GOOD_CSV))


# Metadata

OPTIONS = (
    '{"de":"deVisits001","pe":"202501","ou":"ouClinicA01","ds":"%s","co":%s,"ao":%s,"size":2,"data":[[0,4],[1,5]]}'
)
BY_CATEGORY = '{"cgSex000001":["coFemale001","coMale00001"],"cgAge000001":"coUnder5001"}'
BY_PLACE = '[["coUnder5001"],["coFemale001","coMale00001"]]'


@pytest.mark.parametrize("co", [BY_CATEGORY, BY_PLACE], ids=["by category", "by place"])
def test_metadata_put_option_combos_in_the_place_of_options(co: str, shell: Shell) -> None:
    ao = '{"cgDefault01":"coDefault01"}'
    source = shell.write(OPTIONS % ("dsMonthly01", co, ao))
    assert shell(source, "--to", "dxf-xml", "-o", "out").exit_code == FINDINGS
    ended = shell(source, "--to", "dxf-xml", "-o", "out", "--overwrite", "--metadata", str(METADATA))
    assert ended.exit_code == OK, ended.stderr
    rows = (shell.folder / "out" / "january.xml").read_text().splitlines()[1:-1]
    for row, combo, value in zip(rows, ("ocUnder5F01", "ocUnder5M01"), "45", strict=True):
        assert f'categoryOptionCombo="{combo}" attributeOptionCombo="ocDefault01" value="{value}"' in row


def test_the_data_set_decides_which_category_combo_holds(shell: Shell) -> None:
    co, ao = '{"cgFixedOut1":["coFixed0001","coOutreach1"]}', '[["coWater0001"]]'
    source = shell.write(OPTIONS % ("dsOutreach1", co, ao))
    assert shell(source, "--to", "dxf-csv", "-o", "out", "--metadata", str(METADATA)).exit_code == OK
    rows = (shell.folder / "out" / "january.csv").read_text().splitlines()[1:]
    assert [row.split(",")[3:6] for row in rows] == [
        ["ocFixed0001", "ocWater0001", "4"],
        ["ocOutreach1", "ocWater0001", "5"],
    ]


def test_combos_are_named_in_the_schemes_of_the_header(shell: Shell) -> None:
    group = {
        **{"ids": "CODE", "ds": "MONTHLY", "de": "VISITS", "pe": "202501", "ou": "A"},
        **{"co": {"AGE": "O5", "SEX": "M"}, "size": 1, "data": [[1]]},
    }
    source = shell.write(json.dumps(group))
    assert shell(source, "--to", "dxf-csv", "-o", "out", "--metadata", str(METADATA)).exit_code == OK
    assert ",O5_M,," in (shell.folder / "out" / "january.csv").read_text()


def test_a_combination_that_no_option_combo_has_is_left_out_and_named(shell: Shell) -> None:
    co = '{"cgSex000001":["coFemale001","coWater0001"],"cgAge000001":"coUnder5001"}'
    source = shell.write((OPTIONS % ("dsMonthly01", co, "[]")).replace('"ao":[],', ""))
    ended = shell(source, "--to", "dxf-xml", "-o", "out", "--metadata", str(METADATA), "--json")
    assert (ended.exit_code, ended.document["values"]["left_out"]) == (FINDINGS, 1)
    (found,) = ended.document["findings"]
    assert (found["code"], found["row"], found["found"]) == ("TP779", 1, "coWater0001 + coUnder5001")


def test_metadata_that_do_not_settle_the_category_combo_leave_the_group_out(shell: Shell) -> None:
    group = (
        '{"de":"deVisits001","pe":"202501","ou":"ouClinicA01","co":{"cgFixedOut1":"coFixed0001"},"size":1,"data":[[1]]}'
    )
    ended = shell(shell.write(group), "--to", "dxf-xml", "-o", "out", "--metadata", str(METADATA), "--json")
    assert (ended.exit_code, ended.document["values"]["left_out"]) == (FINDINGS, 1)
    (found,) = ended.document["findings"]
    assert (found["code"], found["field"], found["expected"]) == ("TP771", "co", "one category combo")
    with_combo = group.replace('"co"', '"cc":"ccFixedOut1","co"')
    without = shell(shell.write(with_combo), "--to", "dxf-json", "-o", "out")
    assert (without.exit_code, "warning[TP776]" in without.stderr) == (FINDINGS, True)
    again = shell(shell.write(with_combo), "--to", "dxf-xml", "-o", "out", "--metadata", str(METADATA), "--overwrite")
    assert again.exit_code == OK
    assert 'categoryOptionCombo="ocFixed0001"' in (shell.folder / "out" / "january.xml").read_text()


def test_options_that_two_option_combos_fit_are_written_as_neither(shell: Shell) -> None:
    document = json.loads(METADATA.read_text())
    first = next(combo for combo in document["categoryOptionCombos"] if combo["id"] == "ocUnder5F01")
    document["categoryOptionCombos"].append({**first, "id": "ocTwin00001", "code": None})
    metadata = shell.folder / "twins.json"
    metadata.write_text(json.dumps(document))
    source = shell.write((OPTIONS % ("dsMonthly01", BY_CATEGORY, "[]")).replace('"ao":[],', ""))
    ended = shell(source, "--to", "dxf-xml", "-o", "out", "--metadata", str(metadata), "--json")
    (found,) = ended.document["findings"]
    assert (found["code"], found["field"]) == ("TP771", "co")
    assert "ocUnder5F01" in found["found"]
    assert "ocTwin00001" in found["found"]


def test_identifiers_are_written_in_the_scheme_asked_for(shell: Shell) -> None:
    group = (
        '{"ds":"dsMonthly01","de":"deVisits001","pe":"202501","ou":"ouClinicA01",'
        '"coc":["ocUnder5F01","ocUnder5M01","ocUnknown01"],"aoc":"ocDefault01","size":3,"data":[[0,4],[1,5],[2,6]]}'
    )
    chosen = ("--id-scheme", "CODE", "--id-scheme", "ou=UID")
    ended = shell(shell.write(group), "--to", "dxf-json", "-o", "out", "--metadata", str(METADATA), "--json", *chosen)
    assert (ended.exit_code, ended.document["values"]["left_out"]) == (FINDINGS, 1)
    (found,) = ended.document["findings"]
    assert (found["code"], found["row"], found["found"]) == ("TP779", 2, "ocUnknown01")
    written = json.loads((shell.folder / "out" / "january.json").read_text())
    assert (written["dataSet"], written["idScheme"], written["orgUnitIdScheme"]) == ("MONTHLY", "CODE", "UID")
    row = {"dataElement": "VISITS", "period": "202501", "orgUnit": "ouClinicA01", "attributeOptionCombo": "default"}
    assert written["dataValues"] == [
        {**row, "categoryOptionCombo": "U5_F", "value": "4"},
        {**row, "categoryOptionCombo": "U5_M", "value": "5"},
    ]


def test_a_group_whose_data_element_or_data_set_has_no_identifier_is_left_out(shell: Shell) -> None:
    group = '{"ds":"%s","de":"%s","pe":"202501","ou":"ouClinicA01","size":1,"data":[[1]]}'
    groups = [group % ("dsMonthly01", "deUnknown01"), group % ("dsUnknown01", "deVisits001")]
    ended = shell(
        *(shell.write(f"[{','.join(groups)}]"), "--to", "dxf-csv", "-o", "out", "--json"),
        *("--metadata", str(METADATA), "--id-scheme", "de=CODE", "--id-scheme", "ds=CODE"),
    )
    assert (ended.exit_code, ended.document["values"]["left_out"]) == (FINDINGS, 2)
    told = [(found["code"], found["field"], found["found"]) for found in ended.document["findings"][:2]]
    assert told == [("TP779", "dataElement", "deUnknown01"), ("TP779", "dataSet", "dsUnknown01")]


def test_a_deletion_is_written_in_the_scheme_asked_for(shell: Shell) -> None:
    group = (
        '{"de":"deVisits001","pe":"202501","ou":"ouClinicA01","co":[["coUnder5001"],["coMale00001"]],'
        '"delete":"soft","size":0}'
    )
    ended = shell(
        *(shell.write(group), "--to", "dxf-json", "-o", "out"),
        *("--metadata", str(METADATA), "--id-scheme", "CODE", "--id-scheme", "ou=UID"),
    )
    assert ended.exit_code == FINDINGS  # which category combo is meant is not settled
    ended = shell(
        *(shell.write(group.replace("{", '{"ds":"dsMonthly01",', 1)), "--to", "dxf-json", "-o", "out", "--overwrite"),
        *("--metadata", str(METADATA), "--id-scheme", "CODE", "--id-scheme", "ou=UID"),
    )
    assert (ended.exit_code, ended.stderr) == (OK, "")
    written = json.loads((shell.folder / "out" / "january.json").read_text())
    elements = [{"dataElement": "VISITS", "categoryOptionCombo": "U5_M"}]
    assert written["deletion"] == {"orgUnits": ["ouClinicA01"], "periods": ["202501"], "elements": elements}


def test_a_deletion_in_a_data_set_without_an_identifier_is_told(shell: Shell) -> None:
    group = '{"ds":"dsUnknown01","de":"deVisits001","pe":"202501","ou":"ouClinicA01","delete":"soft","size":0}'
    ended = shell(
        *(shell.write(group), "--to", "dxf-json", "-o", "out", "--json"),
        *("--metadata", str(METADATA), "--id-scheme", "ds=CODE"),
    )
    (found,) = ended.document["findings"]
    assert (ended.exit_code, found["code"], found["found"]) == (FINDINGS, "TP772", "dsUnknown01")


# The library


def test_the_library_says_what_it_wrote_and_takes_a_stream(tmp_path: Path) -> None:
    source = tmp_path / "january.adv2.json"
    source.write_text(GOOD)
    events: list[object] = []
    stream = io.BytesIO()
    report = write_back([source], stream, "dxf-csv", watch=events.append)
    assert stream.getvalue().decode() == GOOD_CSV
    assert (report.read, report.written, report.exit_code) == (2, 2, 0)
    assert [(file.name, file.path, file.rows) for file in report.files] == [("january.csv", None, 2)]
    assert events


def test_options_that_are_none_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_back("one.adv2.json", tmp_path / "out", "dxf-csv")
    for options in ({"to": "dxf-pdf"}, {"to": "dxf-csv", "compress": "zip"}, {"to": "dxf-csv", "data_set": "ds"}):
        with pytest.raises(ValueError, match=r"^(to|compress|data_set)\b"):
            write_back([tmp_path / "none.adv2.json"], tmp_path / "out", **options)  # type: ignore[arg-type]
    with pytest.raises(SourceUnreadable):
        write_back([tmp_path / "none.adv2.json"], tmp_path / "out", "dxf-csv")


def test_every_finding_of_writing_is_told_somewhere_in_these_tests() -> None:
    here = Path(__file__).read_text() + "".join(
        path.read_text() for path in sorted((FIXTURES / "written").glob("*.txt"))
    )
    assert [code for code in CODES if code.startswith("TP77") and code not in here] == []


# The real values


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not there")
    folder = tmp_path_factory.mktemp("country")
    convert([FILE], folder)
    return folder / "sierra-leone-values"


@pytest.mark.parametrize("to", FORMATS)
def test_the_real_values_come_back_byte_for_byte_from_each_format(to: str, country: Path, tmp_path: Path) -> None:
    report = write_back([country], tmp_path / "out", to, data_set="BfMAe6Itzgt" if to == "adx" else None)
    assert (report.read, report.written, report.exit_code) == (VALUES, VALUES, OK)
    (file,) = report.files
    assert file.path is not None
    back = convert([file.path], tmp_path / "back", id_schemes={"": "UID"} if to == "adx" else None)
    (outcome,) = back.sources
    assert outcome.folder is not None
    wanted = {path.name: path.read_bytes() for path in country.glob("*.adv2.json")}
    if to == "adx":  # the data set that was said is in the file, and so in each header
        wanted = {name: text.replace(b'{"de":', b'{"ds":"BfMAe6Itzgt","de":', 1) for name, text in wanted.items()}
    assert {path.name: path.read_bytes() for path in outcome.folder.glob("*.adv2.json")} == wanted


def test_the_real_values_come_back_through_codes_and_names(country: Path, tmp_path: Path) -> None:
    exports = [FILE.with_name(f"sierra-leone-{name}.json.gz") for name in ("metadata", "org-units")]
    snapshot = Snapshot.from_exports(exports)
    schemes = {"": "UID", "de": "CODE", "ou": "CODE", "coc": "NAME", "aoc": "NAME"}
    (coded,) = write_back([country], tmp_path / "coded", "dxf-csv", metadata=snapshot, id_schemes=schemes).files
    assert coded.path is not None
    convert([coded.path], tmp_path / "adv2", id_schemes=schemes)
    report = write_back([tmp_path / "adv2"], tmp_path / "uids", "dxf-csv", metadata=snapshot, id_schemes={"": "UID"})
    assert (report.written, report.exit_code) == (VALUES, OK)
    assert report.files[0].path is not None
    convert([report.files[0].path], tmp_path / "back")
    wanted = {path.name: path.read_bytes() for path in country.glob("*.adv2.json")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").rglob("*.adv2.json")} == wanted
