# SPDX-License-Identifier: Apache-2.0
"""Who may include whom (docs/architecture.md), who may name a third party, what a library must not do, what an example may be."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
middle = {"observation", "action", "kinematics", "motion", "record", "backend"}
may = {folder: {folder, "io", "core"} for folder in middle | {"nn"}} | {"core": {"core"}, "io": {"io", "core"}}
may["motion"] |= {"kinematics"}
may["action"] |= {"kinematics/rotation.hpp"}
may["runtime"] = middle | {"io", "core", "runtime"}
may |= {above: may["runtime"] | {above} for above in ("sim", "data", "serve")}
may["backend"] |= {"nn"}
only = {r"\bmj[vr]?_\w+\(|\bmj[MDV]\w+\b|[<\"]mujoco/": "sim", r"\b(at|c10|torch)::|[<\"](ATen|c10|torch)/": "backend/torch", r"[<\"](boost/|zmq)": ("backend/remote", "serve")}
never = r"std::(cout|cerr|clog)|\b(f|std::)?printf\(|fmt::print|\bputs\(|\bgetenv\("
faults = []
for path in sorted(p for top in ("include/sinew", "src") for p in (root / top).rglob("*.[chi][pn][pl]")):
    folder = str(path.relative_to(root / ("src" if path.is_relative_to(root / "src") else "include/sinew")).parent)
    text = re.sub(r"//.*", "", path.read_text())
    allowed = may.get(folder, may.get(folder.split("/")[0]))
    for inner in re.findall(r'#include [<"]sinew/([^">]+)', text):
        if folder not in (".", "testing") and not any(inner == a or inner.startswith(a + "/") for a in allowed or ()):
            faults.append(f"{path}: {folder} may not include {inner}")
    faults += [f"{path}: only {home} may name {m[0]}" for rule, home in only.items() for m in [re.search(rule, text)] if m and not folder.startswith(home)]
    faults += [f"{path}: a library does not call {m[0]}" for m in [re.search(never, text)] if m]
for path in (p for top in "cmake include src tools python tests examples benchmarks scripts".split() for p in (root / top).rglob("*")):
    if re.search(r"(\.[chi][pn][pl]|\.py|\.cmake|CMakeLists\.txt)$", path.name) and "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]:
        faults.append(f"{path}: no SPDX line")
for path in (root / "tests").rglob("*_test.cpp"):
    lists = [folder / "CMakeLists.txt" for folder in path.parents if folder.is_relative_to(root / "tests")]
    if not any(re.search(rf"\b{path.stem.removesuffix('_test')}\b|\b{path.stem}\b", each.read_text()) for each in lists if each.exists()):
        faults.append(f"{path}: no CMakeLists.txt names it")
examples = set((root / "examples").glob("[0-9][0-9]_*.*"))
for path in sorted(examples):
    if (lines := path.read_text().count("\n")) > 80:
        faults.append(f"{path}: {lines} lines; an example has at most 80")
    for twin in (path.with_suffix(".cpp"), path.with_suffix(".py")):
        if twin not in examples and path.stem != "09_train_adapt":  # training is PyTorch's, in Python alone
            faults.append(f"{path}: {twin.name} is missing; an example exists in C++ and in Python")
print("\n".join(faults) or "layers are kept")
sys.exit(bool(faults))
