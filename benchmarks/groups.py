"""What very many groups of one data element cost: CPU time in all and for each, which must not grow with their number.

Usage: python benchmarks/groups.py [groups ...]
"""

from __future__ import annotations

import sys
import time

from tallyport_converters.native.abi import NO_RANK, Kind
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.dictionaries import Dictionaries, Rejects, pack
from tallyport_converters.native.split import Meaning, Split, Used


def measure(groups: int) -> tuple[float, float]:
    """Return the seconds of splitting rows into groups of one each, and of finding the identifiers of each."""
    row = '{"dataElement":"a","period":"202401","orgUnit":"o%d","categoryOptionCombo":"c%d","value":"1"}'
    document = '{"dataValues":[' + ",".join(row % (i % 1000, i) for i in range(groups)) + "]}"
    with Batch() as batch, Dictionaries() as dictionaries, Rejects() as rejects:
        batch.scan_json(document.encode(), state=0, final=True)
        with pack(batch, dictionaries, rejects, 0) as blob:
            counts = [len(dictionaries.texts(kind)) for kind in Kind]
            meaning = Meaning(
                ranks=[[NO_RANK, 0], [NO_RANK, *range(counts[Kind.OU])], list(range(counts[Kind.COC] + 1)), [0]],
                period_notes=[0, 0],
                coc_shapes=range(counts[Kind.COC] + 1),  # a group for each combo
                aoc_shapes=[0],
                data_sets=[0],
                header=[NO_RANK] * 4,
                header_data_set=0,
            )
            start = time.process_time()
            with Split([(at, size) for _, at, size in blob.segments()], meaning, rejects) as split:
                done = time.process_time()
                used = [Used(count + 1) for count in counts[1:5]]
                for group, *_ in split.groups():
                    for dimension, ranks in enumerate(used):
                        ranks.clear()
                        ranks.add_split(split, group, dimension)
                        ranks.settle()
    return done - start, time.process_time() - done


if __name__ == "__main__":
    for number in map(int, sys.argv[1:] or ("20000", "40000", "80000", "1000000")):
        split_s, headers_s = measure(number)
        each = (split_s + headers_s) / number * 1e6
        print(f"{number:>9,} groups: split {split_s:.3f} s, identifiers {headers_s:.2f} s, {each:.1f} µs a group")
