"""DXF2 JSON of 1.9 million values (580 MB): the whole conversion is at least 2 times faster than the yardstick.

Yardstick: `orjson.loads` of the file with the garbage collector off, and nothing else.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims

CLAIM = claims.Claim(
    name="convert_json",
    what="DXF2 JSON",
    format="dxf-json",
    values=claims.TEN_COPIES,
    yardstick_name="orjson.loads",
    yardstick=claims.ORJSON,
    at_most=1 / 2,
    goal="at least 2 times faster than orjson.loads",
)

if __name__ == "__main__":
    raise SystemExit(claims.main(CLAIM, __doc__))
