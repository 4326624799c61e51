"""Where tests find things: the checkout, fixtures of our own, and the real data, where it is."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

FIXTURES = ROOT / "tests" / "fixtures"
SAMPLES = ROOT / "samples"

DATA = Path(os.environ.get("TALLYPORT_DATA") or ROOT / ".." / "shared" / "data")
"""The real data. Tests that need it skip where it is not there."""
