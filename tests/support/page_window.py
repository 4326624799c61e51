"""A page that is open in a real browser, for the tests: what people do with it, and whatever it complained of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from support.serving import Server

SLOW_MS = 60_000
"""What a step may take on a busy machine; nothing waits for longer than it takes."""

expect.set_options(timeout=SLOW_MS)


@dataclass
class Window:
    """A page that is open, and its complaints."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def choose(self, *paths: Path) -> None:
        expect(self.page.locator("body[data-ready]")).to_be_visible()
        self.page.set_input_files("#choose", paths)
        expect(self.page.locator("#dry")).to_be_enabled()

    def dry_run(self, *paths: Path) -> None:
        self.choose(*paths)
        self.page.click("#dry")
        self.ended()

    def ended(self) -> None:
        expect(self.page.locator(".verdict")).to_be_visible()

    def run(self) -> None:
        self.page.click("#run")
        expect(self.page.locator(".when")).to_have_text(re.compile("^(Run|Exécution)"))

    def fetch(self, what: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.click(f"a[download='{what}']")
        return Path(download.value.path()).read_bytes()

    def open(self, server: Server) -> None:
        self.page.goto(f"http://127.0.0.1:{server.port}/")
        expect(self.page.locator("body[data-ready]")).to_be_visible()

    def leave(self) -> None:
        """Go away; the browser remembers nothing of what was done, but who it is."""
        self.page.evaluate("sessionStorage.clear(); localStorage.clear()")
        self.page.goto("about:blank")

    def check_access(self, *rules: str) -> None:
        """Fail unless people who cannot see or point can use what is shown, as far as a program can tell.

        All rules are looked at, or those that are named.
        """
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = Axe().run(self.page, options=options).response["violations"]
        assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


def known(server: Server, browser: Browser) -> Any:
    """What a browser knows once it has opened the address."""
    with browser.new_context() as context:
        context.new_page().goto(server.address)
        return context.storage_state()


@contextmanager
def opened(server: Server, browser: Browser, state: Any, **options: Any) -> Iterator[Window]:
    """Have the page open; what moves stands still. Fails if the page complained of anything."""
    settings = {"locale": "en-GB", "reduced_motion": "reduce", **options}
    with browser.new_context(storage_state=state, **settings) as context:
        context.set_default_timeout(SLOW_MS)
        window = Window(context.new_page())
        window.page.on("console", lambda said: window.complaints.append(said.text) if said.type != "log" else None)
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.open(server)
        yield window
    assert not window.complaints
