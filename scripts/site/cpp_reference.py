# SPDX-License-Identifier: Apache-2.0
"""The C++ reference: one Markdown page for each header, folders and an index of names."""

import html
import posixpath
import re

from cpp_declarations import KINDS, Declarations, Entry, declaration, squeezed, text_of

AREAS = {
    "core": "vocabulary: tensors, observations, chunks, cards, status",
    "io": "files: JSON, safetensors, images, tokenizers",
    "observation": "frames, state and words to tensors",
    "action": "what a model emits to SI units, and back",
    "kinematics": "poses, Jacobians, joint solutions",
    "backend": "what runs a model",
    "nn": "models, and the operations that they are written in",
    "motion": "from chunks to commands within the limits",
    "runtime": "policy and robot joined",
    "record": "recordings",
    "data": "episodes and curation",
    "serve": "policy servers (sinew::remote)",
    "sim": "the simulated tabletop (sinew::sim)",
    "testing": "conformance of your own parts (sinew::testing)",
}
# What Doxygen calls elements and characters, and HTML.
ELEMENTS = {"para": "p", "itemizedlist": "ul", "orderedlist": "ol", "listitem": "li", "table": "table", "row": "tr"}
ELEMENTS |= {"bold": "strong", "emphasis": "em", "subscript": "sub", "superscript": "sup"}
CHARACTERS = {"ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”"}
CHARACTERS |= {"sp": " ", "nonbreakablespace": " ", "linebreak": "<br>", "zwj": ""}


class Reference(Declarations):
    """`pages` maps the site's source paths to Markdown."""

    def __init__(self, root, output):
        super().__init__(root, output)
        self.pages = {}

    # -- links

    @staticmethod
    def page_of(header):
        return f"cpp/{header.removeprefix('sinew/').removesuffix('.hpp')}.md"

    def link(self, header, target):
        """The address of a (header, anchor) as seen from the page of `header`."""
        there, anchor = target
        if there == header:
            return f"#{anchor}"
        here = posixpath.dirname(self.page_of(header))
        return posixpath.relpath(self.page_of(there), here).removesuffix(".md") + f".html#{anchor}"

    def linked(self, code, header, own=""):
        """Escaped code in which the types of the library are links."""
        parts = re.split(r"((?<![\w:])[A-Z]\w+(?:::\w+)*\b)", code)
        for i, part in enumerate(parts):
            target = self.find(part, header) if i % 2 and part != own else None
            text = html.escape(part, quote=False)
            parts[i] = f'<a href="{self.link(header, target)}">{text}</a>' if target else text
        return "".join(parts)

    # -- pages

    def write(self, sources):
        """Fills `pages`. `sources` maps a path of the repository to the site's page with its text."""
        for header in sorted(self.entries):
            self.pages[self.page_of(header)] = self._page(header, sources)
        for area in AREAS:
            self.pages[f"cpp/{area}/index.md"] = self._area(area)
        self.pages["cpp/index.md"] = self._index()
        self.pages["cpp/names.md"] = self._names()

    def purpose(self, header):
        """The comment that a header begins with, without the licence."""
        lines = []
        for line in (self.root / "include" / header).read_text().splitlines()[1:]:
            if not line.startswith("//"):
                break
            lines.append(line.removeprefix("//").strip())
        return html.escape(" ".join(lines), quote=False)

    def _index(self):
        count = {area: sum(header.startswith(f"sinew/{area}/") for header in self.entries) for area in AREAS}
        rows = [f"| [`{area}`]({area}/index.md) | {what} | {count[area]} |" for area, what in AREAS.items()]
        return (
            "# C++ reference\n\nOne page for each header, out of its declarations and comments. [All names](names.md) in one list. "
            "[`sinew/sinew.hpp`](../source/include/sinew/sinew.hpp.md) includes every header of `sinew::sinew`.\n\n| folder | holds | headers |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        )

    def _area(self, area):
        lines = [f"# `sinew/{area}`", "", f"{AREAS[area].capitalize()}.", "", "| header | what | names |", "|---|---|---|"]
        for header in sorted(self.entries):
            if header.startswith(f"sinew/{area}/"):
                page = posixpath.relpath(self.page_of(header), f"cpp/{area}")
                names = list(dict.fromkeys(entry.name for entry in self.entries[header] if entry.kind != "define" and not entry.name.startswith("operator")))
                shown = ", ".join(f"`{name}`" for name in names[:12]) + (", …" if len(names) > 12 else "")
                lines.append(f"| [`{header.removeprefix(f'sinew/{area}/')}`]({page}) | {self.purpose(header)} | {shown} |")
        return "\n".join(lines) + "\n"

    def _names(self):
        lines = ["---", "search:", "  exclude: true", "---", "# All names", ""]
        named = {(name, *place) for name, found in self.by_name.items() if "::" not in name for place in found}
        letter = ""
        for name, header, anchor in sorted(named, key=lambda each: (each[0].lower(), each[1])):
            if name.startswith("operator"):
                continue
            if name[0].upper() != letter:
                letter = name[0].upper()
                lines += ["", f"## {letter}", ""]
            lines.append(f"- [`{name}`]({self.page_of(header).removeprefix('cpp/')}#{anchor}) in `{header}`")
        return "\n".join(lines) + "\n"

    def _page(self, header, sources):
        area = header.split("/")[1]
        up = posixpath.relpath(f"cpp/{area}/index.md", posixpath.dirname(self.page_of(header)))
        source = posixpath.relpath(sources[f"include/{header}"], posixpath.dirname(self.page_of(header)))
        documents = posixpath.relpath(".", posixpath.dirname(self.page_of(header)))
        purpose = re.sub(r"docs/(\w+\.md)", rf"[docs/\1]({documents}/\1)", self.purpose(header))
        lines = ["---", f"title: {header}", "search:", "  boost: 0.5", "---", f"# `{header}`", "", purpose, "", f"[`sinew/{area}`]({up}) · [source]({source})", ""]
        groups = []
        for entry in self.entries[header]:
            function = groups and entry.kind == groups[-1][0].kind == "function"
            if function and (entry.follows or entry.name == groups[-1][0].name):
                groups[-1].append(entry)
            else:
                groups.append([entry])
        for group in groups:
            lines += self._entry(group[0], header) + [line for entry in group[1:] for line in self._more(entry, header)]
        return "\n".join(lines) + "\n"

    def _scope(self, entry):
        inner = entry.scope.removeprefix("sinew").removeprefix("::")
        return f' <span class="api-kind">sinew::{inner}</span>' if inner else ""

    def _entry(self, entry, header):
        title = entry.name + ("()" if entry.kind == "function" else "")
        kind = f'<span class="api-kind">{KINDS[entry.kind]}</span> ' if KINDS[entry.kind] else ""
        lines = [f"## {kind}`{title}`{self._scope(entry)} {{ #{entry.anchor} data-toc-label=\"{title}\" }}", ""]
        if entry.kind == "concept":
            text = re.sub(r"^(template<.*?>)\s*concept \S+ =\s*", rf"\1\nconcept {entry.name} = ", text_of(entry.element.find("initializer")), flags=re.S)
            lines += ["```cpp", "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + ";", "```", ""]
        elif entry.kind not in ("class", "struct", "union", "enum") or entry.element.find("templateparamlist") is not None:
            lines += [self._code(entry, header), ""]
        lines += [self._description(entry, header), ""]
        if entry.kind == "enum":
            lines += self._enumerators(entry, header)
        if entry.members:
            lines += self._members(entry, header)
        return lines

    def _more(self, entry, header):
        return [f'<div id="{entry.anchor}" markdown="0">{self._code(entry, header)}{self._description(entry, header)}</div>', ""]

    def _code(self, entry, header):
        return f'<pre class="api-code"><code>{self.linked(declaration(entry), header, entry.name)}</code></pre>'

    def _enumerators(self, entry, header):
        rows, values = [], entry.element.findall("enumvalue")
        if not any(map(Entry.commented, values)):
            return [", ".join(f"`{text_of(value.find('name'))}`" for value in values), ""]
        for value in values:
            initial = squeezed(text_of(value.find("initializer")))
            text = self._prose(value, header)
            rows.append(f"<tr><td><code>{text_of(value.find('name'))}{' ' + html.escape(initial) if initial else ''}</code></td><td>{text}</td></tr>")
        described = "".join(rows)
        return [f'<table class="api"><tbody>{described}</tbody></table>', ""]

    def _members(self, entry, header):
        rows = []
        for member in entry.members:
            code = self.linked(declaration(member), header, entry.name)
            rows.append(f'<dt id="{member.anchor}"><code>{code}</code></dt>')
            text = self._prose(member, header)
            for value in member.element.findall("enumvalue"):
                text += f"<p><code>{text_of(value.find('name'))}</code> {self._prose(value, header)}</p>"
            rows.append(f"<dd>{text}</dd>")
        return [f'<dl class="api">{"".join(rows)}</dl>', ""]

    def _description(self, entry, header):
        return f'<div class="api-text">{self._prose(entry, header)}</div>'

    def _prose(self, entry, header):
        element = entry.element if isinstance(entry, Entry) else entry
        parts = [element.find(part) for part in ("briefdescription", "detaileddescription")]
        return "".join(self._html(each, header) for part in parts if part is not None for each in part).replace("\n", " ")

    def _html(self, element, header):
        inside = html.escape(element.text or "", quote=False)
        for child in element:
            inside += self._html(child, header) + html.escape(child.tail or "", quote=False)
        tag = element.tag
        if tag == "ref":
            target = self.by_id.get(element.get("refid"))
            return f'<a href="{self.link(header, target)}">{inside}</a>' if target else inside
        if tag == "computeroutput":
            name = re.sub(r"\(.*\)$", "", text_of(element))
            target = self.find(name, header) if re.fullmatch(r"[\w:]+", name) and "<a " not in inside else None
            return f'<code><a href="{self.link(header, target)}">{inside}</a></code>' if target else f"<code>{inside}</code>"
        if tag in ("verbatim", "preformatted", "programlisting"):
            return f"<pre><code>{inside}</code></pre>".replace("\n", "&#10;")
        if tag in ELEMENTS:
            return f"<{ELEMENTS[tag]}>{inside}</{ELEMENTS[tag]}>"
        if tag == "entry":
            cell = "th" if element.get("thead") == "yes" else "td"
            return f"<{cell}>{inside.removeprefix('<p>').removesuffix('</p>')}</{cell}>"
        if tag in CHARACTERS:
            return CHARACTERS[tag]
        if tag == "ulink":
            return f'<a href="{html.escape(element.get("url"))}">{inside}</a>'
        self.faults.append(f"include/{header}: a comment holds markup that the reference does not know: {tag}")
        return inside
