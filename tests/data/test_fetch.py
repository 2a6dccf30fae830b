import hashlib
import json

import pytest
from serving import CONTENT

from lsh_dl.common.errors import UserError
from lsh_dl.data.base import Checksum, RemoteFile
from lsh_dl.data.prepared import fetch
from lsh_dl.data.prepared.fetch import CachedSources

RIGHT = Checksum(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def remote(server, *manners, checksums=(RIGHT,)):
    urls = tuple(f"{server.url}/{manner}/set/file.bin" for manner in manners)
    return RemoteFile("set", "file.bin", urls, checksums)


def sources(tmp_path, **options):
    options = {"delays": (0.01, 0.02), "timeout": (2, 2)} | options
    return CachedSources(cache=tmp_path / "cache", **options)


def leftovers(tmp_path):
    return [p.name for p in (tmp_path / "cache").rglob("*") if p.suffix in (".part", ".new")]


def one_line(error) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_download_is_verified_and_kept(server, tmp_path):
    path = sources(tmp_path).fetch(remote(server, "good"))
    assert path == tmp_path / "cache" / "set" / "file.bin"
    assert path.read_bytes() == CONTENT
    sources(tmp_path).fetch(remote(server, "good"))
    assert len(server.requests) == 1
    assert not leftovers(tmp_path)


def test_redirect_is_followed(server, tmp_path):
    assert sources(tmp_path).fetch(remote(server, "redirect")).read_bytes() == CONTENT


def test_broken_transfer_goes_on_where_it_stopped(server, tmp_path):
    assert sources(tmp_path).fetch(remote(server, "breaking")).read_bytes() == CONTENT
    first, *later = server.asked("breaking")
    assert first is None
    starts = [int(span.removeprefix("bytes=").rstrip("-")) for span in later]
    assert len(starts) == 2
    assert 100_000 < starts[0] <= 120_000 < starts[1] <= 240_000


def test_part_of_an_earlier_run_is_used(server, tmp_path):
    part = tmp_path / "cache" / "set" / "file.bin.0.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert sources(tmp_path).fetch(remote(server, "good")).read_bytes() == CONTENT
    assert server.asked("good") == ["bytes=1000-"]


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"more", b"wrong start"])
def test_whole_too_long_or_foreign_part_ends_well(server, tmp_path, part):
    path = tmp_path / "cache" / "set" / "file.bin.0.part"
    path.parent.mkdir(parents=True)
    path.write_bytes(part)
    assert sources(tmp_path).fetch(remote(server, "good")).read_bytes() == CONTENT
    assert not leftovers(tmp_path)


def test_server_that_cannot_resume_sends_all_again(server, tmp_path):
    server.failures_left = 1
    assert sources(tmp_path).fetch(remote(server, "norange")).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_server_in_trouble_is_asked_again(server, tmp_path):
    server.failures_left = 2
    assert sources(tmp_path).fetch(remote(server, "flaky")).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_waiting_grows_and_ends(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    server.failures_left = 99
    with pytest.raises(UserError):
        sources(tmp_path, delays=(1, 3, 9)).fetch(remote(server, "flaky"))
    assert waits == [0, 1, 3, 9]


def test_next_url_when_the_first_has_it_not(server, tmp_path):
    path = sources(tmp_path).fetch(remote(server, "missing", "good"))
    assert path.read_bytes() == CONTENT
    assert len(server.asked("missing")) == 1


def test_stalling_server_is_left(server, tmp_path):
    # Long enough for the other server on a busy machine.
    quick = sources(tmp_path, timeout=(10, 1.0), delays=())
    assert quick.fetch(remote(server, "stalling", "good")).read_bytes() == CONTENT
    assert not leftovers(tmp_path)


def test_stalling_server_alone_is_named(server, tmp_path):
    with pytest.raises(UserError) as error:
        sources(tmp_path, timeout=(10, 0.1), delays=()).fetch(remote(server, "stalling"))
    assert "no answer in time" in one_line(error)


@pytest.mark.parametrize(
    ("manner", "reason"), [("corrupt", "wrong checksum"), ("short", "wrong length")]
)
def test_wrong_content_is_refused(server, tmp_path, manner, reason):
    with pytest.raises(UserError) as error:
        sources(tmp_path).fetch(remote(server, manner))
    assert reason in one_line(error)
    assert len(server.requests) == 1, "the same bytes would come again"
    assert not (tmp_path / "cache" / "set" / "file.bin").exists()
    assert not leftovers(tmp_path)


def test_wrong_content_then_the_next_url(server, tmp_path):
    assert sources(tmp_path).fetch(remote(server, "corrupt", "good")).read_bytes() == CONTENT


def test_no_network_is_one_clear_message(tmp_path):
    urls = ("http://127.0.0.1:9/file.bin", "http://127.0.0.1:10/file.bin")
    file = RemoteFile("set", "file.bin", urls, (RIGHT,))
    with pytest.raises(UserError) as error:
        sources(tmp_path, alternative="digits").fetch(file)
    message = one_line(error)
    for part in ("set/file.bin", *urls, "Connection refused", "`mirror`", "'digits'"):
        assert part in message


def test_unresolvable_host_is_said(tmp_path):
    file = RemoteFile("set", "file.bin", ("http://no-such-host.invalid/file.bin",), (RIGHT,))
    with pytest.raises(UserError) as error:
        sources(tmp_path, delays=()).fetch(file)
    assert "no-such-host.invalid/file.bin (" in one_line(error)


def test_mirror_folder_is_used_in_place(server, tmp_path):
    mirrored = tmp_path / "mirror" / "set" / "file.bin"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(CONTENT)
    got = sources(tmp_path, mirror=tmp_path / "mirror").fetch(remote(server, "good"))
    assert got == mirrored
    assert not server.requests


def test_mirror_folder_without_the_file_falls_back(server, tmp_path):
    (tmp_path / "mirror").mkdir()
    got = sources(tmp_path, mirror=tmp_path / "mirror").fetch(remote(server, "good"))
    assert got.read_bytes() == CONTENT


def test_corrupt_mirror_is_named(server, tmp_path):
    mirrored = tmp_path / "mirror" / "set" / "file.bin"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError) as error:
        sources(tmp_path, mirror=tmp_path / "mirror").fetch(remote(server, "good"))
    assert str(mirrored) in one_line(error)


def test_missing_mirror_is_named(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        sources(tmp_path, mirror=tmp_path / "nowhere")


def test_mirror_url_comes_first(server, tmp_path):
    file = remote(server, "missing")
    got = sources(tmp_path, mirror=f"{server.url}/good/").fetch(file)
    assert got.read_bytes() == CONTENT
    assert not server.asked("missing")


def test_unknown_checksum_is_recorded_then_held_to(server, tmp_path):
    file = remote(server, "good", checksums=())
    path = sources(tmp_path).fetch(file)
    record = json.loads((tmp_path / "cache" / "checksums.json").read_text())["set/file.bin"]
    assert (record["size"], record["sha256"]) == (RIGHT.size, RIGHT.sha256)
    assert record["origin"] == file.urls[0]
    sources(tmp_path).fetch(file)
    path.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(UserError, match="wrong checksum"):
        sources(tmp_path).fetch(file)
    path.unlink()
    with pytest.raises(UserError, match="wrong checksum"):
        sources(tmp_path).fetch(remote(server, "corrupt", checksums=()))


def test_page_instead_of_a_packed_file_is_refused_and_not_recorded(server, tmp_path):
    server.files["/good/set/a.zip"] = b"<html>moved</html>"
    file = RemoteFile("set", "a.zip", (f"{server.url}/good/set/a.zip",))
    with pytest.raises(UserError, match=r"not a \.zip file"):
        sources(tmp_path).fetch(file)
    assert not leftovers(tmp_path)
    server.files["/good/set/a.zip"] = b"PK and so on"
    assert sources(tmp_path).fetch(file).read_bytes() == b"PK and so on"


def test_record_that_was_wrong_is_pointed_at(server, tmp_path):
    file = remote(server, "good", checksums=())
    server.files["/good/set/file.bin"] = b"cut off by a proxy"
    sources(tmp_path).fetch(file).unlink()
    server.files["/good/set/file.bin"] = CONTENT
    with pytest.raises(UserError) as error:
        sources(tmp_path).fetch(file)
    assert str(tmp_path / "cache" / "checksums.json") in one_line(error)


def test_files_at_hand_need_no_lock(server, tmp_path):
    path = sources(tmp_path).fetch(remote(server, "good"))
    lock = path.with_name("file.bin.lock")
    lock.unlink(missing_ok=True)
    assert sources(tmp_path).find(remote(server)) == path
    sources(tmp_path).fetch(remote(server, "good"))
    assert not lock.exists(), "a cache that may only be read serves too"


def test_damaged_record_is_named(server, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "checksums.json").write_text("{")
    with pytest.raises(UserError, match=r"checksums\.json: not JSON"):
        sources(tmp_path).fetch(remote(server, "good", checksums=()))


def test_cached_file_that_rotted_is_refused(server, tmp_path):
    path = sources(tmp_path).fetch(remote(server, "good"))
    path.write_bytes(CONTENT[:-10])
    with pytest.raises(UserError, match="wrong length"):
        sources(tmp_path).fetch(remote(server, "good"))


def test_unusable_cache_is_one_line(server, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="LSH_DL_CACHE"):
        sources(tmp_path).fetch(remote(server, "good"))


def test_cache_folder_by_argument_then_variable_then_platform(monkeypatch, tmp_path):
    monkeypatch.setenv("LSH_DL_CACHE", str(tmp_path / "variable"))
    assert fetch.cache_folder(tmp_path / "given") == tmp_path / "given"
    assert fetch.cache_folder() == tmp_path / "variable"
    monkeypatch.delenv("LSH_DL_CACHE")
    assert fetch.cache_folder().name == "lsh-dl"


def test_server_that_never_stops_is_left_at_the_known_length(server, tmp_path):
    with pytest.raises(UserError, match=f"sends more than {len(CONTENT)} bytes"):
        sources(tmp_path).fetch(remote(server, "unending"))
    assert server.sent < 10**7
    assert not leftovers(tmp_path)
    assert sources(tmp_path).fetch(remote(server, "unending", "good")).read_bytes() == CONTENT


def test_server_that_never_stops_is_left_at_the_stated_bound(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_BYTES", 10**6)
    with pytest.raises(UserError, match="sends more than 1000000 bytes"):
        sources(tmp_path).fetch(remote(server, "unending", checksums=()))
    assert not leftovers(tmp_path)


def test_slow_server_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "PATIENCE", -1e9)
    with pytest.raises(UserError, match="it takes too long"):
        sources(tmp_path).fetch(remote(server, "good"))


def test_disk_is_not_filled(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "RESERVE", 10**18)
    with pytest.raises(UserError, match="No space left on device; choose another"):
        sources(tmp_path).fetch(remote(server, "good"))


@pytest.mark.parametrize(
    "location",
    [
        *("http://[::1", "http://127.0.0.1:99999999/x", "http:///x", "ftp://127.0.0.1/x"),
        *("file:///x", f"http://{'a' * 300}.invalid/", "http://.a..invalid/", "http://127.0.0.1:a"),
    ],
)
def test_redirect_to_nowhere_is_one_line(location, server, tmp_path):
    """Its body, which has no end, is not read either."""
    server.location = location
    with pytest.raises(UserError) as error:
        sources(tmp_path, delays=()).fetch(remote(server, "nowhere"))
    assert "cannot get set/file.bin" in one_line(error)
    assert server.sent < 10**7


def test_redirects_in_a_circle_end(server, tmp_path):
    server.location = "/nowhere/set/file.bin"
    with pytest.raises(UserError, match="redirects"):
        sources(tmp_path).fetch(remote(server, "nowhere"))


@pytest.mark.parametrize("mirror", ["http://[::1", "http://", "https://:80", "http://a:b:c/"])
def test_malformed_mirror_is_one_line(mirror, tmp_path):
    with pytest.raises(UserError) as error:
        sources(tmp_path, mirror=mirror)
    assert "no http(s) URL" in one_line(error)


@pytest.mark.parametrize("secret", ["user:secret", "secret", "user:sec/secret", "a:b@secret"])
def test_credentials_are_never_shown(secret, server, tmp_path):
    file = remote(server, "missing", checksums=())
    mirror = server.url.replace("://", f"://{secret}@")
    if "/" not in secret:
        sources(tmp_path, mirror=f"{mirror}/good").fetch(file)
        assert "secret" not in (tmp_path / "cache" / "checksums.json").read_text()
    with pytest.raises(UserError) as error:
        sources(tmp_path / "other", mirror=f"{mirror}/missing").fetch(file)
    assert "secret" not in one_line(error)


def test_credentials_in_any_message():
    for url, shown in (
        ("http://u:p@h:80/x", "http://***@h:80/x"),
        ("https://h/x?token=abc&a=1, then", "https://h/x?token=***&a=1, then"),
        ("https://h:443/x@y", "https://h:443/x@y"),
    ):
        assert str(UserError(f"see {url}")) == f"see {shown}"


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        *(("../..", "a"), ("..", "a"), ("a/../b", "a"), ("/etc", "passwd"), ("", "a"), (".", "a")),
        *(("a", "../b"), ("a", "b/c"), ("a", ".."), ("a\0", "b"), ("a", "b\n"), ("a", "b" * 300)),
    ],
)
def test_a_name_that_leaves_the_cache_is_refused(dataset, name):
    with pytest.raises(UserError) as error:
        RemoteFile(dataset, name, ())
    one_line(error)


def test_a_cache_that_may_only_be_read_serves_a_file_of_no_known_checksum(tmp_path, monkeypatch):
    path = tmp_path / "cache" / "set" / "file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(CachedSources, "_record", refuse)
    file = RemoteFile("set", "file.bin", ("http://127.0.0.1:9/file.bin",))
    assert sources(tmp_path).fetch(file) == path
