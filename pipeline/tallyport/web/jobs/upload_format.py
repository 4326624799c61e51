"""Upload format: what an uploaded file is, detected from its content, in a process of its own.

`python -m tallyport.web.jobs.upload_format PATH NAME` prints one JSON object: format (None where none can be detected,
with the finding), compression, evidence.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing, suppress
from typing import Any

from tallyport.web.jobs.limits import TimeUp, limit
from tallyport_converters.adv2.file import is_adv2
from tallyport_converters.readers.detect import detect
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, SourceUnreadable, Unusable, finding

_SECONDS = 15.0


def upload_format(path: str, name: str) -> dict[str, Any]:
    """Return what the file at `path`, called `name`, is."""
    detected: dict[str, Any] = {"format": None, "compression": None, "evidence": None}
    try:
        with closing(Source.open(path, name=name)) as source:
            detected["compression"] = source.compression
            with suppress(SourceUnreadable):
                if is_adv2(source):
                    return {**detected, "format": "adv2", "evidence": "its groups have the properties of ADV2"}
            form, evidence = detect(source.head())
            return {**detected, "format": form.name, "evidence": evidence}
    except Unusable as unusable:
        return {**detected, "finding": _at(unusable.finding, name)}
    except (TimeUp, MemoryError):
        return {**detected, "finding": _at(finding("TP921"), name)}


def _at(found: Finding, name: str) -> dict[str, Any]:
    return found.at(name).as_json()


def main() -> None:
    """Print what the file named by the arguments is."""
    path, name = sys.argv[1:]
    limit(_SECONDS)
    sys.stdout.write(json.dumps(upload_format(path, name)))


if __name__ == "__main__":
    main()
