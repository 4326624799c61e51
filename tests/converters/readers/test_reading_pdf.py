"""The DXF2 PDF reader: what a form says, what makes it unreadable, and that nothing else ever comes out."""

from __future__ import annotations

import importlib.util
import io
import random
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf.settings import get_qpdf_limits

from support.places import FIXTURES
from tallyport_converters.convert import convert
from tallyport_converters.readers.dxf_pdf import DOCUMENT_LIMIT_BYTES, FormRow, FormValues, read_form
from tallyport_schemas.finding import Finding, SourceUnreadable

FOLDER = FIXTURES / "dxf-pdf"


def _load_makers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pdf_fixtures", FOLDER / "make_fixtures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = _load_makers()
FORMS: dict[str, bytes] = make.fixtures()

MONTHLY = FormValues(
    org_unit="DiszpKrYNg8",
    period="202403",
    rows=[
        FormRow("L2kxa2IA2cs", "HllvX50cXC0", "false"),
        FormRow("M62VHgYT2n0", "HllvX50cXC0", "true"),
        FormRow("NCteyX5xDMf", "HllvX50cXC0", "true"),
        FormRow("O05mAByOgAv", None, "7"),
        FormRow("fbfJHSPpUQD", "PT59n8BQbqM", " kept as it is "),
        FormRow("fbfJHSPpUQD", "pq2XI5kz2BY", "3.50"),
        FormRow("hCVSHjcml9g", "HllvX50cXC0", "Kaffee, Th\u00e9 & \u8336 (lots)\rsecond line"),
        FormRow("mGN1az8Xub6", "HllvX50cXC0", "true"),
        FormRow("n6aMJNLdvep", "HllvX50cXC0", "true"),
        FormRow("s46m5MS0hxu", "Prlt0C1RF0s", "12"),
    ],
    blank=6,
    ignored=["TXFDDV_lonely", "TXFDDVs46m5MS0hxu_Prlt0C1RF0s"],
)
ONE_ROW = [FormRow("s46m5MS0hxu", "Prlt0C1RF0s", "12")]


def form(*fields: bytes) -> FormValues:
    return read_form(make.document(make.form_objects(fields)), "form.pdf")


def refusal(document: bytes) -> Finding:
    with pytest.raises(SourceUnreadable) as caught:
        read_form(document, "form.pdf")
    return caught.value.finding


def outcome(document: bytes) -> FormValues | str:
    try:
        return read_form(document, "form.pdf")
    except SourceUnreadable as unreadable:
        return unreadable.finding.code


# The fixtures


def test_committed_fixtures_are_what_the_script_makes() -> None:
    committed = {path.name: path.read_bytes() for path in FOLDER.glob("*.pdf")}
    assert committed == FORMS


@pytest.mark.parametrize("name", ["filled-monthly.pdf", "filled-monthly-packed-objects.pdf"])
def test_filled_form_is_read_as_its_fields_say(name: str) -> None:
    assert read_form(FORMS[name], name) == MONTHLY


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "filled-in-two-revisions.pdf",
            FormValues("DiszpKrYNg8", "202403", [FormRow("s46m5MS0hxu", "Prlt0C1RF0s", "13, not 12 as before")], 0, []),
        ),
        (
            "filled-fields-below-a-parent.pdf",
            FormValues("DiszpKrYNg8", None, [FormRow("M62VHgYT2n0", "HllvX50cXC0", "true"), *ONE_ROW], 0, []),
        ),
        ("untouched.pdf", FormValues(None, None, [], 2, [])),
        ("encrypted-with-empty-password.pdf", FormValues("DiszpKrYNg8", "202403", ONE_ROW, 0, [])),
        ("xfa-beside-fields.pdf", FormValues("DiszpKrYNg8", "202403", ONE_ROW, 0, [])),
    ],
)
def test_other_readable_forms(name: str, expected: FormValues) -> None:
    assert read_form(FORMS[name], name) == expected


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("encrypted-with-user-password.pdf", "TP115", "encrypted"),
        ("xfa-only.pdf", "TP116", "XFA only"),
        ("formless.pdf", "TP117", "no DHIS2 form"),
        ("event-form.pdf", "TP117", "no DHIS2 form"),
        ("damaged-cut-short.pdf", "TP114", "cut short"),
        ("damaged-cut-in-its-second-revision.pdf", "TP114", "cut short"),
        ("damaged-cross-references.pdf", "TP114", "not where it should be"),
        ("damaged-compression.pdf", "TP114", "compressed stream is damaged"),
        ("damaged-missing-field.pdf", "TP114", "referred to, but empty"),
        ("damaged-fields-in-a-circle.pdf", "TP114", "in a circle"),
        ("damaged-nested-deeply.pdf", "TP114", "nested too deeply"),
        ("damaged-no-pdf.pdf", "TP114", "does not start as a PDF"),
    ],
)
def test_unreadable_form_is_named_by_its_code(name: str, code: str, said: str) -> None:
    finding = refusal(FORMS[name])
    assert (finding.code, finding.source) == (code, "form.pdf")
    assert said in finding.message


@pytest.mark.parametrize(
    "how",
    [
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        {"linearize": True},
        {"encryption": pikepdf.Encryption(owner="owner", user="", R=6)},
        {"encryption": pikepdf.Encryption(owner="owner", user="", R=4), "linearize": True},
    ],
    ids=["object streams", "linearized", "AES with 256 bits", "AES with 128 bits"],
)
def test_form_that_another_program_saved_says_the_same(how: dict[str, Any]) -> None:
    saved = io.BytesIO()
    with pikepdf.open(io.BytesIO(FORMS["filled-monthly.pdf"])) as pdf:
        pdf.save(saved, **how)
    assert read_form(saved.getvalue(), "form.pdf") == MONTHLY


# Fields


def test_rows_come_in_the_order_of_field_names_whatever_the_file_order() -> None:
    fields = list(make.MONTHLY_FIELDS)
    random.Random(7).shuffle(fields)
    assert form(*fields) == MONTHLY


@pytest.mark.parametrize(
    ("state", "rows"), [("On", 1), ("on", 1), ("ON", 1), ("Yes", 1), ("1", 1), ("Off", 0), ("off", 0)]
)
def test_check_box_is_true_in_any_state_but_off(state: str, rows: int) -> None:
    read = form(make.check_box("TXFDDV_a_b_T4", state))
    assert read.rows == [FormRow("a", "b", "true")] * rows
    assert read.blank == 1 - rows


def test_check_box_value_outweighs_its_looks() -> None:
    assert form(b"<</FT/Btn/T(TXFDDV_a_b_T4)/V/Off/AS/On>>").rows == []
    assert form(b"<</FT/Btn/T(TXFDDV_a_b_T4)/V/On/AS/Off>>").rows == [FormRow("a", "b", "true")]


def test_check_box_that_became_a_text_field_is_read_by_its_text() -> None:
    assert form(make.text_field("TXFDDV_a_b_T4", "on")).rows == [FormRow("a", "b", "true")]
    assert form(make.text_field("TXFDDV_a_b_T4", "Off")).blank == 1
    assert form(make.text_field("TXFDDV_a_b_T4", "maybe")).rows == [FormRow("a", "b", "maybe")]


@pytest.mark.parametrize(
    ("stored", "value"),
    [("true", "true"), ("Yes", "true"), ("No", "false"), ("other", "other"), ("twice", "twice"), ("x", "x")],
)
def test_drop_down_gives_the_export_value_of_a_unique_display_text(stored: str, value: str) -> None:
    options = (("true", "Yes"), ("false", "No"), ("1", "twice"), ("2", "twice"), ("x", "plain"), ("y", "x"))
    assert form(make.drop_down("TXFDDV_a_b", stored, options)).rows == [FormRow("a", "b", value)]


def test_drop_down_with_plain_options_gives_the_option() -> None:
    assert form(b"<</FT/Ch/T(TXFDDV_a_b)/Opt[(p)(q)]/V(q)>>").rows == [FormRow("a", "b", "q")]


def test_drop_down_with_one_choice_in_a_list_gives_it_and_one_with_two_is_reported() -> None:
    assert form(b"<</FT/Ch/T(TXFDDV_a_b)/Opt[(p)(q)]/V[(q)]>>").rows == [FormRow("a", "b", "q")]
    read = form(b"<</FT/Ch/T(TXFDDV_a_b)/Opt[(p)(q)]/V[(p)(q)]>>", make.text_field("TXFDDV_c_d", "1"))
    assert read.ignored == ["TXFDDV_a_b"]


def test_period_is_the_export_value_of_its_display_text() -> None:
    field = make.drop_down("TXFD_PeriodID", make.PERIODS[1][1], make.PERIODS)
    assert form(field, make.text_field("TXFDDV_a_b", "1")).period == "202403"


def test_third_part_of_another_kind_leaves_the_value_as_text() -> None:
    assert form(make.text_field("TXFDDV_a_b_T1", "5")).rows == [FormRow("a", "b", "5")]


@pytest.mark.parametrize("name", ["TXFDDV_a", "TXFDDV__b", "TXFDDV", "TXFDDV_a_b_c_d", "TXFDDVa_b"])
def test_value_field_whose_name_cannot_be_split_is_reported(name: str) -> None:
    read = form(make.text_field(name, "5"), make.text_field("TXFDDV_a_b", "1"))
    assert read == FormValues(None, None, [FormRow("a", "b", "1")], 0, [name])


def test_button_named_like_a_value_field_is_reported() -> None:
    assert form(make.button("TXFDDV_a_b"), make.text_field("TXFDDV_c_d", "1")).ignored == ["TXFDDV_a_b"]


def test_field_listed_twice_is_read_once() -> None:
    objects = make.form_objects((make.text_field("TXFDDV_a_b", "1"),))
    objects[4] = b"<</Fields[5 0 R 5 0 R]>>"
    assert read_form(make.document(objects), "form.pdf").rows == [FormRow("a", "b", "1")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"/V(a\\tb\\(\\051\\\\)", "a\tb()\\"),
        (b"/V<FEFF00E9>", "\u00e9"),
        (b"/V<FFFEE900>", "\u00e9"),
        (b"/V<EFBBBFC3A9>", "\u00e9"),
        (b"/V(\xe9\x80)", "\u00e9\u2022"),
        (b"/V/Name", "Name"),
        (b"/V 12", "12"),
        (b"/V true", "true"),
    ],
)
def test_value_is_text_in_whatever_way_it_is_written(value: bytes, text: str) -> None:
    assert form(b"<</FT/Tx/T(TXFDDV_a_b)" + value + b">>").rows == [FormRow("a", "b", text)]


def test_value_may_be_a_stream() -> None:
    objects = make.form_objects((b"<</FT/Tx/T(TXFDDV_a_b)/V 6 0 R>>",))
    for head, written in ((b"", b"long text"), (b"/Filter/FlateDecode", make.stored(b"long text"))):
        stream = b"<<" + head + b"/Length %d>>\nstream\n" % len(written) + written + b"\nendstream"
        read = read_form(make.document({**objects, 6: stream}), "form.pdf")
        assert read.rows == [FormRow("a", "b", "long text")]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_back_as_it_was_written(text: str) -> None:
    written = b"<FEFF" + text.encode("utf-16-be").hex().encode() + b">"
    read = form(b"<</FT/Tx/T(TXFDDV_a_b)/V" + written + b">>")
    if text.strip():
        assert read.rows == [FormRow("a", "b", text)]
    else:
        assert (read.rows, read.blank) == ([], 1)


# The file around the form


def test_what_stands_before_the_header_is_passed_over() -> None:
    assert read_form(b"\r\n--boundary\r\n\r\n" + FORMS["filled-monthly.pdf"], "form.pdf") == MONTHLY


@pytest.mark.parametrize("rest", [b"", b"\r\n\0\0", b"%%EOF\n", b"\r\n--boundary--\r\n"])
def test_what_follows_the_end_mark_is_passed_over_unless_it_looks_like_a_revision(rest: bytes) -> None:
    assert read_form(FORMS["filled-monthly.pdf"] + rest, "form.pdf") == MONTHLY
    assert refusal(FORMS["filled-monthly.pdf"] + rest + b"\n12 0 obj").code == "TP114"


def test_empty_value_by_lost_object_is_damage_not_a_blank_field() -> None:
    objects = make.form_objects((b"<</FT/Tx/T(TXFDDV_a_b)/V 6 0 R>>", b"null"))
    assert refusal(make.document(objects)).code == "TP114"
    objects = make.form_objects((b"<</FT/Tx/T(TXFDDV_a_b)/V @ >>", make.text_field("TXFDDV_c_d", "1")))
    assert refusal(make.document(objects)).code == "TP114"


@pytest.mark.parametrize("algorithm", [b"/V 5/R 6/Length 256", b"/V 9/R 9", b"/V 4/R 4"])
def test_encryption_that_cannot_be_read_here_is_named(algorithm: bytes) -> None:
    how = b"/Encrypt<</Filter/Standard/P -4/O<00>/U<00>" + algorithm + b">>/ID[<00><00>]"
    document = make.document(make.form_objects((make.text_field("TXFDDV_a_b", "1"),)), trailer=how)
    assert refusal(document).code == "TP115"


def test_unknown_security_handler_counts_as_encrypted() -> None:
    how = b"/Encrypt<</Filter/Vendor/V 1/R 2/P -4/O<00>/U<00>>>/ID[<00><00>]"
    document = make.document(make.form_objects((make.text_field("TXFDDV_a_b", "1"),)), trailer=how)
    assert refusal(document).code == "TP115"


def test_reason_of_damage_is_safe_to_show() -> None:
    document = make.document({**make.form_objects(()), 4: b"<</Fields[\x1b[31m\x07" + b"x" * 1000 + b"]>>"})
    finding = refusal(document)
    assert finding.code == "TP114"
    assert finding.message.isprintable()
    assert len(finding.message) < 300


def test_nothing_is_logged_or_printed_and_qpdf_s_limits_are_as_before(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    limits = get_qpdf_limits()
    for document in FORMS.values():
        outcome(document)
        outcome(document[:-7])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert get_qpdf_limits() == limits


def test_pikepdf_is_imported_only_when_a_form_is_read() -> None:
    code = "import sys, tallyport_converters.readers.dxf_pdf; sys.exit('pikepdf' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode
        == 0
    )


# Bounds


def packed(form_object: bytes, *, count: int) -> bytes:
    """Return a document whose form is written `count` times into one object stream, at offsets one byte apart."""
    index = b"1 0 2 60 " + b"".join(b"%d %d " % (10 + n, 100 + n) for n in range(count))
    catalog = b"<</Type/Catalog/Pages 2 0 R/AcroForm %d 0 R>>" % 10
    content = catalog.ljust(60) + b"<</Type/Pages/Kids[]/Count 0>>".ljust(40) + form_object
    stream = zlib.compress(index + content, 9)
    head = b"<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>" % (count + 2, len(index), len(stream))
    body: bytes = make.HEADER + b"3 0 obj\n" + head + b"\nstream\n" + stream + b"\nendstream\nendobj\n"
    kinds = {1: (2, 3, 0), 2: (2, 3, 1), 3: (1, len(make.HEADER), 0), **{10 + n: (2, 3, 0) for n in range(count)}}
    rows = zlib.compress(b"".join(struct.pack(">BLH", *kinds.get(n, (0, 0, 0))) for n in range(10 + count)), 9)
    head = b"<</Type/XRef/Size %d/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length %d>>" % (10 + count, len(rows))
    table = b"4 0 obj\n" + head + b"\nstream\n" + rows + b"\nendstream\nendobj\n"
    return body + table + b"startxref\n%d\n%%%%EOF\n" % len(body)


FIELDS_AT_WILL: dict[str, Callable[[], bytes]] = {
    "texts one within the other": lambda: packed(b"(" * 40_000 + b")" * 40_000, count=40_000),
    "names without a character": lambda: make.document({**make.form_objects(()), 4: b"<</Fields[" + b"/" * 9_000_000}),
    "packed numbers": lambda: packed(b"<</Fields[" + b"0 " * 1_900_000 + b"]>>", count=1),
    "packed names without a character": lambda: packed(b"<</Fields[" + b"/" * 4_100_000 + b"]>>", count=1),
    "revisions without end": lambda: make.document(make.form_objects(()), trailer=b"/A<</P#72ev 15>>" * 257),
    "a stream that unpacks to 100 MB": lambda: packed(b"<</Fields[" + b" " * 100_000_000 + b"]>>", count=1),
    "objects one within the other": lambda: packed(b"[" * 40_000 + b"]" * 40_000, count=40_000),
    "an array of arrays": lambda: make.document({**make.form_objects(()), 4: b"<</Fields" + b"[" * 200_000}),
    "a dictionary of dictionaries": lambda: make.document(
        {**make.form_objects(()), 4: b"<</Fields" + b"<</A" * 90_000}
    ),
    "a field that is its own part, three times": lambda: make.document(
        make.form_objects((b"<</T(TXFDDV_a_b)/Kids[5 0 R 5 0 R 5 0 R]>>",))
    ),
    "parts shared by many fields": lambda: make.document(
        {
            **make.form_objects([b"<</T(a)/Kids 105 0 R>>"] * 100),
            105: b"[" + b"106 0 R " * 20_000 + b"]",
            106: b"<</Subtype/Widget>>",
        }
    ),
    "a long text shared by many fields": lambda: make.document(
        {**make.form_objects([b"<</FT/Tx/T(TXFDDV_a_b)/V 605 0 R>>"] * 600), 605: b"(" + b"x" * 120_000 + b")"}
    ),
    "references to nowhere": lambda: make.document(
        {**make.form_objects(()), 4: b"<</Fields[" + b"7777 0 R " * 50_000 + b"]>>"}
    ),
    "150,000 fields in one list": lambda: make.document(
        {**make.form_objects(()), 4: b"<</Fields[" + b"<</T(a)>>" * 150_000 + b"]>>"}
    ),
    "an integer of 10,000 digits": lambda: make.document(
        make.form_objects((b"<</FT/Tx/T(TXFDDV_a_b)/V " + b"9" * 10_000 + b"]>>",))
    ),
    "a table that lists itself as its predecessor": lambda: make.document(
        {**make.form_objects(()), 4: b"<<>>"}, trailer=b"/Prev 15"
    ),
}


def test_a_large_object_stream_that_is_a_form_s_is_read() -> None:
    fields = b"".join(b"<</FT/Tx/T(TXFDDV_a_b%06d)/V(12)>>" % n for n in range(60_000))
    assert len(read_form(packed(b"<</Fields[" + fields + b"]>>", count=1), "form.pdf").rows) == 60_000


@pytest.mark.parametrize("what", FIELDS_AT_WILL)
def test_structure_without_bounds_ends_in_a_finding_in_bounded_time(what: str) -> None:
    document = FIELDS_AT_WILL[what]()
    start = time.process_time()
    assert refusal(document).code in {"TP114", "TP117"}
    assert time.process_time() - start < 10


def test_document_beyond_the_limit_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "large.pdf").write_bytes(b"%PDF-" + bytes(DOCUMENT_LIMIT_BYTES))
    [outcome] = convert([tmp_path / "large.pdf"], tmp_path / "out").sources
    assert outcome.error
    assert (outcome.error.code, outcome.error.message) == ("TP114", "the PDF is too large")


def test_thousand_fields_are_read() -> None:
    fields = [make.text_field(f"TXFDDV_s46m5MS{n:04}_Prlt0C1RF0s", str(n)) for n in range(1000)]
    assert [row.value for row in form(*fields).rows] == [str(n) for n in range(1000)]


# Damage of any kind


@pytest.mark.parametrize("name", ["filled-monthly.pdf", "filled-monthly-packed-objects.pdf", "xfa-only.pdf"])
def test_form_cut_anywhere_is_damaged(name: str) -> None:
    document = FORMS[name]
    end = document.rindex(b"%%EOF") + len(b"%%EOF")
    assert {outcome(document[:cut]) for cut in range(end)} == {"TP114"}


def test_form_cut_in_its_second_revision_never_gives_the_first() -> None:
    document = FORMS["filled-in-two-revisions.pdf"]
    first = document.index(b"%%EOF\n") + len(b"%%EOF\n")
    # A cut right behind the first revision leaves a whole file: nobody could tell.
    assert {outcome(document[:cut]) for cut in range(first + 1, document.rindex(b"%%EOF"))} == {"TP114"}


@pytest.mark.parametrize(
    "name", ["filled-monthly.pdf", "filled-monthly-packed-objects.pdf", "encrypted-with-empty-password.pdf"]
)
def test_mutated_form_is_read_or_refused_and_nothing_else(name: str) -> None:
    chance = random.Random(name)
    start = time.perf_counter()
    for _ in range(500):
        document = bytearray(FORMS[name])
        for _ in range(chance.choice((1, 1, 2, 8, 50))):
            at = chance.randrange(len(document))
            match chance.randrange(4):
                case 0:
                    document[at] = chance.randrange(256)
                case 1:
                    del document[at : at + chance.randrange(1, 20)]
                case 2:
                    document[at:at] = chance.randbytes(chance.randrange(1, 20))
                case _:
                    piece = chance.randrange(len(document))
                    document[at : at + 30] = document[piece : piece + 30]
        outcome(bytes(document))
    assert time.perf_counter() - start < 60


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_behind_a_header_are_refused(rest: bytes) -> None:
    assert outcome(b"%PDF-1.4\n" + rest) == "TP114"
    assert outcome(b"%PDF-1.4\n" + rest + b"\nstartxref\n9\n%%EOF\n") == "TP114"
