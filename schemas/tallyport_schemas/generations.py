"""Generations of DHIS2: releases that differ in what they take, what they store and how."""

from __future__ import annotations

from enum import StrEnum


class Generation(StrEnum):
    """Generations of DHIS2 whose tables and habits differ; each stands for its own releases alone."""

    V42 = "2.42"
    V43 = "2.43"
