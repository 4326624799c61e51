"""Metadata: the snapshot of what exists and what belongs together, for checks without a server.

Made from DHIS2's metadata exports, kept as one compact file, read back in a fraction of a second. Knows nothing of
values, and nothing of the rules that `validate` makes of it.
"""

from tallyport.metadata.collect import Collection
from tallyport.metadata.snapshot import CHECKS, Snapshot, load_metadata

__all__ = ["CHECKS", "Collection", "Snapshot", "load_metadata"]
