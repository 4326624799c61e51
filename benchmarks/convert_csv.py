"""DXF2 CSV of 1.9 million values (200 MB): the whole conversion takes at most 2.5 times the yardstick's time.

Yardstick: `polars.read_csv` of the file, and nothing else (told that values are text, without which it fails on the
first 9.5 after a hundred integers).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims

CLAIM = claims.Claim(
    name="convert_csv",
    what="DXF2 CSV",
    format="dxf-csv",
    values=claims.TEN_COPIES,
    yardstick_name="polars.read_csv",
    yardstick=claims.POLARS_CSV,
    at_most=2.5,
    goal="at most 2.5 times the time of polars.read_csv",
)

if __name__ == "__main__":
    raise SystemExit(claims.main(CLAIM, __doc__))
