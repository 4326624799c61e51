"""DXF2 XML of 1.9 million values (530 MB): the whole conversion is at least 3.5 times faster than the yardstick.

Yardstick: an lxml target parser, fed in blocks of 1 MiB, that only counts elements.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import claims

CLAIM = claims.Claim(
    name="convert_xml",
    what="DXF2 XML",
    format="dxf-xml",
    values=claims.TEN_COPIES,
    yardstick_name="lxml target parser",
    yardstick=claims.LXML_COUNT,
    at_most=1 / 3.5,
    goal="at least 3.5 times faster than lxml counting elements",
)

if __name__ == "__main__":
    raise SystemExit(claims.main(CLAIM, __doc__))
