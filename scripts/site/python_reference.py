# SPDX-License-Identifier: Apache-2.0
"""The Python reference: a page for each public module, which mkdocstrings fills from sources and stubs; nothing is imported."""

import ast

# Module, and what it is beside its docstring.
MODULES = (
    "sinew",
    "sinew.kinematics",
    "sinew.kinematics.rotation",
    "sinew.observation",
    "sinew.action",
    "sinew.action.canonical",
    "sinew.nn",
    "sinew.motion",
    "sinew.runtime",
    "sinew.record",
    "sinew.data",
    "sinew.dataset",
    "sinew.sim",
    "sinew.remote",
    "sinew.serve",
    "sinew.evaluate",
    "sinew.correct",
    "sinew.train",
    "sinew.train.samples",
    "sinew.train.trainer",
    "sinew.train.heads",
    "sinew.train.fine_tune",
    "sinew.train.adapt",
    "sinew.train.tabletop",
)
COMPILED = {"sinew.sim": "sinew._sinew_sim"}
CLASSES = {"sinew.remote": {"Client": "sinew._sinew_remote.Client"}}  # which a module only gives another name


def source(root, module):
    """The file that documents a module: a .py, or the stub of a compiled one."""
    parts = module.split(".")[1:]
    for folder, suffix in (("python/sinew", ".py"), ("python/sinew/_sinew", ".pyi")):
        path = root / folder / "/".join(parts)
        for file in (path.with_suffix(suffix) if parts else path / "__init__.py", path / f"__init__{suffix}"):
            if file.is_file():
                return file
    raise FileNotFoundError(module)


def pages(root):
    """Site path -> Markdown."""
    rows, made = [], {}
    for module in MODULES:
        doc = ast.get_docstring(ast.parse(source(root, module).read_text())) or ""
        first = " ".join(doc.split("\n\n")[0].split())
        page = f"python/{module}.md"
        rows.append(f"| [`{module}`]({module}.md) | {first} |")
        made[page] = f"---\ntitle: {module}\nsearch:\n  boost: 0.5\n---\n# `{module}`\n\n::: {COMPILED.get(module, module)}\n"
        for name, path in CLASSES.get(module, {}).items():
            made[page] += f"    options:\n      filters: ['!^_', '!^{name}$']\n\n::: {path}\n    options: {{show_root_heading: true, show_root_full_path: false}}\n"
    made["python/index.md"] = (
        "# Python reference\n\nOut of the sources and, for compiled modules, the type stubs beside them. Arrays are NumPy's; names are letter for letter "
        "those of [C++](../cpp/index.md).\n\n| module | what |\n|---|---|\n" + "\n".join(rows) + "\n"
    )
    return made
