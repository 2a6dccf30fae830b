"""Prepared data sets kept in the cache folder, for runs outside of a pipeline."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from lsh_dl.common.code import digest_sources
from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.checks import FORMAT
from lsh_dl.data.prepared.fetch import CACHE_VARIABLE, cache_folder
from lsh_dl.data.prepared.prepare import (
    describe_own_files,
    prepare,
    resolve,
    sources_of_data,
)


def prepare_once(
    label: str, entry: Mapping[str, Any], mirror: str | None = None, cache: str | None = None
) -> Path:
    """The prepared folder of a data set, made at the first call and found again later.

    The folder's name holds a digest of the settings, of the code that makes the arrays and of the
    contents of the user's own files: what changes any of them is prepared anew.

    Parameters
    ----------
    label, entry, mirror, cache: as for `lsh_dl.data.prepared.prepare.prepare`.

    Raises
    ------
    UserError
        Bad entry, missing or corrupt file, no network, a cache folder that cannot be used.
    """
    dataset = resolve(label, entry)
    settings = dataset.settings.model_dump(mode="json")
    parts = [str(FORMAT), label, dataset.name, json.dumps(settings, sort_keys=True)]
    place = cache_folder(cache)
    try:
        parts += describe_own_files(dataset, mirror, cache).values()
        parts.append(digest_sources(sources_of_data(entry.get("source") or label)))
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        folder = place / "prepared" / f"{label}-{digest[:12]}"
        # Folders come to their place whole: what is there needs no lock, nor a writable cache.
        if not (folder / "meta.json").is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f"{folder.name}.lock")):
                if not (folder / "meta.json").is_file():
                    prepare(label, entry, folder, mirror, cache)
    except OSError as error:
        raise UserError(
            f"{error.filename or place}: {error.strerror or error}; choose another cache folder by "
            f"the key `cache` or the variable {CACHE_VARIABLE}"
        ) from None
    return folder
