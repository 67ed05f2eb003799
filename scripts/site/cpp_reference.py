# SPDX-License-Identifier: Apache-2.0
"""The C++ reference: what Doxygen reads in include/, as one Markdown page for each header.

Faults are what Doxygen warns of, public types, concepts and functions without a comment, and names in comments that do not exist.
"""

import collections
import html
import posixpath
import re
import subprocess
from xml.etree import ElementTree

CONFIGURATION = """
INPUT = include
FILE_PATTERNS = *.hpp
RECURSIVE = YES
STRIP_FROM_PATH = include
OUTPUT_DIRECTORY = {output}
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
EXTRACT_ALL = YES
WARN_IF_UNDOCUMENTED = NO
HAVE_DOT = NO
CLASS_GRAPH = NO
INCLUDE_GRAPH = NO
INCLUDED_BY_GRAPH = NO
QUIET = YES
"""
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
# What comments mention with "::" and is not ours: other libraries, and the parameters of templates.
FOREIGN = {"std", "Eigen", "fmt", "at", "torch", "pybind11", "boost", "doctest", "Config", "Ops"}
KINDS = {"class": "class", "struct": "struct", "union": "union", "concept": "concept", "enum": "enum", "typedef": "alias", "variable": "constant", "define": "macro", "function": ""}
# A comment may be left out where the name and the type say everything.
SPEAKING = re.compile(r"to_string|operator.*|\w*(Options|Sizes)|\w+::\w+")
TARGETS = {"sinew::sinew", "sinew::sim", "sinew::torch", "sinew::remote", "sinew::testing", "sinew::no_alloc"}


class Entry:
    """One declaration: a namespace's member, or a member of a class."""

    def __init__(self, element, kind, name, scope):
        location = element.find("location")
        self.element, self.kind, self.name, self.scope = element, kind, name, scope
        self.file, self.line = location.get("file"), int(location.get("line"))
        self.id = element.get("id")
        self.members = []
        self.anchor = ""
        self.follows = False  # stands directly below another declaration, whose comment says what it is

    @property
    def documented(self):
        """A comment of its own, or one for every member."""
        values = [each.element for each in self.members if each.kind == "variable"] + self.element.findall("enumvalue")
        return self.commented(self.element) or (bool(values) and all(map(self.commented, values)))

    @staticmethod
    def commented(element):
        return any(text_of(element.find(part)).strip() for part in ("briefdescription", "detaileddescription"))


def text_of(element):
    return "" if element is None else "".join(element.itertext())


def squeezed(text):
    """A declaration as our sources write it: Doxygen sets spaces inside of angle brackets, and before references and pointers."""
    text = re.sub(r"(?<=[\w>]) ([&*]+)(\w?)", lambda match: match[1] + (" " + match[2] if match[2] else ""), re.sub(r"\s+", " ", text).strip())
    if "operator" in text or not re.search(r"\w< ", text):
        return text
    return re.sub(r"(?<=\w)<\s+", "<", re.sub(r"\s+>", ">", text))


def declaration(entry):
    """The source text of a declaration, on one line, without attributes."""
    element, kind, name = entry.element, entry.kind, entry.name
    parameters = element.find("templateparamlist")
    template = ""
    if parameters is not None:
        listed = []
        for parameter in parameters:
            text = text_of(parameter.find("type"))
            for part in ("declname", "defval"):
                if parameter.find(part) is not None and text_of(parameter.find(part)) not in text.split():
                    text += (" = " if part == "defval" else " ") + text_of(parameter.find(part))
            listed.append(squeezed(text))
        template = f"template <{', '.join(listed)}> "
    kept = squeezed(text_of(element.find("type")))
    kept = re.sub(r"\[\[\w+\]\] ?", "", kept)
    initial = squeezed(text_of(element.find("initializer")))
    if kind in ("class", "struct", "union"):
        return f"{template}{kind} {name}"
    if kind == "enum":
        base = squeezed(text_of(element.find("type")))
        return f"enum class {name}" + (f" : {base}" if base else "")
    if kind == "typedef":
        return f"{template}using {name} = {kept}"
    if kind == "define":
        arguments = ", ".join(text_of(each.find("defname")) for each in element.findall("param"))
        return f"#define {name}" + (f"({arguments})" if arguments else "")
    if kind == "variable":
        prefix = "static " if entry.element.get("static") == "yes" and entry.scope.endswith(name) is False else ""
        initial = initial if initial.startswith("=") or not initial else f"{initial}"
        return f"{template}{prefix}{kept} {name}{' ' if initial.startswith('=') else ''}{initial}"
    prefix = "".join(word + " " for word in ("static", "explicit") if element.get(word) == "yes")
    if element.get("constexpr") == "yes" and "constexpr" not in kept:
        prefix += "constexpr "
    after = squeezed(text_of(element.find("argsstring")))
    requires = element.find("requiresclause")
    if requires is not None:
        template += f"requires {squeezed(text_of(requires))} "
    return squeezed(f"{template}{prefix}{kept} {name}") + after


class Reference:
    """Reads Doxygen's XML. `pages` maps the site's source paths to Markdown, `faults` lists what is wrong."""

    def __init__(self, root, output):
        self.root, self.faults, self.pages = root, [], {}
        output.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["doxygen", "-"], input=CONFIGURATION.format(output=output), cwd=root, text=True, capture_output=True, check=True)
        self.faults += sorted({re.sub(rf"^{re.escape(str(root))}/", "", line) for line in done.stderr.splitlines() if line.strip()})
        self.entries = collections.defaultdict(list)  # by header
        self.by_id, self.by_name = {}, collections.defaultdict(list)
        self._read(output / "xml")
        self._give_anchors()
        self._check()

    # -- reading

    def _read(self, folder):
        index = ElementTree.parse(folder / "index.xml").getroot()
        seen = set()
        for item in index:
            if item.get("kind") not in ("namespace", "class", "struct", "union", "concept", "file"):
                continue
            compound = ElementTree.parse(folder / f"{item.get('refid')}.xml").getroot().find("compounddef")
            name, kind = text_of(compound.find("compoundname")), compound.get("kind")
            if "detail" in name.split("::") or name.startswith("std") or compound.get("prot") in ("private", "protected"):
                continue
            if kind in ("namespace", "file"):
                wanted = None if kind == "namespace" else "define"
                for member in compound.iter("memberdef"):
                    if (wanted is None or member.get("kind") == wanted) and member.get("id") not in seen:
                        seen.add(member.get("id"))
                        self._add(member, "" if kind == "file" else name)
            else:
                self._add_compound(compound, kind, name)
        for header, listed in self.entries.items():
            listed.sort(key=lambda entry: entry.line)
            lines = (self.root / "include" / header).read_text().splitlines()
            for before, entry in zip(listed, listed[1:]):
                together = all(line.strip() for line in lines[before.line : entry.line])
                entry.follows = together and entry.kind == "function" and not entry.documented

    def _add(self, member, scope):
        name = text_of(member.find("name"))
        if member.get("kind") in KINDS and not name.startswith("@") and not name.endswith("_HPP"):
            self._keep(Entry(member, member.get("kind"), name, scope))

    def _add_compound(self, compound, kind, qualified):
        scope, _, name = qualified.rpartition("::")
        parts = qualified.split("::")
        if "<" in qualified or len(parts) > 1 and parts[0] != "sinew":
            return  # specialisations, and std::hash of ours
        while scope and scope.rpartition("::")[2][:1].isupper():  # nested: Outer::Inner
            name = f"{scope.rpartition('::')[2]}::{name}"
            scope = scope.rpartition("::")[0]
        entry = Entry(compound, kind, name, scope)
        for section in compound.findall("sectiondef"):
            if section.get("kind").startswith(("public", "user-defined", "friend")):
                for member in section.findall("memberdef"):
                    if member.get("prot") == "public" and member.get("kind") in KINDS and "= delete" not in text_of(member.find("argsstring")):
                        entry.members.append(Entry(member, member.get("kind"), text_of(member.find("name")), qualified))
        entry.members.sort(key=lambda member: member.line)
        self._keep(entry)

    def _keep(self, entry):
        if entry.file.startswith("sinew/"):
            self.entries[entry.file].append(entry)

    # -- names and links

    def _give_anchors(self):
        for header, entries in self.entries.items():
            used = collections.Counter()
            for entry in entries:
                for each in (entry, *entry.members):
                    own = entry.name.replace("::", ".")
                    anchor = own if each is entry else f"{own}.{each.name}"
                    anchor = re.sub(r"[^\w.]+", "-", anchor)
                    used[anchor] += 1
                    each.anchor = anchor if used[anchor] == 1 else f"{anchor}-{used[anchor]}"
                    self.by_id[each.id] = (header, each.anchor)
                    full = entry.name if each is entry else f"{entry.name}::{each.name}"
                    if used[anchor] == 1:
                        self.by_name[full].append((header, each.anchor))
                    if each.kind == "concept":  # what it asks for is called a member too, as in Robot::observe
                        for name in set(re.findall(r"\w+\.(\w+)\(", text_of(each.element.find("initializer")))):
                            self.by_name[f"{full}::{name}"].append((header, each.anchor))
                    for value in each.element.findall("enumvalue"):
                        self.by_name[f"{full}::{text_of(value.find('name'))}"].append((header, each.anchor))
                        self.by_id[value.get("id")] = (header, each.anchor)

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

    def find(self, name, header):
        """Where a name is declared; the same header first, nothing when it is ambiguous."""
        found = self.by_name.get(name, [])
        near = [each for each in found if each[0] == header]
        return near[0] if near else found[0] if len(found) == 1 else None

    def linked(self, code, header, own=""):
        """Escaped code in which the types of the library are links."""

        parts = re.split(r"((?<![\w:])[A-Z]\w+(?:::\w+)*\b)", code)
        for i, part in enumerate(parts):
            target = self.find(part, header) if i % 2 and part != own else None
            text = html.escape(part, quote=False)
            parts[i] = f'<a href="{self.link(header, target)}">{text}</a>' if target else text
        return "".join(parts)

    # -- checks

    def _check(self):
        for header, entries in sorted(self.entries.items()):
            described = set()
            for entry in entries:
                place = f"include/{header}:{entry.line}: {entry.name}"
                if entry.documented:
                    described.add(entry.name)
                elif entry.name not in described and entry.kind not in ("variable", "define") and not entry.follows and not SPEAKING.fullmatch(entry.name):
                    self.faults.append(f"{place}: a public {KINDS[entry.kind] or 'function'} without a comment")
                for each in (entry, *entry.members):
                    for name in self._missing_names(each, entry):
                        self.faults.append(f"include/{header}:{each.line}: the comment of {each.name} names {name}, which does not exist")

    def _missing_names(self, each, entry):
        text = " ".join(text_of(each.element.find(part)) for part in ("briefdescription", "detaileddescription"))
        for name in set(re.findall(r"(?<![\w:])((?:\w+::)+\w+)", text)) - TARGETS:
            parts = [part for part in name.split("::") if part not in ("sinew", "nn", "sim", "remote", "serve", "testing", "rotation")]
            if parts and parts[0] not in FOREIGN and "::".join(parts) not in self.by_name and f"{entry.name}::{parts[-1]}" not in self.by_name:
                yield name

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
        rows = [f"| [`{area}`]({area}/index.md) | {what} | {sum(h.startswith(f'sinew/{area}/') for h in self.entries)} |" for area, what in AREAS.items()]
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
        named = sorted({(name, header, anchor) for name, found in self.by_name.items() if "::" not in name for header, anchor in found}, key=lambda each: (each[0].lower(), each[1]))
        letter = ""
        for name, header, anchor in named:
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
        simple = {"para": "p", "itemizedlist": "ul", "orderedlist": "ol", "listitem": "li", "bold": "strong", "emphasis": "em", "subscript": "sub", "superscript": "sup", "table": "table", "row": "tr"}
        if tag in simple:
            return f"<{simple[tag]}>{inside}</{simple[tag]}>"
        if tag == "entry":
            cell = "th" if element.get("thead") == "yes" else "td"
            return f"<{cell}>{inside.removeprefix('<p>').removesuffix('</p>')}</{cell}>"
        words = {"ndash": "–", "mdash": "—", "sp": " ", "linebreak": "<br>", "nonbreakablespace": " ", "lsquo": "‘", "rsquo": "’", "zwj": "", "ldquo": "“", "rdquo": "”"}
        if tag in words:
            return words[tag]
        if tag == "ulink":
            return f'<a href="{html.escape(element.get("url"))}">{inside}</a>'
        self.faults.append(f"include/{header}: a comment holds markup that the reference does not know: {tag}")
        return inside
