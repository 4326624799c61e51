"""What all tests can ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.checking import checked_convert as converting
from tallyport import Report

collect_ignore = ["support"]
"""Programs that tests run with a library of their own: nothing to import here."""

LONGEST = (
    "test_import_random.py",
    "test_page.py",
    "test_killed_runs.py",
    "test_import_killed.py",
    "test_http_interface.py",
    "test_sanitized.py",
    "test_fuzz_targets.py",
    "test_import.py",
    "test_export.py",
    "test_embedded.py",
    "test_push.py",
)
"""Files that take minutes: they come first, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, where all are run."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def checked_convert() -> Callable[..., Report]:
    """Give `tallyport.convert`, with everything it writes checked against the published schemas.

    For tests of single files. Property tests import it from `checking` and use it where they can afford it.
    """
    return converting
