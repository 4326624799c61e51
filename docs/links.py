"""Hook of the documentation site: a link that leaves docs/ leads to that file in the repository.

On the code host such links work as they stand; in the site there is no such file.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with links to files outside of docs/ turned into addresses of the repository."""
    del files
    docs = Path(config.docs_dir)
    folder = Path(page.file.src_uri).parent

    def address(match: re.Match[str]) -> str:
        target = normpath((docs.name / folder / match[1]).as_posix())
        if target.startswith(f"{docs.name}/"):
            return match[0]
        kind = "tree" if (docs.parent / target).is_dir() else "blob"
        return f"{config.extra['repository']}/{kind}/main/{target}"

    return _LINK.sub(address, markdown)
