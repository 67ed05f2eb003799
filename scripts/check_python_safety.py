# SPDX-License-Identifier: Apache-2.0
"""Finds calls in Python files that can run what a file or peer says: `check_python_safety.py FOLDER...`. Looks at syntax trees, not at text.

Refused: pickle and its kin, eval, exec, compile, __import__; torch.load but with weights_only=True, numpy.load with allow_pickle; yaml's loaders
but safe ones; a shell for subprocess, os.system, os.popen; dynamic imports of anything but a name that is written out.
"""

import ast
import sys
from pathlib import Path

MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {"os.system", "os.popen", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "pandas.read_pickle", "torch.jit.load", "torch.package.PackageImporter", "runpy.run_path", "code.interact"}
LITERAL_ONLY = {"importlib.import_module", "runpy.run_module"}
SAFE_YAML = {"yaml.SafeLoader", "yaml.CSafeLoader", "yaml.BaseLoader"}


class Checker(ast.NodeVisitor):
    def __init__(self, path):
        self.path, self.faults = path, []
        self.names = {}  # as the file calls it -> its whole name

    def refuse(self, node, what):
        self.faults.append(f"{self.path}:{node.lineno}: {what}")

    def visit_Import(self, node):
        for alias in node.names:
            self.take_import(node, alias.name)
            self.names[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else alias.name.partition(".")[0]

    def visit_ImportFrom(self, node):
        module = node.module or ""
        if node.level == 0:
            self.take_import(node, module)
        for alias in node.names:
            name = f"{module}.{alias.name}"
            self.names[alias.asname or alias.name] = name
            if name in CALLS and node.level == 0:
                self.refuse(node, f"import of {name}")

    def take_import(self, node, module):
        if module.partition(".")[0] in MODULES:
            self.refuse(node, f"import of {module}")

    def whole_name(self, node):
        """"os.system" of an expression, through the file's imports; None for what is no name."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.whole_name(node.value)
            return base and f"{base}.{node.attr}"
        return None

    def visit_Name(self, node):
        if node.id in BUILTINS and node.id not in self.names:  # also one that is passed on
            self.refuse(node, node.id)

    def visit_Attribute(self, node):
        if self.whole_name(node) in {f"builtins.{name}" for name in BUILTINS} | {"torch.serialization.load"}:
            self.refuse(node, self.whole_name(node))
        self.generic_visit(node)

    def visit_Call(self, node):
        name = self.whole_name(node.func) or ""
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        says = {key: value.value for key, value in options.items() if isinstance(value, ast.Constant)}
        if name in ("yaml.load", "yaml.load_all") and self.whole_name(options.get("Loader")) in SAFE_YAML:
            pass
        elif name in CALLS:
            self.refuse(node, name)
        elif name in LITERAL_ONLY and not (node.args and isinstance(node.args[0], ast.Constant)):
            self.refuse(node, f"{name} of a name that is computed")
        elif name == "torch.load" and says.get("weights_only") is not True:
            self.refuse(node, "torch.load without weights_only=True")
        elif name.startswith("numpy.") and "allow_pickle" in options and says.get("allow_pickle") is not False:
            self.refuse(node, f"{name} with allow_pickle")
        if "shell" in options and says.get("shell") is not False:
            self.refuse(node, f"{name or 'a call'} with shell")
        if says.get("trust_remote_code") is not False and "trust_remote_code" in options:
            self.refuse(node, f"{name or 'a call'} with trust_remote_code")
        self.generic_visit(node)


def faults_of(text, path="text"):
    checker = Checker(path)
    checker.visit(ast.parse(text, str(path)))
    return checker.faults


def main(folders):
    faults, files = [], 0
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.py")):
            files += 1
            faults += faults_of(path.read_text(encoding="utf-8"), path)
    print("\n".join(faults) or f"{files} Python files run nothing that they read")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
