# SPDX-License-Identifier: Apache-2.0
"""The checks of the documentation find what they are there for: `scripts/check_docs.py`, `scripts/site/check.py`, `docs/programs/check_output.py`."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


documents, site, output = (load(path) for path in ("scripts/check_docs.py", "scripts/site/check.py", "docs/programs/check_output.py"))

URDF = (ROOT / "docs/programs/own_urdf.txt").read_text()


@pytest.mark.parametrize(
    "text, fault",
    [
        ("```python\nimport sinew\n```\n", "the python block 'import sinew' is not included"),
        ("```cpp\nint i;\n```\n", "the cpp block"),
        ("  ```json\n  {}\n  ```\n", "the json block"),
        ("```\nmake\n```\n", "does not say what it holds"),
        ("<!-- checked by: python/tests/test_core.py -->\n```json\n{}\n```\n", "test_core.py does not read page.md"),
        ("<!-- include: src/core/error.cpp -->\n```cpp\n```\n", "not in a folder whose programs the tests run"),
        ("<!-- include: docs/programs/own_urdf.cpp#nothing -->\n```cpp\n```\n", "has no region nothing"),
        ("<!-- include: docs/programs/one_observation.txt#nothing -->\n```text\n```\n", "has no section nothing"),
        ("<!-- include: docs/programs/own_urdf.txt -->\n```text\nother\n```\n", "differs from the file"),
        ("[a page](nowhere.md)\n", "link to nowhere.md, which does not exist"),
        ("# Here\n\n[there](#there)\n", "no such heading"),
        ("`include/sinew/nowhere.hpp`\n", "names include/sinew/nowhere.hpp, which does not exist"),
    ],
)
def test_a_fault_of_a_document_is_found(tmp_path, text, fault):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert any(fault in found for found in documents.check(page, write=False)), list(documents.check(page, write=False))


def test_a_document_without_faults_has_none_and_write_fills_blocks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here\n\n[there](#here)\n\n```sh\nmake\n```\n\n<!-- include: docs/programs/own_urdf.txt -->\n```text\n```\n")
    assert list(documents.check(page, write=True)) == []
    assert URDF in page.read_text()
    assert list(documents.check(page, write=False)) == []


PAGE = "<html><head></head><body><article><h1 id='top'>A page</h1><p>{}</p></article></body></html>"


@pytest.mark.parametrize(
    "body, fault",
    [
        ("three words and <a href='b.html'>a link</a>", "link to b.html, which does not exist"),
        ("three words and <a href='a.html#bottom'>a link</a>", "link to a.html#bottom: no such anchor"),
        ("three words and <img src='https://example.org/x.png'>", "loads https://example.org/x.png from elsewhere"),
        ("three words and <script src='//example.org/x.js'></script>", "from elsewhere"),
        ("three words of images/<camera> here", "<camera> is no element of HTML"),
        ("three words and | a | table |\n|---|---|", "a table was left as text"),
        ("three words and\n- a list", "a list was left as text"),
        ("three words and [a link](b.md)", "a link was left as text"),
        ("", "the page is empty"),
    ],
)
def test_a_fault_of_the_site_is_found(tmp_path, body, fault):
    (tmp_path / "a.html").write_text(PAGE.format(body))
    assert any(fault in found for found in site.check(tmp_path)), list(site.check(tmp_path))


def test_a_site_without_faults_has_none(tmp_path):
    (tmp_path / "a.html").write_text(PAGE.format("three words, <code>- no | list</code> and <a href='a.html#top'>a link</a> to <a href='https://example.org'>elsewhere</a>"))
    assert list(site.check(tmp_path)) == []


@pytest.mark.parametrize("changed", [URDF.replace("6.283", "6.293", 1), URDF.replace("stated", "soft", 1), URDF + "more\n", URDF.replace("3 iterations", "4 iterations")])
def test_output_that_differs_is_found(changed):
    assert changed != URDF and output.differs(URDF, changed)


def test_output_that_differs_by_rounding_is_the_same():
    assert output.differs(URDF, URDF.replace("6.283", "6.287")) == ""
