"""The one exception for what a user can mend."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

#: Between `://` and the last @ before the path; a password may hold a slash that is not escaped.
_USER = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#:@]*:(?!\d+(?:[/?#\s,;)]|$))\S*@)")
_TOKEN = re.compile(r"([?&][^=\s&]*(?:token|key|secret|passw|sig|auth)[^=\s&]*=)[^&\s,;)]+", re.I)


class UserError(Exception):
    """Bad input: the message is one line, names the place and says how to mend it.

    Users, passwords and tokens of URLs in it are hidden: it goes to logs and reports. What a file
    puts into it (another line, a terminal's commands) is shown as question marks.
    """

    def __init__(self, message: object = ""):
        super().__init__(hide_credentials(make_printable(str(message))))


def make_printable(text: str) -> str:
    """The text on one line: blanks for ends of lines, question marks for what is not printed."""
    lines = " ".join(text.splitlines())
    return "".join(letter if letter.isprintable() else "?" for letter in lines)


def hide_credentials(text: str) -> str:
    """The text with `***` in place of users, passwords and tokens of its URLs."""
    return _TOKEN.sub(r"\1***", _USER.sub("***@", text))


def describe_error(error: UserError | OSError) -> str:
    """One line; the system's own errors (disk full, not permitted) with the file they are about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
