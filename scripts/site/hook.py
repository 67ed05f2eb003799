# SPDX-License-Identifier: Apache-2.0
"""What MkDocs does not know of this repository: documents outside of docs/, links to files of the tree, the C++ and Python references.

Documents keep links that work on a code host. In the site a link to a header leads to its page of the reference, a link to another file to a
page that shows its text, and so does a path in backticks.
"""

import collections
import logging
import pathlib
import posixpath
import re
import subprocess
import sys

from mkdocs.structure.files import File

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import python_reference  # noqa: E402
from cpp_declarations import FOREIGN  # noqa: E402
from cpp_reference import AREAS, Reference  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOG = logging.getLogger("mkdocs.hooks.sinew")  # a warning ends a strict build
DOCUMENTS = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "models/tabletop/MODEL_CARD.md": "model_card.md",
    "models/robots/README.md": "robots.md",
}
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".inl": "cpp", ".py": "python", ".pyi": "python", ".cmake": "cmake"}
LANGUAGES |= {".json": "json", ".urdf": "xml", ".toml": "toml", ".js": "javascript", ".css": "css"}
WIDE = {"benchmarks.md"}  # tables need the room of the table of contents
LARGEST = 100_000  # bytes of a file that gets a page
TOPS = "include|src|tools|python|examples|benchmarks|tests|docs|scripts|cmake|models"
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1[ ]*$", re.S | re.M)


class Site:
    """Which page of the site shows which file of the repository."""

    def __init__(self):
        self.files = self.tracked()
        self.pages = dict(DOCUMENTS)
        self.pages |= {path: path.removeprefix("docs/") for path in self.files if path.startswith("docs/") and not path.startswith("docs/programs/")}
        self.origins = {page: path for path, page in self.pages.items()}
        self.sources = {}
        for path in self.files:
            if path not in self.pages and (ROOT / path).stat().st_size <= LARGEST and self.language(path) is not None:
                self.sources[path] = f"source/{path}.md"
        self.warned = set()
        self.shown = set()  # sources that something leads to
        self.reference = Reference(ROOT, ROOT / "build/doxygen")
        self.reference.write(self.sources)
        for fault in self.reference.faults:
            LOG.warning("%s", fault)
        self.shown |= {f"include/{header}" for header in self.reference.entries}
        self.shown.add("include/sinew/sinew.hpp")
        names = collections.Counter(map(posixpath.basename, self.files))
        self.by_basename = {posixpath.basename(path): path for path in self.files if names[posixpath.basename(path)] == 1}
        self.headers = {f"include/{header}": self.reference.page_of(header) for header in self.reference.entries}

    @staticmethod
    def tracked():
        """The files of the repository, or, of a copy without git, all but what builds leave."""
        try:
            listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
            paths = [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]
        except (OSError, subprocess.CalledProcessError):
            made = {"build", ".venv", ".git", "dist", "outputs", "__pycache__"}
            found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
            paths = [str(path) for path in found if not made & set(path.parts)]
        return sorted(paths)

    @staticmethod
    def language(path):
        """For highlighting; None for what is no text."""
        name = posixpath.basename(path)
        suffix = posixpath.splitext(name)[1]
        if suffix in LANGUAGES:
            return LANGUAGES[suffix]
        if name in ("CMakeLists.txt", "CMakePresets.json"):
            return "cmake" if suffix == ".txt" else "json"
        if suffix in (".txt", ".lock", ".md", ".in") or name in ("Makefile", "LICENSE"):
            return "text"
        if suffix:
            return None
        first = (ROOT / path).open("rb").readline()
        return "bash" if b"bash" in first else "python" if b"python" in first else None

    def page(self, path):
        """The page for a path of the repository, or None."""
        if path in self.pages:
            return self.pages[path]
        if path in self.headers:
            return self.headers[path]
        folder = re.fullmatch(r"include/sinew/(\w+)/?", path)
        if folder and folder[1] in AREAS:
            return f"cpp/{folder[1]}/index.md"
        if path in self.sources:
            self.shown.add(path)
        return self.sources.get(path)

    def warn(self, text):
        """Once: every document is read twice."""
        if text not in self.warned:
            self.warned.add(text)
            LOG.warning("%s", text)

    # -- text

    def rewritten(self, text, origin, page):
        """The Markdown of a document with links that hold in the site."""
        pieces, last, self.linked = [], 0, set()  # a name leads to the reference where it stands first
        for fence in FENCE.finditer(text):
            pieces += [self._prose(text[last : fence.start()], origin, page), fence[0]]
            last = fence.end()
        return "".join([*pieces, self._prose(text[last:], origin, page)])

    def _prose(self, text, origin, page):
        kept = []

        def keep(value):
            kept.append(value)
            return f"\0{len(kept) - 1}\0"

        def link(match):
            target, _, anchor = match[3].partition("#")
            if not target or re.match(r"[a-z]+:", target):
                return keep(match[0])
            path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
            there = self.page(path)
            if there is None:
                self.warn(f"{origin}: link to {path}, which has no page")
                return match[0]
            return keep(f"{match[1]}[{match[2]}]({self._relative(there, page)}{'#' + anchor if anchor else ''})")

        def path_in_code(match):
            full = self.by_basename.get(match[1], match[1])
            there = self.page(full) or (self.page(f"include/{full}") if full.startswith("sinew/") else None)
            return f"[{match[0]}]({self._relative(there, page)})" if there and there != page else match[0]

        def name_in_code(match):
            name = match[1].removeprefix("sinew::")
            plain = re.sub(r"^(?:nn|sim|remote|serve|testing|rotation)::", "", name)
            found = self.reference.find(plain, "")
            if found and plain not in self.linked:
                self.linked.add(plain)
                return f"[{match[0]}]({self._relative(self.reference.page_of(found[0]), page)}#{found[1]})"
            if not found and "::" in plain and plain.split("::")[0] not in FOREIGN and plain not in self.reference.by_name:
                self.warn(f"{origin}: names {match[1]}, which does not exist")
            return match[0]

        text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
        text = re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", link, text)
        text = re.sub(r"^#.*$", lambda match: keep(match[0]), text, flags=re.M)
        text = re.sub(rf"`((?:{TOPS}|sinew)/[\w./-]*\w/?|\w+\.(?:hpp|cpp|py))`", path_in_code, text)
        text = re.sub(r"`((?:\w+::)*[A-Z]\w+(?:::\w+)*)(?:\(\))?`", name_in_code, text)
        while re.search(r"\0\d+\0", text):
            text = re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)
        return text

    @staticmethod
    def _relative(there, page):
        return posixpath.relpath(there, posixpath.dirname(page) or ".")

    def source_page(self, path):
        text = (ROOT / path).read_text()
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
        return f"---\ntitle: {path}\nsearch:\n  exclude: true\nhide: [toc]\n---\n# `{path}`\n\n{fence}{self.language(path)}\n{text.rstrip()}\n{fence}\n"


site = None


def on_files(files, config):
    """Adds what is not in docs/. All documents are read once here, to know which sources they lead to."""
    global site
    site = Site()
    for origin, page in DOCUMENTS.items():
        files.append(File.generated(config, page, content=(ROOT / origin).read_text()))
    for page, text in site.reference.pages.items():
        files.append(File.generated(config, page, content=text))
    for page, text in python_reference.pages(ROOT).items():
        files.append(File.generated(config, page, content=text))
    for page, origin in site.origins.items():
        if origin.endswith(".md"):
            site.rewritten((ROOT / origin).read_text(), origin, page)
    for path in sorted(site.shown):
        files.append(File.generated(config, site.sources[path], content=site.source_page(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    origin = site.origins.get(page.file.src_uri)
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    return site.rewritten(markdown, origin, page.file.src_uri) if origin else markdown


def on_page_content(html, page, config, files):
    """Paths and names in the cells of tables may be broken behind their parts, and nowhere else."""

    def breakable(match):
        return re.sub(r"((?<=[\w>])/(?=\w)|\[\]|::)" if len(match[0]) < 25 else r"((?<=[\w;])[/._](?=\w)|\[\]|::)", r"\1<wbr>", match[0])

    html = re.sub(r"<h1.*?</h1>", lambda title: title[0].replace("/", "/<wbr>").replace("</<wbr>", "</"), html, count=1, flags=re.S)
    return re.sub(r"<td[ >].*?</td>", lambda cell: re.sub(r"(?<=<code>)[^<]+(?=</code>)", breakable, cell[0]), html, flags=re.S)
