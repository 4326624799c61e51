"""The page in a real browser: choose, dry run, run, watch; with a mouse, with keys alone, on a phone, over restarts."""

from __future__ import annotations

import io
import json
import re
import signal
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from support.databases import execute, running_server, small
from support.page_window import Window, known, opened
from support.places import ROOT, SAMPLES
from support.running import contents, run
from support.serving import Server, browsing, served

FILES: Mapping[str, Path] = {
    "dxf-json": SAMPLES / "january.json",
    "dxf-csv": SAMPLES / "february.csv",
    "dxf-xml": SAMPLES / "march.xml",
    "adx": SAMPLES / "april.adx.xml",
    "dxf-pdf": ROOT / "tests" / "fixtures" / "dxf-pdf" / "filled-monthly.pdf",
}
"""A file of each format."""

PHONE = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_server() as postgres:
        yield small(postgres, "43")


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("served"), "--database", database) as running:
        yield running


@pytest.fixture(scope="module")
def state(server: Server, browser: Browser) -> Any:
    return known(server, browser)


@pytest.fixture(scope="module")
def shared(server: Server, browser: Browser, state: Any) -> Iterator[Window]:
    with opened(server, browser, state) as window:
        yield window


@pytest.fixture
def window(shared: Window, server: Server) -> Iterator[Window]:
    """The page as one who comes for the first time sees it; in a window that is there, as a new one takes a second."""
    shared.open(server)
    yield shared
    shared.leave()
    complaints = list(shared.complaints)
    shared.complaints.clear()
    assert not complaints


def visits(folder: Path, **header: Any) -> Path:
    rows = header.pop("rows", [[0, 0, 5], [1, 1, 7]])
    made = {"de": "deVisits001", "pe": ["202503", "202504"], "ou": ["ouClinicA01", "ouClinicB01"], **header}
    path = folder / "visits.adv2.json"
    path.write_text(json.dumps({**made, "size": len(rows), "data": rows}), encoding="utf-8")
    return path


# --- Choose, dry run, run, fetch -------------------------------------------------------------------------------------


def test_a_file_of_each_format_goes_through_and_comes_out_as_the_command_line_writes_it(
    window: Window, tmp_path: Path
) -> None:
    for path in FILES.values():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    assert run("convert", tmp_path / "in", "-o", tmp_path / "out").returncode == 1
    expected = contents(tmp_path / "out")
    names = {"dxf-json": "DHIS2 JSON", "dxf-csv": "DHIS2 CSV", "dxf-xml": "DHIS2 XML", "adx": "ADX"}
    for form, path in FILES.items():
        window.choose(path)
        told = window.page.locator(".file-facts")
        expect(told).to_contain_text(f"{names.get(form, 'DHIS2 PDF form')} (recognised by its")
        expect(window.page.locator("#run")).to_be_disabled()
        window.page.click("#dry")
        window.ended()
        window.run()
        with zipfile.ZipFile(io.BytesIO(window.fetch("adv2.zip"))) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        folder = f"{next(iter(files)).partition('/')[0]}/"
        assert files == {name: data for name, data in expected.items() if name.startswith(folder)}
        assert json.loads(window.fetch("manifest.json"))["sources"] == [json.loads(files[f"{folder}manifest.json"])]
        window.page.get_by_role("button", name=f"Remove {path.name}").click()


def test_several_files_at_once_tell_what_became_of_them_together(window: Window, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"dataValues":[{"dataEle')
    window.dry_run(broken, *(FILES[form] for form in ("dxf-json", "dxf-csv", "adx")))
    expect(window.page.locator("#outcome-title")).to_have_text("15 values can be converted.")
    expect(window.page.locator(".verdict-head")).to_contain_text("1 file cannot be read.")
    problems = window.page.locator(".problem")
    expect(problems.filter(has_text="TP108")).to_contain_text("broken.json")
    expect(problems.filter(has_text="TP304")).to_contain_text("202513: month 13")
    window.page.get_by_role("tab", name="Changes").click()
    expect(window.page.get_by_role("row").filter(has_text="january/deMeasles01.adv2.json")).to_contain_text("3")
    window.page.get_by_role("tab", name="Completeness").click()
    expect(window.page.get_by_role("row", name="ouClinicB01")).to_contain_text("none")
    window.check_access()
    window.run()
    expect(window.page.locator("#outcome-title")).to_have_text("15 values converted.")
    (tmp_path / "in").mkdir()
    for path in (broken, *(FILES[form] for form in ("dxf-json", "dxf-csv", "adx"))):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    assert run("convert", tmp_path / "in", "-o", tmp_path / "out").returncode == 3
    with zipfile.ZipFile(io.BytesIO(window.fetch("adv2.zip"))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents(tmp_path / "out")


def test_files_can_be_dropped(window: Window) -> None:
    dropped = window.page.evaluate_handle(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "january.json"));
            return data;
        }""",
        FILES["dxf-json"].read_text(encoding="utf-8"),
    )
    window.page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    expect(window.page.locator(".file-facts")).to_contain_text("DHIS2 JSON")
    expect(window.page.locator("#dry")).to_be_enabled()


def test_a_broken_file_is_told_of_and_cannot_be_run(window: Window, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"dataValues":[{"dataEle')
    window.dry_run(broken)
    expect(window.page.locator("#outcome-title")).to_have_text("Nothing can be read.")
    expect(window.page.locator(".problem")).to_contain_text("broken.json")
    expect(window.page.locator("#run")).to_be_hidden()
    expect(window.page.locator("#act-hint")).to_have_text("There is nothing to write.")
    window.check_access()


def test_a_file_of_no_known_format_asks_for_one(window: Window, tmp_path: Path) -> None:
    photo = tmp_path / "photo.json"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    window.page.set_input_files("#choose", photo)
    expect(window.page.locator(".file.bad")).to_contain_text("We could not recognise this file")
    expect(window.page.locator("#dry")).to_be_disabled()
    window.check_access()
    window.page.get_by_label("Format of photo.json").select_option("dxf-json")
    expect(window.page.locator("#dry")).to_be_enabled()
    window.page.get_by_role("button", name="Remove photo.json").click()
    expect(window.page.locator(".file")).to_have_count(0)


def test_files_over_the_limit_are_named_and_not_sent(browser: Browser, tmp_path: Path) -> None:
    with (
        served(tmp_path / "served", "--limit", "1kB") as strict,
        opened(strict, browser, known(strict, browser)) as window,
    ):
        window.choose(FILES["dxf-json"], FILES["dxf-xml"], ROOT / "README.md")
        expect(window.page.locator(".file-name")).to_have_text("march.xml")
        for name in ("january.json is 1.8 kB", "README.md"):
            expect(window.page.locator("#files-problem")).to_contain_text(name)


def test_a_name_that_looks_like_markup_is_a_name(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.json"
    path.write_bytes(FILES["dxf-json"].read_bytes().replace(b"202513", b"<b>13</b>"))
    window.dry_run(path)
    problem = window.page.locator(".problem").filter(has_text="TP304")
    expect(problem).to_contain_text("<b>13</b>")
    expect(problem.locator(".where")).to_contain_text("<img src=x onerror=alert(1)>.json")
    assert window.page.locator(".problem b, main img").count() == 0


def test_a_file_that_could_not_be_sent_can_be_sent_again(window: Window) -> None:
    window.page.route("**/api/uploads?name=*", lambda route: route.abort())
    window.page.set_input_files("#choose", FILES["dxf-json"])
    expect(window.page.locator(".file.bad")).to_contain_text("The connection broke.")
    expect(window.page.locator("#act-hint")).to_contain_text("could not be sent")
    window.check_access()
    window.page.unroute("**/api/uploads?name=*")
    window.page.get_by_role("button", name="Send again").click()
    expect(window.page.locator(".file-facts")).to_contain_text("DHIS2 JSON")
    expect(window.page.locator("#dry")).to_be_enabled()
    window.complaints[:] = [text for text in window.complaints if "ERR_FAILED" not in text]


def test_the_same_file_twice_is_in_the_list_once_and_a_long_name_is_shortened(window: Window, tmp_path: Path) -> None:
    window.choose(FILES["dxf-json"])
    window.page.set_input_files("#choose", FILES["dxf-json"])
    expect(window.page.locator("#files-problem")).to_have_text("january.json is already in the list.")
    expect(window.page.locator(".file")).to_have_count(1)
    long = {"name": f"{'n' * 300}.json", "mimeType": "application/json", "buffer": b'{"dataValues":[]}'}
    window.page.set_input_files("#choose", [long])  # type: ignore[arg-type]  # a file of no disk
    expect(window.page.locator(".file")).to_have_count(2)
    expect(window.page.locator(".file-name").nth(1)).to_have_text(re.compile("^n+…n+[.]json$"))
    expect(window.page.locator("#dry")).to_be_enabled()


def test_after_a_red_verdict_the_run_is_not_the_main_button(window: Window, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    lines = [
        "dataElement,period,orgUnit,value",
        *(f"deVisits001,{202400 + month},ouClinicA01,5" for month in range(1, 20)),
    ]
    sheet.write_text("\n".join(lines), encoding="utf-8")
    window.dry_run(sheet)
    expect(window.page.locator(".verdict.bad")).to_be_visible()
    expect(window.page.locator("#outcome-title")).to_have_text("12 values can be converted.")
    expect(window.page.locator(".verdict-head")).to_contain_text("7 of 19 values are lost: 7 rejected.")
    expect(window.page.locator("#run")).to_have_text("Convert the rest")
    expect(window.page.locator("#run.primary")).to_have_count(0)
    expect(window.page.locator(".problem")).to_have_count(1)
    window.check_access()


def test_the_run_locks_again_when_anything_is_changed(window: Window) -> None:
    window.dry_run(FILES["dxf-json"])
    run_button, hint = window.page.locator("#run"), window.page.locator("#act-hint")
    expect(run_button).to_be_enabled()
    window.page.locator("summary").click()
    window.page.get_by_label("Compression").select_option("gz")
    expect(run_button).to_be_disabled()
    expect(hint).to_contain_text("changed since the dry run")
    window.page.get_by_label("Compression").select_option("none")
    expect(run_button).to_be_enabled()
    window.choose(FILES["dxf-csv"])
    expect(run_button).to_be_disabled()
    window.page.get_by_role("button", name="Remove february.csv").click()
    expect(run_button).to_be_enabled()
    window.page.get_by_role("radio", name=re.compile("^Database")).check()
    expect(run_button).to_be_disabled()


def test_options_are_what_the_run_is_done_with(window: Window) -> None:
    window.choose(FILES["dxf-csv"])
    window.page.locator("summary").click()
    window.page.get_by_label("Layout").select_option("single")
    window.page.get_by_label("Identifier schemes").fill("ou=CODE de=CODE")
    window.check_access()
    window.page.click("#dry")
    window.ended()
    window.run()
    with zipfile.ZipFile(io.BytesIO(window.fetch("adv2.zip"))) as archive:
        groups = json.loads(archive.read("february/values.adv2.json"))
    assert groups[0]["ids"]["ou"] == groups[0]["ids"]["de"] == "CODE"


def test_an_option_that_cannot_be_is_said_beside_the_buttons(window: Window) -> None:
    window.choose(FILES["dxf-json"])
    window.page.locator("summary").click()
    window.page.get_by_label("Identifier schemes").fill("MINE")
    expect(window.page.locator("#act-hint")).to_contain_text("UID, CODE, NAME")
    expect(window.page.locator("#dry")).to_be_disabled()
    window.check_access()


# --- A database ------------------------------------------------------------------------------------------------------


def test_values_go_into_a_database_as_the_dry_run_said(window: Window, database: str, tmp_path: Path) -> None:
    execute(database, "truncate datavalue")
    window.page.get_by_role("radio", name=re.compile("^Database")).check()
    window.dry_run(visits(tmp_path))
    expect(window.page.locator("#outcome-title")).to_have_text("2 changes will be written.")
    window.page.get_by_role("tab", name="Changes").click()
    groups = window.page.get_by_role("region", name="Groups").get_by_role("row")
    expect(groups.nth(0)).to_have_text(re.compile("^Data elementnewchanged.*already therenot writtenFile$"))
    values = window.page.get_by_role("region", name="Values", exact=True).get_by_role("row")
    expect(values.nth(0)).to_have_text(re.compile("^ChangeBeforeAfterData element.*Source$"))
    expect(values.nth(1)).to_have_text(re.compile(r"new–5.* deVisits001202503.* ouClinicA01"))
    window.check_access()
    window.page.get_by_role("tab", name="SQL").click()
    expect(window.page.locator("pre")).to_contain_text('copy "staged"')
    window.check_access()
    assert execute(database, "select count(*) from datavalue") == [(0,)]
    window.run()
    expect(window.page.locator(".counts")).to_contain_text("new2")
    told = [json.loads(line) for line in window.fetch("changes.ndjson").splitlines()]
    assert [(one["file"], one["change"], one["value"]) for one in told] == [
        ("visits.adv2.json", "insert", "5"),
        ("visits.adv2.json", "insert", "7"),
    ]
    assert execute(database, "select value from datavalue order by 1") == [("5",), ("7",)]


def test_values_are_removed_for_good_only_after_typing(window: Window, database: str, tmp_path: Path) -> None:
    execute(database, "truncate datavalue")
    assert run("import", visits(tmp_path), "--database", database).returncode == 0
    window.page.get_by_role("radio", name=re.compile("^Database")).check()
    window.dry_run(visits(tmp_path, delete="hard", rows=[[0, 0, 5]]))
    expect(window.page.locator(".verdict-head")).to_contain_text("removes stored values for good")
    window.page.click("#run")
    dialog, go = window.page.get_by_role("dialog"), window.page.locator("#ask-yes")
    expect(dialog).to_be_visible()
    expect(go).to_be_disabled()
    window.check_access()
    window.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    window.page.click("#run")
    window.page.locator("#ask-word").fill(window.page.locator("#ask-label span").inner_text().removeprefix("Type "))
    expect(go).to_be_enabled()
    window.page.keyboard.press("Enter")
    expect(window.page.locator(".when")).to_have_text(re.compile("^Run"))
    assert execute(database, "select value from datavalue") == [("5",)]
    assert zipfile.is_zipfile(io.BytesIO(window.fetch("undo.zip")))


@pytest.fixture
def held(window: Window, database: str, tmp_path: Path) -> Iterator[psycopg.Connection[Any]]:
    """A run that is at work, and stays so until what holds it up is let go."""
    execute(database, "truncate datavalue")
    window.page.get_by_role("radio", name=re.compile("^Database")).check()
    window.dry_run(visits(tmp_path))
    with psycopg.connect(database) as holding:
        holding.execute("lock table datavalue")
        window.page.click("#run")
        expect(window.page.locator(".stages [aria-current]")).to_have_text("Write")
        yield holding


def test_cancelling_takes_back_and_offers_to_run_again(
    window: Window, database: str, held: psycopg.Connection[Any]
) -> None:
    window.check_access()
    window.page.get_by_role("button", name="Cancel").click()
    expect(window.page.locator("#outcome-title")).to_have_text("Cancelled. Nothing was written.")
    held.rollback()
    assert execute(database, "select count(*) from datavalue") == [(0,)]
    window.check_access()
    window.page.get_by_role("button", name="Run again").click()
    expect(window.page.locator("#outcome-title")).to_have_text("2 changes written.")
    assert execute(database, "select count(*) from datavalue") == [(2,)]


def test_a_reload_in_the_middle_shows_the_job_where_it_is(window: Window, held: psycopg.Connection[Any]) -> None:
    window.page.reload()
    expect(window.page.locator(".stages [aria-current]")).to_have_text("Write")
    expect(window.page.locator(".file-name")).to_have_text("visits.adv2.json")
    expect(window.page.locator("#dry")).to_be_disabled()
    held.rollback()
    expect(window.page.locator("#outcome-title")).to_have_text("2 changes written.")


def test_a_server_that_is_killed_and_started_again_loses_nothing(
    window: Window, server: Server, held: psycopg.Connection[Any]
) -> None:
    server.stop(signal.SIGKILL)
    expect(window.page.locator("#offline")).to_be_visible()
    window.check_access()
    server.start()
    expect(window.page.locator("#offline")).to_be_hidden()
    held.rollback()
    expect(window.page.locator("#outcome-title")).to_have_text("2 changes written.")
    window.complaints[:] = [
        text for text in window.complaints if "ERR_" not in text
    ]  # the browser tells of its absence


def test_what_was_chosen_is_there_after_a_reload(window: Window) -> None:
    window.choose(FILES["dxf-json"])
    window.page.locator("summary").click()
    window.page.get_by_label("Strict").check()
    window.page.reload()
    expect(window.page.locator(".file-name")).to_have_text("january.json")
    expect(window.page.get_by_label("Strict")).to_be_checked()
    expect(window.page.locator("#dry")).to_be_enabled()


# --- History ---------------------------------------------------------------------------------------------------------


def test_history_leads_back_to_each_job_and_forgets_when_asked(window: Window) -> None:
    window.dry_run(FILES["adx"])
    window.page.evaluate("location.hash = ''")
    expect(window.page.locator("#outcome")).to_be_hidden()
    first = window.page.locator(".job").first
    expect(first).to_contain_text("april.adx.xml")
    expect(first).to_contain_text("OK")
    first.get_by_role("link").click()
    expect(window.page.locator("#outcome-title")).to_have_text("4 values can be converted.")
    expect(window.page.locator("#run")).to_be_enabled()
    count = window.page.locator(".job").count()
    first.get_by_role("button").click()
    window.page.locator("#ask-yes").click()
    expect(window.page.locator(".job")).to_have_count(count - 1)
    expect(window.page.locator("#outcome")).to_be_hidden()


# --- For everyone ----------------------------------------------------------------------------------------------------


def tab_to(page: Page, selector: str) -> None:
    for _ in range(60):
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by the tab key")


def test_all_is_done_with_keys_alone(window: Window) -> None:
    page = window.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to(page, "#choose")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(FILES["dxf-json"])
    expect(page.locator("#dry")).to_be_enabled()
    tab_to(page, "#dry")
    page.keyboard.press("Enter")
    window.ended()
    expect(page.locator("#outcome-title")).to_be_focused()
    expect(page.locator("#said")).to_contain_text("6 values can be converted")
    tab_to(page, "#tab-problems")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-changes")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("deMeasles01")
    page.keyboard.press("End")
    expect(page.locator("#tab-map")).to_have_attribute("aria-selected", "true")
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == "run":
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator(".when")).to_have_text(re.compile("^Run"))
    tab_to(page, "a[download='adv2.zip']")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_on_a_phone_nothing_is_cut_off_and_all_is_accessible_light_and_dark(
    server: Server, browser: Browser, state: Any, tmp_path: Path
) -> None:
    long_name = tmp_path / f"{'a-rather-long-name-' * 6}.json"
    long_name.write_bytes(FILES["dxf-json"].read_bytes())
    with opened(server, browser, state, viewport=PHONE, has_touch=True) as window:
        check_colours(window)
        window.dry_run(long_name, *(path for form, path in FILES.items() if form != "dxf-json"))
        for tab in ("Problems", "Changes", "Completeness"):
            window.page.get_by_role("tab", name=tab).click()
            assert window.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            check_colours(window)


def check_colours(window: Window) -> None:
    """Check what is shown; in the dark, where nothing but colours differ, these."""
    window.check_access()
    window.page.emulate_media(color_scheme="dark")
    window.check_access("color-contrast")
    window.page.emulate_media(color_scheme="light")


def test_texts_numbers_and_dates_are_in_the_user_s_language(server: Server, browser: Browser, state: Any) -> None:
    with opened(server, browser, state, locale="fr-FR") as window:
        expect(window.page.locator("#files-title")).to_contain_text("Fichiers")
        window.dry_run(FILES["dxf-json"])
        expect(window.page.locator("#outcome-title")).to_contain_text("6 valeurs : conversion possible")
        expect(window.page.locator(".file-facts")).to_contain_text("1,8 ko")
        window.check_access()
        window.page.locator("#language").select_option("en")
        expect(window.page.locator("#files-title")).to_contain_text("Files")
        expect(window.page.locator("#outcome-title")).to_contain_text("6 values can be converted")


def test_every_text_is_there_in_every_language_and_is_used() -> None:
    folder = ROOT / "pipeline" / "tallyport" / "web"
    languages = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "texts").glob("*.json"))]
    assert len(languages) == 2
    assert languages[0].keys() == languages[1].keys()
    for key in languages[0]:
        assert re.fullmatch(r"[a-z0-9_]+([.-][a-z0-9_]+)*", key), f"{key} is a sentence"
        one, other = (json.dumps(texts[key], ensure_ascii=False) for texts in languages)
        assert set(re.findall(r"\{\w+\}", one)) == set(re.findall(r"\{\w+\}", other)), key
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((folder / "page").glob("*.*")))
    for key in languages[0]:
        parts = key.split(".")
        families = [".".join(parts[:length]) + ".${" for length in range(1, len(parts))]
        assert f'"{key}"' in code or any(family in code for family in families), f"{key} is not used"
    for key in re.findall(r'\bt\("([\w.-]+)"', code):
        assert key in languages[0], f"{key} is not there"


def test_the_address_in_another_browser_says_what_to_do(server: Server, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        answer = page.goto(f"http://127.0.0.1:{server.port}/")
        assert answer is not None
        assert answer.status == 401
        expect(page.locator("body")).to_contain_text("the address that tallyport serve printed")
