#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the built site: every link and anchor leads somewhere, nothing is loaded from elsewhere, no Markdown was left as text, no page is empty."""

import html.parser
import pathlib
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """What one page refers to, what it can be referred to by, and its prose."""

    KNOWN = set(
        "a abbr article aside b body br button code dd del details div dl dt em footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input kbd label "
        "li link main meta nav ol p path pre s script section small source span strong style sub summary sup svg table tbody td tfoot th thead time title tr ul "
        "video wbr circle g rect".split()
    )
    VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.ids, self.unknown, self.prose, self.stack = [], [], set(), set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in self.KNOWN:
            self.unknown.add(tag)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        for name in ("src", "href"):
            if values.get(name) and tag in ("img", "script", "link", "source", "iframe", "video"):
                if not (tag == "link" and values.get("rel") in ("canonical", "next", "prev", "alternate")):
                    self.loads.append(values[name])
        if tag not in self.VOID:
            self.stack.append((tag, values.get("class") or ""))

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if any(tag == "article" for tag, _ in self.stack) and not any(tag in ("pre", "code", "script", "style", "h1", "h2", "h3") for tag, _ in self.stack):
            self.prose.append(data)


LEFTOVERS = {
    "a table": re.compile(r"\|\s*:?---"),
    "a list": re.compile(r"^(?:- |\* |\d+\. )\S", re.M),
    "a link": re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    "a fence": re.compile(r"```"),
    "bold text": re.compile(r"\*\*\S"),
    "a heading": re.compile(r"^#{2,} ", re.M),
}


def check(root):
    """Yields what is wrong with the site below `root`."""
    pages = {path: Page(path.read_text()) for path in sorted(root.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(root)
        for address in page.loads:
            if urllib.parse.urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
                yield f"{name}: loads {address} from elsewhere"
        for address in {*page.links, *page.loads}:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or address.startswith("//"):
                continue
            target = path
            if parts.path:
                base = root if parts.path.startswith("/") or name.name == "404.html" else path.parent
                target = (base / urllib.parse.unquote(parts.path).lstrip("/")).resolve()
                target = target / "index.html" if target.is_dir() else target
            anchor = urllib.parse.unquote(parts.fragment)
            if not target.exists():
                yield f"{name}: link to {address}, which does not exist"
            elif anchor and target in pages and anchor not in pages[target].ids and anchor != "__skip":
                yield f"{name}: link to {address}: no such anchor"
        for tag in sorted(page.unknown):
            yield f"{name}: <{tag}> is no element of HTML: text that was taken for a tag"
        prose = "".join(page.prose)
        if name.name != "404.html" and len(prose.split()) < 3 and "source" not in name.parts:
            yield f"{name}: the page is empty"
        for what, pattern in LEFTOVERS.items():
            if found := pattern.search(prose):
                yield f"{name}: {what} was left as text: {prose[found.start() : found.start() + 60]!r}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/site").resolve()
    count = len(list(root.rglob("*.html")))
    faults = list(check(root)) or ([] if count else [f"{root}: there is no site; make docs builds it"])
    print("\n".join(faults) or f"{count} pages are consistent")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
