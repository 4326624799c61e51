"""Export as legacy files: values of a DHIS2 database in a legacy format, in one call. Nothing here prints.

They come through ADV2, in a folder that is gone afterwards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import BinaryIO

from tallyport.legacy.write import Watch, WriteBackReport, write_back
from tallyport.postgres.exports.export_values import ExportOptions, ExportReport, export_values
from tallyport_schemas.document import Document


@dataclass(frozen=True, slots=True)
class LegacyExportReport:
    """The outcome: what was read from the database, and the legacy files; None without any values."""

    read: ExportReport
    written: WriteBackReport | None

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 values rejected, ignored or skipped, or warnings."""
        return max(self.read.exit_code, self.written.exit_code if self.written else 0)

    def as_json(self) -> Document:
        """Return it as `json/export.schema.json` describes it."""
        assert self.read.manifest is not None
        if self.written is None:
            return dict(self.read.manifest)
        findings = [found.as_json() for found in (*self.read.findings, *self.written.findings)]
        return {**self.written.as_json(), "database": self.read.manifest["database"], "findings": findings}


def export_legacy(
    database: str,
    output: str | os.PathLike[str] | BinaryIO,
    to: str,
    options: ExportOptions,
    *,
    watch: Watch | None = None,
) -> LegacyExportReport:
    """Write values of the DHIS2 database at `database`, a URL of PostgreSQL, in the legacy format `to`.

    `output` is a folder, or a binary stream for one file. `compress` and `overwrite` of `options` are about the legacy
    files. See `export_values` and `write_back`, whose exceptions these are.
    """
    with TemporaryDirectory(prefix="tallyport-") as folder:
        read = export_values(database, folder, replace(options, compress="none", overwrite=False), watch=watch)
        assert read.manifest is not None
        if not read.manifest["groups"]:
            return LegacyExportReport(read, None)
        if watch:
            for found in read.findings:
                watch(found)
        compress, overwrite = options.compress, options.overwrite
        paths = [str(read.folder)]
        written = write_back(paths, output, to, compress=compress, overwrite=overwrite, watch=watch)
        return LegacyExportReport(read, written)
