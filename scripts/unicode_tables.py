#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/io/tokenizer/generated/unicode_data.cpp: character classes and canonical composition as the `tokenizers` package has them.

Everything is asked of the package, whose Unicode versions are its own: classes of its regular expressions (Oniguruma), and NFC from older tables.
`--check` writes nothing and fails when the committed file differs.
"""

import itertools
import pathlib
import random
import sys
import unicodedata

from tokenizers import Regex, __version__, normalizers

TARGET = pathlib.Path(__file__).resolve().parents[1] / "src/io/tokenizer/generated/unicode_data.cpp"
EVERY = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
HANGUL = range(0xAC00, 0xD7A4)
nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str


def one_by_one(form):
    """Every character with its form. All in one call, between line ends, which nothing combines with."""
    return dict(zip(EVERY, form("\n".join(EVERY.replace("\n", " "))).split("\n"))) | {"\n": "\n"}


def members(inverse):
    return [ord(c) for c in normalizers.Replace(Regex(inverse), "").normalize_str(EVERY)]


def ranges(valued):
    """[first, last, value] for runs of consecutive code points with one value."""
    runs = []
    for c, value in sorted(valued):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == value:
            runs[-1][1] = c
        else:
            runs.append([c, c, value])
    return runs


def combining_classes(decompositions):
    """The classes only show in what they reorder. unicodedata proposes, every pair of marks decides."""
    proposed = {c: unicodedata.combining(chr(c)) for c in map(ord, EVERY) if unicodedata.combining(chr(c))}
    single = sorted(c for c in proposed if c not in decompositions)
    known = {c: proposed[c] for c in single if nfd("a\u0345" + chr(c)) != "a\u0345" + chr(c) or nfd("a" + chr(c) + "\u0334") != "a" + chr(c) + "\u0334"}
    order = sorted(known)
    for first in order:
        got = nfd("".join("a" + chr(first) + chr(second) for second in order))
        want = "".join("a" + "".join(map(chr, sorted((first, second), key=known.get))) for second in order)
        assert got == want, f"class of U+{first:04X}"
    return known


def compositions(decompositions):
    """(first, second) -> composed, for every primary composite outside Hangul."""
    pairs = {}
    for c, parts in decompositions.items():
        if len(parts) > 1 and nfc(parts) == chr(c):
            first = nfc(parts[:-1])
            assert len(first) == 1, f"U+{c:04X}"
            pairs[ord(first), ord(parts[-1])] = c
    return pairs


def normalize(text, decompositions, classes, pairs):
    """NFC from the tables, as the library computes it: what is written is tested before."""
    chars = []
    for c in map(ord, text):
        if c in HANGUL:
            index = c - 0xAC00
            chars += [0x1100 + index // 588, 0x1161 + index % 588 // 28] + ([0x11A7 + index % 28] if index % 28 else [])
        else:
            chars += map(ord, decompositions.get(c, chr(c)))
    for starter, group in itertools.groupby(range(len(chars)), key=lambda i: classes.get(chars[i], 0) == 0):
        group = list(group)
        if not starter:
            chars[group[0] : group[-1] + 1] = sorted((chars[i] for i in group), key=lambda c: classes[c])
    out, base, last = [], None, 0
    for c in chars:
        ccc = classes.get(c, 0)
        if base is not None and (last < ccc or (last == 0 and base == len(out) - 1)):
            first = out[base]
            composed = pairs.get((first, c))
            if 0x1100 <= first < 0x1113 and 0x1161 <= c < 0x1176:
                composed = 0xAC00 + ((first - 0x1100) * 21 + c - 0x1161) * 28
            elif first in HANGUL and (first - 0xAC00) % 28 == 0 and 0x11A8 <= c < 0x11C3:
                composed = first + c - 0x11A7
            if composed is not None:
                out[base] = composed
                continue
        if ccc == 0:
            base = len(out)
        last = ccc
        out.append(c)
    return "".join(map(chr, out))


def self_check(decompositions, classes, pairs):
    rng = random.Random(1)
    pool = list(classes) + list(decompositions) + [c for pair in pairs for c in pair] + list(range(0x1100, 0x1200)) + [0xAC00, 0xAC01, 0x41, 0x65]
    texts = ["".join(chr(rng.choice(pool)) for _ in range(rng.randrange(1, 12))) for _ in range(40000)]
    composed = one_by_one(nfc)
    expected = {c: c for c in EVERY} | {chr(c): normalize(chr(c), decompositions, classes, pairs) for c in decompositions}
    assert composed == expected
    for text in texts:
        assert normalize(text, decompositions, classes, pairs) == nfc(text), [hex(ord(c)) for c in text]


def rows(numbers, per_line):
    texts = [f"{n:#x}" if isinstance(n, int) else "{" + ", ".join(f"{x:#x}" for x in n) + "}" for n in numbers]
    return "\n".join("    " + ", ".join(texts[i : i + per_line]) + "," for i in range(0, len(texts), per_line))


def text_of():
    letters, numbers, marks = (members(rf"[^\p{{{name}}}]+") for name in "LNM")
    spaces = members(r"\S+")
    classes_of = ranges([(c, 1) for c in letters] + [(c, 2) for c in numbers] + [(c, 3) for c in marks] + [(c, 4) for c in spaces])
    decompositions = {ord(c): form for c, form in one_by_one(nfd).items() if ord(c) not in HANGUL and form != c}
    classes, pairs = combining_classes(decompositions), compositions(decompositions)
    self_check(decompositions, classes, pairs)
    parts, entries = [], []
    for c, decomposed in sorted(decompositions.items()):
        entries.append((c, len(parts), len(decomposed)))
        parts += map(ord, decomposed)
    arrays = [
        ("CodePointRange", "kCharacterClasses", classes_of, 8),
        ("CodePointRange", "kCombiningClasses", ranges(classes.items()), 8),
        ("Decomposition", "kDecompositions", entries, 8),
        ("char32_t", "kDecompositionParts", parts, 16),
        ("Composition", "kCompositions", [(first, second, c) for (first, second), c in sorted(pairs.items())], 8),
    ]
    head = "// SPDX-License-Identifier: Apache-2.0\n" + f"// Generated by scripts/unicode_tables.py from tokenizers {__version__}; do not edit.\n"
    head += '#include "../unicode.hpp"\n\n// clang-format off\nnamespace sinew::tokenizer {\n\n'
    body = ""
    for kind, name, values, per_line in arrays:
        body += f"static constexpr {kind} {name}Data[] = {{\n{rows(values, per_line)}\n}};\nconst std::span<const {kind}> {name}{{{name}Data}};\n\n"
    return head + body + "}  // namespace sinew::tokenizer\n"


if __name__ == "__main__":
    text = text_of()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if TARGET.read_text() == text else f"{TARGET} differs from what tokenizers {__version__} gives")
    TARGET.write_text(text)
