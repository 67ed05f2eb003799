# SPDX-License-Identifier: Apache-2.0
"""Reads built ELF files with readelf and says what a hardened build would have had: `check_hardening.py FILE...`.

`--self-test COMPILER` builds one small library without any of it, and one with all, and sees whether the difference is found.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def readelf(option, path):
    return subprocess.run(["readelf", "--wide", option, str(path)], check=True, capture_output=True, text=True).stdout


def faults_of(path):
    """What is missing, each in a few words."""
    segments, dynamic, symbols = (readelf(option, path) for option in ("--segments", "--dynamic", "--dyn-syms"))
    flags = " ".join(re.findall(r"\((?:FLAGS|FLAGS_1|BIND_NOW)\)(.*)", dynamic)) + ("NOW" if "(BIND_NOW)" in dynamic else "")
    stack = re.search(r"GNU_STACK\s+(?:\S+\s+){5}([RWE ]+?)\s+0x", segments)
    imported = set(re.findall(r"UND (\S+?)(?:@|\s|$)", symbols))
    faults = []
    if "GNU_RELRO" not in segments:
        faults.append("no part that is read-only after loading (-z relro)")
    if not re.search(r"\bNOW\b", flags):
        faults.append("symbols bound while it runs (-z now)")
    if stack is None or "E" in stack[1]:
        faults.append("an executable stack (-z noexecstack)")
    if re.search(r"^\s+LOAD\s.*\sRWE\s", segments, re.M):
        faults.append("memory that is writable and executable")
    if "(TEXTREL)" in dynamic:
        faults.append("code that is changed while loading")
    if "Elf file type is DYN" not in segments:
        faults.append("a fixed address (-pie)")
    if "__stack_chk_fail" not in imported:
        faults.append("no guarded stack (-fstack-protector-strong)")
    if not any(re.fullmatch(r"__\w+_chk", name) for name in imported - {"__stack_chk_fail"}):
        faults.append("no checked library call (-D_FORTIFY_SOURCE)")
    if not any("__glibcxx_assert_fail" in name or "__libcpp_verbose_abort" in name for name in imported):
        faults.append("no checked index (-D_GLIBCXX_ASSERTIONS)")
    return faults


PROGRAM = """#include <cstdio>
#include <cstring>
#include <vector>
extern "C" int use(const char* text, std::vector<int>& values, std::size_t i) {
  char copy[64];
  std::strcpy(copy, text);
  return std::printf("%s", copy) + values[i];
}
"""


def self_test(compiler):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "use.cpp"
        source.write_text(PROGRAM)
        common = [compiler, "-std=c++20", "-O2", "-shared", "-fPIC", str(source)]
        hard = ["-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-D_GLIBCXX_ASSERTIONS", "-Wl,-z,relro,-z,now,-z,noexecstack"]
        soft = ["-fno-stack-protector", "-U_FORTIFY_SOURCE", "-U_GLIBCXX_ASSERTIONS", "-Wl,-z,norelro,-z,lazy,-z,execstack"]
        found = {}
        for name, options in (("hard", hard), ("soft", soft)):
            library = Path(folder) / f"{name}.so"
            subprocess.run([*common, *options, "-o", str(library)], check=True)
            found[name] = faults_of(library)
        source.write_text("int main() {}\n")
        program = Path(folder) / "program"
        subprocess.run([compiler, str(source), "-fno-pie", "-no-pie", "-o", str(program)], check=True)
        found["program"] = faults_of(program)
    print(found)
    if found["hard"] or len(found["soft"]) != 6 or not any("-pie" in fault for fault in found["program"]):
        raise SystemExit("the check does not tell a hardened library from one that is not")


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        return self_test(arguments[1])
    faults = [f"{path}: {fault}" for path in arguments for fault in faults_of(path)]
    print("\n".join(faults) or f"{len(arguments)} files are hardened")
    raise SystemExit(1 if faults or not arguments else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
