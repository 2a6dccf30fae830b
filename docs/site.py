"""Hooks of mkdocs: pages from files outside of docs/, and links that hold in both places.

A link to a file of the project is a link to its page where it has one; any other file is put into
the site as it is. A link that leads nowhere ends the build.
"""

import os
import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PAGES = {
    "index.md": "README.md",
    "configs.md": "configs/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
    "reference.md": "figures/reference/README.md",
    "main.md": "figures/reference/main/claims.md",
    "default.md": "figures/reference/default/claims.md",
}
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")


def on_files(files, config):
    """Add the pages whose files lie elsewhere, and the files that pages link to."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for page in [*files.documentation_pages()]:
        for target in _LINK.findall(page.content_string):
            path = _resolve(page.src_uri, target)
            place = _place(path)
            if not place.endswith(".md") and files.get_file_from_path(place) is None:
                files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point links at the site's own places."""
    here = Path(page.file.src_uri).parent

    def relink(match):
        place = _place(_resolve(page.file.src_uri, match[1]))
        return os.path.relpath(place, here)

    return _LINK.sub(relink, markdown)


def _resolve(page, target):
    """The project's file that a link means, as a path from its top folder."""
    source = PAGES.get(page, f"docs/{page}")
    path = os.path.normpath(Path(source).parent / target)
    if not (ROOT / path).is_file():
        raise PluginError(f"{source}: link to {target}: no such file")
    return path


def _place(path):
    """Where the site has a file of the project."""
    pages = {source: page for page, source in PAGES.items()}
    if path in pages:
        return pages[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"
