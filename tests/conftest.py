"""What all tests can ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checking import checked_convert as converting
from tallyport import Report


@pytest.fixture(scope="session")
def checked_convert() -> Callable[..., Report]:
    """Give `tallyport.convert`, with everything it writes checked against the published schemas.

    For tests of single files. Property tests import it from `checking` and use it where they can afford it.
    """
    return converting
