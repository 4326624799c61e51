"""Pictures of the page: `PYTHONPATH=tests python -m support.pictures` makes the one of the README.

Given a folder, it makes one of every state as well, light, dark and on a phone.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, Page, expect

from support import dhis2_values
from support.databases import execute, running_server, small
from support.dhis2_server import PASSWORD, USERNAME, VERSIONS
from support.page_window import known
from support.places import ROOT, SAMPLES
from support.serving import Server, browsing, served

PICTURE = ROOT / "docs" / "images" / "page.png"
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 400, "height": 740}

expect.set_options(timeout=30_000)


@contextmanager
def shown(server: Server, browser: Browser, state: Any, **options: Any) -> Iterator[Page]:
    """Have a page open."""
    with browser.new_context(storage_state=state, locale="en-GB", timezone_id="Europe/Oslo", **options) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        expect(page.locator("body[data-ready]")).to_be_visible()
        yield page


def samples_converted(page: Page) -> None:
    """Run the samples dry, and look at what is complete."""
    page.set_input_files("#choose", sorted(SAMPLES.iterdir()))
    page.locator("#dry:enabled").click()
    expect(page.locator(".verdict")).to_be_visible()


def make_picture(server: Server, browser: Browser, state: Any, path: Path) -> None:
    """Make the picture of the README."""
    look: dict[str, Any] = {"viewport": {"width": 1160, "height": 1500}, "reduced_motion": "reduce"}
    with shown(server, browser, state, **look) as page:
        page.set_input_files("#choose", [SAMPLES / "january.json", SAMPLES / "february.csv"])
        page.locator("#dry:enabled").click()
        expect(page.locator(".job").first).to_contain_text("values lost")
        page.get_by_role("tab", name="Completeness").click()
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        page.screenshot(path=path)


def make_states(server: Server, browser: Browser, state: Any, database: str, folder: Path) -> None:
    """Make a picture of every state."""
    folder.mkdir(parents=True, exist_ok=True)
    visits = folder / "visits.adv2.json"
    group = {"de": "deVisits001", "pe": ["202503", "202504"], "ou": ["ouClinicA01", "ouClinicB01"], "size": 2}
    visits.write_text(json.dumps({**group, "delete": "hard", "data": [[0, 0, 5], [1, 1, 7]]}), encoding="utf-8")
    stock = dhis2_values.written(
        folder / "stock.adv2.json",
        dhis2_values.group(dhis2_values.stock(6)),
        dhis2_values.group([[0, 0, "much"], [0, 1, 4], [0, 2, 4]], de="deVisits001"),
    )
    broken = folder / "broken.json"
    broken.write_text('{"dataValues":[{"dataEle', encoding="utf-8")
    looks: list[dict[str, Any]] = [
        {"name": "light", "viewport": WIDE, "color_scheme": "light"},
        {"name": "dark", "viewport": WIDE, "color_scheme": "dark"},
        {"name": "phone", "viewport": PHONE, "color_scheme": "light"},
    ]
    for look in looks:
        name = look.pop("name")
        with shown(server, browser, state, **look) as page:

            def picture(what: str, page: Page = page, name: str = name) -> None:
                page.wait_for_timeout(250)
                page.screenshot(path=folder / f"{what}-{name}.png", full_page=True)

            picture("begin")
            samples_converted(page)
            picture("dry-run")
            page.get_by_role("tab", name="Completeness").click()
            picture("completeness")
            page.get_by_role("tab", name="Changes").click()
            picture("changes")
            page.set_input_files("#choose", broken)
            page.locator("#dry:enabled").click()
            expect(page.locator(".verdict.bad")).to_be_visible()
            picture("broken")
            page.evaluate("sessionStorage.clear(); location.hash = ''")
            page.reload()
            page.get_by_role("radio", name="Database").check()
            page.locator("summary").click()
            page.set_input_files("#choose", visits)
            page.locator("#dry:enabled").click()
            expect(page.locator(".verdict")).to_be_visible()
            page.get_by_role("tab", name="SQL").click()
            picture("database")
            page.get_by_role("tab", name="Changes").click()
            picture("values")
            page.click("#run")
            picture("confirm")
            page.locator("#ask-word").fill(page.locator("#ask-label span").inner_text().removeprefix("Type "))
            with psycopg.connect(database) as holding:
                holding.execute("lock table datavalue")
                page.keyboard.press("Enter")
                expect(page.locator(".stages [aria-current]")).to_have_text("Write")
                picture("at-work")
                page.get_by_role("button", name="Cancel").click()
                expect(page.locator("#outcome-title")).to_have_text("Cancelled. Nothing was written.")
                picture("cancelled")
            page.get_by_role("radio", name="Server").check()
            page.get_by_role("button", name="Remove").first.click()
            page.set_input_files("#choose", stock)
            page.locator("#dry:enabled").click()
            expect(page.locator("#outcome-title")).to_have_text("24 changes will be sent.")
            picture("server")
            page.get_by_role("tab", name="Changes").click()
            picture("chunks")


def main() -> None:
    """Make the pictures."""
    work = Path(tempfile.mkdtemp())
    try:
        with running_server() as postgres, browsing() as browser:
            database = small(postgres, "43")
            execute(database, "truncate datavalue")
            with served(work / "picture", "--database", database) as server:
                make_picture(server, browser, known(server, browser), PICTURE)
            if len(sys.argv) > 1:
                with dhis2_values.server(VERSIONS[-1]) as dhis2:
                    settings = {
                        "TALLYPORT_URL": dhis2.url,
                        "TALLYPORT_USERNAME": USERNAME,
                        "TALLYPORT_PASSWORD": PASSWORD,
                    }
                    with served(
                        work / "states", "--database", database, "--profile", dhis2.url, settings=settings
                    ) as server:
                        make_states(server, browser, known(server, browser), database, Path(sys.argv[1]))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
