"""Prepared data sets kept in the cache folder, for runs outside of a pipeline."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from lsh_dl.data.prepared.checks import FORMAT
from lsh_dl.data.prepared.fetch import cache_folder
from lsh_dl.data.prepared.prepare import prepare, resolve, sources_of_data


def prepare_once(
    label: str, entry: Mapping[str, Any], mirror: str | None = None, cache: str | None = None
) -> Path:
    """The prepared folder of a data set, made at the first call and found again later.

    The folder's name holds a digest of the settings, of the code that makes the arrays and, for
    arrays of one's own, of their file's time and size: what changes any of them is prepared anew.

    Parameters
    ----------
    label, entry, mirror, cache: as for `lsh_dl.data.prepared.prepare.prepare`.

    Raises
    ------
    UserError
        Bad entry, missing or corrupt file, no network.
    """
    dataset = resolve(label, entry)
    settings = dataset.settings.model_dump(mode="json")
    parts = [str(FORMAT), label, dataset.name, json.dumps(settings, sort_keys=True)]
    if "path" in settings and Path(settings["path"]).is_file():
        file = Path(settings["path"]).resolve()
        parts += [str(file), str(file.stat().st_mtime_ns), str(file.stat().st_size)]
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources_of_data(entry.get("source") or label):
        digest.update(source.read_bytes())
    folder = cache_folder(cache) / "prepared" / f"{label}-{digest.hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not (folder / "meta.json").is_file():
            prepare(label, entry, folder, mirror, cache)
    return folder
