"""Public files: from a mirror, the cache, or the first public URL that answers.

A download goes to a `.part` file, goes on where a broken one stopped, is verified, and only then
takes its name in the cache. `pooch` moves the bytes; what it leaves open (resuming, several URLs,
several accepted checksums) is here.

Where a file's checksum is not known beforehand, its first download records it in
`checksums.json` in the cache folder, and every later use is verified against that.
"""

import errno
import http.client
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote, urljoin, urlsplit

import platformdirs
import pooch
import requests
from filelock import FileLock
from tqdm import tqdm

from lsh_dl.common.errors import UserError, hide_credentials
from lsh_dl.common.files import written_whole
from lsh_dl.common.paths import expand_path
from lsh_dl.data.base import Checksum, RemoteFile

CACHE_VARIABLE = "LSH_DL_CACHE"
CHUNK = 1 << 14
"""Bytes written at a time; a broken transfer loses at most as many."""
TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and seconds of silence after which a transfer counts as broken."""
DELAYS = (1.0, 3.0, 9.0)
"""Seconds before the second, third, ... attempt at a URL that failed for the moment."""
MOST_BYTES = 64 * 10**9
"""What a server may send of a file whose length is not known beforehand."""
LONGEST, SLOWEST = 24 * 3600.0, 20_000.0
"""Seconds that a transfer may take, and bytes a second below which it takes too long."""
PATIENCE = 600.0
"""Seconds that even a slow transfer has."""
RESERVE = 10**8
"""Bytes of the disk that stay free."""
MOST_REDIRECTS = 10
SIGNATURES = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".zip": b"PK"}
"""First bytes of a file, by its suffix."""


def cache_folder(cache: str | Path | None = None) -> Path:
    """Where downloads are kept: `cache`, else $LSH_DL_CACHE, else the platform's cache folder."""
    return expand_path(
        cache or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("lsh-dl", False)
    )


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return pooch.file_hash(str(path), alg="sha256")


class CachedSources:
    """Gives data sets their files; see `lsh_dl.data.base.Sources`.

    Parameters
    ----------
    mirror: folder or URL that holds `<dataset>/<file>`; taken before the public URLs. Files of a
        folder are used where they lie.
    cache: folder that keeps downloads; default: see `cache_folder`.
    workspace: the prepared folder in the making.
    alternative: a data set without downloads, to be named when there is no network.
    timeout: seconds to connect, seconds of silence.
    delays: seconds before each further attempt; a transfer that moves on is not counted.
    """

    def __init__(
        self,
        mirror: str | Path | None = None,
        cache: str | Path | None = None,
        workspace: str | Path = ".",
        alternative: str | None = None,
        timeout: tuple[float, float] = TIMEOUT,
        delays: Sequence[float] = DELAYS,
    ):
        self.workspace = Path(workspace)
        self.cache = cache_folder(cache)
        self._alternative = alternative
        self._timeout = timeout
        self._delays = tuple(delays)
        is_url = str(mirror or "").lower().startswith(("http://", "https://"))
        if is_url:
            _require_url(str(mirror))
        self._mirror_url = str(mirror).rstrip("/") if is_url else None
        self._mirror_folder = expand_path(mirror) if mirror and not is_url else None
        if self._mirror_folder and not self._mirror_folder.is_dir():
            raise UserError(f"mirror {mirror}: no such folder; give a folder or an http(s) URL")

    def fetch(self, file: RemoteFile) -> Path:
        """A local, verified path of `file`.

        Raises
        ------
        UserError
            No source gave it, or what the mirror or the cache holds is not the right file.
        """
        target = self.cache / file.dataset / file.name
        try:
            # Files come to their place whole: what is there needs no lock, nor a writable folder.
            if local := self.find(file):
                self._verify_local(local, file)
                return local
            target.parent.mkdir(parents=True, exist_ok=True)
            # Two pipelines that want one file: the second waits and finds it.
            with FileLock(f"{target}.lock"):
                if target.is_file():
                    self._verify_local(target, file)
                else:
                    self._download(file, target)
        except OSError as error:
            raise UserError(
                f"cache folder {self.cache}: {error.strerror or error}; choose another by the key "
                f"`cache` or the variable {CACHE_VARIABLE}"
            ) from error
        return target

    def find(self, file: RemoteFile) -> Path | None:
        """Where `file` lies in the mirror folder or the cache, unverified; None if in neither."""
        folders = [self._mirror_folder] if self._mirror_folder else []
        for folder in [*folders, self.cache]:
            path = folder / file.dataset / file.name
            if path.is_file():
                return path
        return None

    def _verify_local(self, path: Path, file: RemoteFile) -> None:
        if file.is_own:
            return
        expected = self._expected(file)
        found = self._checksum(path, expected)
        if not expected:
            with suppress(OSError):  # of a cache that may only be read
                self._record(file, found, str(path))
        elif found not in expected:
            raise UserError(
                f"{path}: {_mismatch(found, expected)}; remove it{self._record_remedy(file)}"
            )

    def _record_remedy(self, file: RemoteFile) -> str:
        if file.checksums:
            return " and fetch it again"
        return f", or its entry in {self._records} if the published file has changed"

    # Checksums ---------------------------------------------------------------------------------

    @property
    def _records(self) -> Path:
        return self.cache / "checksums.json"

    def _expected(self, file: RemoteFile) -> tuple[Checksum, ...]:
        if file.checksums:
            return file.checksums
        record = self._read_records().get(f"{file.dataset}/{file.name}")
        return (Checksum(record["size"], record["sha256"]),) if record else ()

    def _checksum(self, path: Path, expected: Sequence[Checksum]) -> Checksum:
        size = path.stat().st_size
        if expected and all(size != known.size for known in expected):
            return Checksum(size, "")  # wrong already; spare hashing gigabytes
        return Checksum(size, file_hash(path))

    def _read_records(self) -> dict:
        try:
            return json.loads(self._records.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UserError(f"{self._records}: not JSON ({error}); mend or remove it") from None

    def _record(self, file: RemoteFile, checksum: Checksum, origin: str) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)  # for the lock
        with FileLock(f"{self._records}.lock"):
            records = self._read_records()
            records[f"{file.dataset}/{file.name}"] = {
                "size": checksum.size,
                "sha256": checksum.sha256,
                "origin": hide_credentials(origin),
                "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            with written_whole(self._records) as lines:
                lines.write(json.dumps(records, indent=2, sort_keys=True) + "\n")

    # Downloads ---------------------------------------------------------------------------------

    def _download(self, file: RemoteFile, target: Path) -> None:
        urls = list(file.urls)
        if self._mirror_url:
            urls.insert(0, f"{self._mirror_url}/{quote(file.dataset)}/{quote(file.name)}")
        failures: dict[str, str] = {}
        hopeless: set[str] = set()
        # Every URL gets its turn before any is waited for.
        for delay in (0.0, *self._delays):
            if len(hopeless) == len(urls):
                break
            time.sleep(delay)
            for number, url in enumerate(urls):
                if url in hopeless:
                    continue
                part = target.with_name(f"{target.name}.{number}.part")
                resumed = part.exists()
                try:
                    self._transfer(url, part, self._expected(file))
                    self._accept(part, file, url, resumed)
                except _HopelessError as error:
                    failures[url] = str(error)
                    hopeless.add(url)
                    part.unlink(missing_ok=True)
                except UserError as error:  # a redirect to nowhere
                    failures[url] = str(error)
                    hopeless.add(url)
                except (requests.RequestException, _BrokenError) as error:
                    failures[url] = _describe(error)
                else:
                    part.replace(target)
                    for leftover in target.parent.glob(f"{target.name}.*.part"):
                        leftover.unlink()
                    return
        raise UserError(self._explain(file, failures))

    def _transfer(self, url: str, part: Path, expected: Sequence[Checksum]) -> None:
        """Bring `part` to its full length; go on where it stops as long as each attempt adds."""
        most = max((known.size for known in expected), default=MOST_BYTES)
        seconds = min(LONGEST, PATIENCE + most / SLOWEST)
        until = time.monotonic() + seconds
        while True:
            before = part.stat().st_size if part.exists() else 0
            if before > most:  # of something else
                part.unlink()
                continue
            try:
                _append(url, part, self._timeout, most, until)
                return
            except requests.HTTPError as error:
                code = error.response.status_code
                if code == 416:  # nothing lies behind what is there
                    if error.response.headers.get("Content-Range") == f"bytes */{before}":
                        return
                    part.unlink()
                    raise _BrokenError("what was there of it did not belong to it") from error
                if code in (408, 429) or code >= 500:
                    raise
                raise _HopelessError(f"HTTP {code}") from error
            except (ValueError, http.client.HTTPException) as error:  # of a malformed URL
                raise _HopelessError(_describe(error)) from error
            except requests.RequestException:
                if not part.exists() or part.stat().st_size <= before:
                    raise

    def _accept(self, part: Path, file: RemoteFile, url: str, resumed: bool) -> None:
        expected = self._expected(file)
        found = self._checksum(part, expected)
        if not expected:
            if not _has_signature(part, file.name):
                part.unlink()
                raise _HopelessError(f"not a {Path(file.name).suffix} file")
            self._record(file, found, url)
        elif found not in expected:
            part.unlink()
            # What an earlier run left may be to blame: such a file gets a second chance.
            raise (_BrokenError if resumed else _HopelessError)(_mismatch(found, expected))

    def _explain(self, file: RemoteFile, failures: dict[str, str]) -> str:
        tried = ", ".join(f"{url} ({reason})" for url, reason in failures.items()) or "no URL"
        recorded = (
            f"; what its first download was stands in {self._records}: remove the entry if that "
            "was a wrong file"
            if self._expected(file) and not file.checksums
            else ""
        )
        instead = f", or use the data set {self._alternative!r}" if self._alternative else ""
        return (
            f"cannot get {file.dataset}/{file.name}; tried {tried}; put the file at "
            f"{file.dataset}/{file.name} in a folder and name that folder by the key `mirror`, "
            f"or at {self.cache / file.dataset / file.name}{instead}{recorded}"
        )


def _has_signature(path: Path, name: str) -> bool:
    """Whether a file starts as its name's suffix promises.

    Without a known checksum this tells a page that says "moved" from the file itself.
    """
    with open(path, "rb") as file:
        return file.read(4).startswith(SIGNATURES.get(Path(name).suffix, b""))


class _BrokenError(Exception):
    """A transfer failed, the next attempt may succeed."""


class _HopelessError(Exception):
    """This URL does not have the file."""


class _RedirectedError(Exception):
    """The server names another place."""


class _Sink:
    """An open file that takes what a server sends, up to a length and until a time."""

    def __init__(self, file: IO[bytes], most: int, until: float):
        self._file, self._most, self._until = file, most, until

    def write(self, chunk: bytes) -> None:
        if time.monotonic() > self._until:
            raise _HopelessError("it takes too long")
        if self._file.tell() + len(chunk) > self._most:
            raise _HopelessError(f"it sends more than {self._most} bytes")
        folder = Path(self._file.name).parent
        if shutil.disk_usage(folder).free < RESERVE + len(chunk):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


def _append(url: str, part: Path, timeout: tuple[float, float], most: int, until: float) -> None:
    """Download what is missing of `part`, from where the server and its redirects say."""
    for _ in range(MOST_REDIRECTS):
        try:
            _append_directly(url, part, timeout, most, until)
            return
        except _RedirectedError as error:
            url = urljoin(url, str(error))
            _require_url(url)
    raise _HopelessError(f"more than {MOST_REDIRECTS} redirects")


def _append_directly(
    url: str, part: Path, timeout: tuple[float, float], most: int, until: float
) -> None:
    """Download what is missing of `part`.

    pooch writes into the open file; the hook looks at the answer's head first: a server that
    does not resume (200 instead of 206) sends the whole file, so what is there is dropped.
    """
    with open(part, "ab") as file, _progress(part) as progress:
        start = file.tell()

        def look_at_head(response: requests.Response, **_) -> None:
            if response.is_redirect:
                response.close()  # its body, which may have no end, is not read
                raise _RedirectedError(response.headers["location"])
            if response.status_code == 200:
                file.truncate(0)
            elif response.status_code == 206 and not response.headers.get(
                "Content-Range", ""
            ).startswith(f"bytes {start}-"):
                raise _BrokenError("the server sent another part than asked for")

        download = pooch.HTTPDownloader(
            progressbar=progress,
            chunk_size=CHUNK,
            # Packed files must arrive as they are, and byte ranges count packed bytes.
            headers={"Accept-Encoding": "identity"}
            | ({"Range": f"bytes={start}-"} if start else {}),
            hooks={"response": look_at_head},
            timeout=timeout,
        )
        download(url, _Sink(file, most, until), None)


def _require_url(url: str) -> None:
    """Raise a UserError, which is hopeless, unless it is a URL that can be asked for."""
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise UserError(f"{url[:200]!r} is no http(s) URL; mend the key `mirror` or the server")


def _progress(part: Path) -> tqdm:
    """A progress bar named after the file; silent where nobody watches (logs, pipelines)."""
    name = part.name.rsplit(".", 2)[0]
    # pooch sets the true total when it knows it, but asks before whether the bar is "true".
    return tqdm(desc=name, total=1, unit="B", unit_scale=True, disable=None, leave=False)


def _mismatch(found: Checksum, expected: Sequence[Checksum]) -> str:
    sizes = {known.size for known in expected}
    if found.size not in sizes:
        return f"wrong length: {found.size} bytes, not {' or '.join(map(str, sorted(sizes)))}"
    return f"wrong checksum: sha256 {found.sha256[:16]}..., not {expected[0].sha256[:16]}..."


def _describe(error: Exception) -> str:
    """The reason in a few words: urllib3 wraps it several times over."""
    for cause in _causes(error):
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer broke off"
    return str(error).splitlines()[0][:120] or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
