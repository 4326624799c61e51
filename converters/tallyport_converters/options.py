"""How to convert: every choice a user has, checked once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tallyport_converters.files.output import Compress
from tallyport_converters.model.combos import KnownCategories
from tallyport_converters.model.file_header import canonical_scheme, scheme_of, settle_schemes
from tallyport_converters.readers.detect import FORMATS
from tallyport_converters.readers.reader import Hints, KnownPeriodTypes
from tallyport_schemas.group_header import KINDS


@dataclass(frozen=True, slots=True)
class Options:
    """How to convert; see `convert.convert`.

    Raises:
        ValueError: an option is none.
    """

    source_format: str | None = None
    id_schemes: Mapping[str, str] = field(default_factory=dict)
    data_set: str | None = None
    keep_followup_false: bool = False
    layout: Literal["split", "single"] = "split"
    compress: Compress = "none"
    jobs: int = 0
    memory_bytes: int = 256 << 20
    strict: bool = False
    overwrite: bool = False
    header: bool | None = None
    sheet: str | None = None
    categories: Callable[[Mapping[str, str]], KnownCategories | None] | None = None
    """For ADX: makes of the scheme of each kind which categories there are; attributes that are none are skipped."""

    period_types: Callable[[Mapping[str, str]], KnownPeriodTypes] | None = None
    """For tables: makes of the scheme of each kind which types the periods have that are given as dates."""

    def __post_init__(self) -> None:
        if self.source_format is not None and self.source_format not in FORMATS:
            raise ValueError(f"source_format: {self.source_format!r} is none of {', '.join(FORMATS)}")
        for kind, scheme in self.id_schemes.items():
            if kind and kind not in KINDS:
                raise ValueError(f"id_schemes: {kind!r} is none of {', '.join(KINDS)}")
            try:
                canonical_scheme(scheme)
            except ValueError:
                raise ValueError(f"id_schemes: {scheme!r} is none of UID, CODE, NAME, ATTRIBUTE:<uid>") from None
        if self.layout not in ("split", "single") or self.compress not in ("none", "gz", "zst"):
            raise ValueError("layout is split or single, compress is none, gz or zst")
        if self.jobs < 0 or self.memory_bytes < 1:
            raise ValueError("jobs must not be negative, memory_bytes must be positive")

    @property
    def hints(self) -> Hints:
        """What readers are to know."""
        ids = settle_schemes({}, self.id_schemes, "UID")
        schemes = {kind: scheme_of(ids, kind) for kind in KINDS}
        types = self.period_types(schemes) if self.period_types else None
        return Hints(self.header, self.sheet, self.data_set or "", types)

    @property
    def threads(self) -> int:
        """How many scan side by side."""
        if self.jobs:
            return self.jobs
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
