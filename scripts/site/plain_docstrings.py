# SPDX-License-Identifier: Apache-2.0
"""Extension of griffe: annotations as people read them, and docstrings whose angle brackets are no markup."""

import re

import griffe

SHORT = (
    (r"typing\.SupportsFloat \| typing\.SupportsIndex", "float"),
    (r"typing\.SupportsInt \| typing\.SupportsIndex", "int"),
    (r"typing\.Annotated\[(.*), ['\"](?:FixedSize\(\d+\))['\"]\]", r"\1"),
    (r"typing\.Annotated\[numpy\.typing\.ArrayLike, numpy\.\w+\]", "ArrayLike"),
    (r"(?:collections\.abc|typing|os|numpy\.typing)\.", ""),
    (r"numpy\.(?=float|int|uint|bool)", ""),
    (r"sinew\._sinew(?:_\w+)?\.(?:\w+\.)*", ""),
)


class PlainDocstrings(griffe.Extension):
    """Shortens what pybind11 writes for a number that it converts; escapes docstrings; takes a field's comment for its docstring."""

    def on_instance(self, *, node, obj, agent, **_):
        if obj.docstring is not None:
            # Markdown takes <camera> for a tag; in backticks nothing is one.
            parts = re.split(r"(``.*?``|`[^`\n]*`)", obj.docstring.value, flags=re.S)
            obj.docstring.value = "".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts))

    @staticmethod
    def plain(annotation):
        text = str(annotation)
        for pattern, short in SHORT:
            text = re.sub(pattern, short, text)
        return text

    def on_function(self, *, func, **_):
        if func.filepath.suffix == ".pyi":
            for parameter in func.parameters:
                if parameter.annotation is not None:
                    parameter.annotation = self.plain(parameter.annotation)
            if func.returns is not None:
                func.returns = self.plain(func.returns)

    def on_attribute_instance(self, *, node, attr, agent, **_):
        if attr.docstring is None and attr.lineno and attr.parent.is_class and attr.filepath.suffix == ".py":
            line = attr.filepath.read_text().splitlines()[attr.endlineno - 1]
            _, mark, comment = line.partition("  # ")
            if mark:
                attr.docstring = griffe.Docstring(comment.replace("<", "&lt;"), lineno=attr.lineno, parent=attr)

    def on_attribute(self, *, attr, **_):
        if attr.filepath.suffix == ".pyi" and attr.annotation is not None:
            attr.annotation = self.plain(attr.annotation)
