"""Pages for people: written once in Markdown, shown as HTML that needs no other file."""

import base64
import gzip
import html
from collections.abc import Sequence

from markdown_it import MarkdownIt

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 1.5rem auto;
       padding: 0 1.5rem; background: #fff; }
table { border-collapse: collapse; margin: 0.8rem 0 1.2rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.7rem;
         border-bottom: 1px solid #ddd; overflow-wrap: break-word; }
th { border-bottom: 2px solid #999; white-space: nowrap; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.4rem; }
code { font-size: 0.9em; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; }
"""

#: A page that unpacks another and takes its form; every browser since 2023 can.
PACKED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<script type="module">
const packed = await fetch("data:application/gzip;base64,{packed}")
const page = packed.body.pipeThrough(new DecompressionStream("gzip"))
document.write(await new Response(page).text())
document.close()
</script>
</html>
"""


def describe_kind(title: str, kind: str) -> str:
    """The data set's title; says of what kind it is where the title does not."""
    return title if kind in title else f"{title} ({kind})"


def draw_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(str(value).replace('|', '/') for value in line)} |" for line in lines]


def render_page(markdown: str) -> str:
    """The page as HTML; its title is the first line, a heading."""
    title = html.escape(markdown.partition("\n")[0].removeprefix("# "))
    # Text of a config is in it: no HTML of its own, nothing that a browser fetches.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = parser.disable(["image", "link", "autolink"]).render(markdown)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def pack_page(page: str, title: str) -> str:
    """A page that shows the given one, in HTML too, at a fraction of its size.

    Chromium shows nothing of more than 2 MB within Snakemake's report, which writes pages as URLs.
    """
    packed = gzip.compress(page.encode(), mtime=0)
    return PACKED.format(title=html.escape(title), packed=base64.b64encode(packed).decode())
