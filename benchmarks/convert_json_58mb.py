"""The Sierra Leone values as they are (DXF2 JSON, 58 MB): the conversion takes at most 1.5 times the yardstick's time.

Yardstick: `orjson.loads` of the file with the garbage collector off, and nothing else.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims, inputs

CLAIM = claims.Claim(
    name="convert_json_58mb",
    what="DXF2 JSON, the Sierra Leone values",
    format="dxf-json",
    values=inputs.SOURCE_VALUES,
    yardstick_name="orjson.loads",
    yardstick=claims.ORJSON,
    at_most=1.5,
    goal="at most 1.5 times the time of orjson.loads",
)

if __name__ == "__main__":
    raise SystemExit(claims.main(CLAIM, __doc__))
