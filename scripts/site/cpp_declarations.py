# SPDX-License-Identifier: Apache-2.0
"""The C++ declarations of include/, as Doxygen reads them: their places, names, comments, and what is wrong with these.

Faults are what Doxygen warns of, public types, concepts and functions without a comment, and names in comments that do not exist.
"""

import collections
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
# What comments mention with "::" and is not ours: other libraries, and the parameters of templates.
FOREIGN = {"std", "Eigen", "fmt", "at", "torch", "pybind11", "boost", "doctest", "Config", "Ops"}
KINDS = {"class": "class", "struct": "struct", "union": "union", "concept": "concept", "enum": "enum"}
KINDS |= {"typedef": "alias", "variable": "constant", "define": "macro", "function": ""}
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
        prefix = "static " if element.get("static") == "yes" else ""
        return f"{template}{prefix}{kept} {name}{' ' if initial.startswith('=') else ''}{initial}"
    prefix = "".join(word + " " for word in ("static", "explicit") if element.get(word) == "yes")
    if element.get("constexpr") == "yes" and "constexpr" not in kept:
        prefix += "constexpr "
    after = squeezed(text_of(element.find("argsstring")))
    requires = element.find("requiresclause")
    if requires is not None:
        template += f"requires {squeezed(text_of(requires))} "
    return squeezed(f"{template}{prefix}{kept} {name}") + after


class Declarations:
    """Reads Doxygen's XML: `entries` by header, `faults` lists what is wrong."""

    def __init__(self, root, output):
        self.root, self.faults = root, []
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

    def find(self, name, header):
        """Where a name is declared; the same header first, nothing when it is ambiguous."""
        found = self.by_name.get(name, [])
        near = [each for each in found if each[0] == header]
        return near[0] if near else found[0] if len(found) == 1 else None

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
