"""Context: what a job was asked for, and where its files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tallyport.web.folders import OUT, Folders, SourceNames

if TYPE_CHECKING:
    from tallyport_converters.convert import Outcome


class JobContext:
    """One job, as its process sees it; `conversions` has the outcome of each legacy file so far."""

    def __init__(self, folders: Folders, job: Mapping[str, Any]) -> None:
        self.id: str = job["id"]
        self.kind: str = job["kind"]
        self.request: Mapping[str, Any] = job["request"]
        self.target_kind: str = job["target"]["kind"]
        self.is_dry_run = self.kind != "run"
        self.names = SourceNames([source["name"] for source in self.request["sources"]])
        self.folder, self.out, self.pushes = folders.jobs / self.id, folders.jobs / self.id / OUT, folders.pushes
        self.uploads = [folders.uploads / source["upload"] for source in self.request["sources"]]
        self.conversions: list[Outcome] = []

    def files(self) -> list[str]:
        """Return what there is to write: the folders of what was converted, and the files that were ADV2 before."""
        folders = [str(one.folder) for one in self.conversions if one.folder and any(one.folder.glob("*.adv2.json*"))]
        return [*folders, *map(str, sorted(self.out.glob("*.adv2.json")))]
