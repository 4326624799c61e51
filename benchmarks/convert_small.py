"""DXF2 JSON of 100 values: the whole conversion takes at most as long as importing polars.

Yardstick: `python -c "import polars"`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims

CLAIM = claims.Claim(
    name="convert_small",
    what="DXF2 JSON of 100 values",
    format="dxf-json",
    values=100,
    yardstick_name="import polars",
    yardstick=claims.IMPORT_POLARS,
    at_most=1.0,
    goal="at most the time of import polars",
)

if __name__ == "__main__":
    raise SystemExit(claims.main(CLAIM, __doc__))
