# SPDX-License-Identifier: Apache-2.0
"""What a page of Sinew consists of."""

import html.parser


class Outline(html.parser.HTMLParser):
    """Checks that tags close in order, and counts them."""

    VOID = {"meta", "br", "img", "input", "link", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.sources, self.text = [], {}, [], []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.sources += [value for name, value in attributes if name in ("src", "href", "poster", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def external(self):
        """What the page would take from elsewhere."""
        return [source for source in self.sources if source.startswith(("http:", "https:", "//"))]
