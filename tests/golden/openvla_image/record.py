# SPDX-License-Identifier: Apache-2.0
"""Records what OpenVLA-OFT's image functions make of some pictures, by running them.

Usage: record.py OPENVLA_OFT_CHECKOUT; needs tensorflow-cpu, Pillow and safetensors. Its functions are taken out of
experiments/robot/openvla_utils.py, because importing that file needs the whole model.
"""

import ast
import json
import pathlib
import subprocess
import sys

import numpy as np
import PIL
import tensorflow as tf
from PIL import Image
from safetensors.numpy import save_file

COMMIT = "213c5ff8d6e9673885d7e4dd6f2ce73b5d8a45db"
FILE = "experiments/robot/openvla_utils.py"
NAMES = ("resize_image_for_policy", "crop_and_resize", "center_crop_image")
SEED = 5001


def reference(checkout, size):
    """The functions, with the size of the policy's images as their global."""
    text = subprocess.run(["git", "-C", checkout, "show", f"{COMMIT}:{FILE}"], check=True, capture_output=True, text=True).stdout
    body = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name in NAMES]
    assert len(body) == len(NAMES)
    scope = {"np": np, "tf": tf, "Image": Image, "OPENVLA_IMAGE_SIZE": size}
    exec("from typing import *\n" + "\n".join(ast.unparse(node) for node in body), scope)  # noqa: S102
    return scope


def picture(rng, height, width):
    """Smooth waves, a hard edge and noise in a corner."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    image = np.stack([127 + 110 * np.sin(x / (6 + 2 * c) - y / (9 - c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 90)
    image[: height // 4, : width // 4] = rng.integers(0, 256, (height // 4, width // 4, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def main(checkout):
    rng = np.random.default_rng(SEED)
    tensors, cases = {}, {}
    for height, width, size in ((60, 80, 56), (48, 48, 56), (37, 91, 40), (256, 256, 224)):
        functions = reference(checkout, size)
        name = f"{height}x{width}_to_{size}"
        cases[name] = {"input_hw": [height, width], "size": size}
        image = picture(rng, height, width)
        resized = functions["resize_image_for_policy"](image, size)
        tensors[f"{name}.input"] = image
        tensors[f"{name}.resized"] = resized
        tensors[f"{name}.cropped"] = np.asarray(functions["center_crop_image"](resized))
        tensors[f"{name}.cropped_input"] = np.asarray(functions["center_crop_image"](image))
        bare = tf.image.resize(image, (size, size), method="lanczos3", antialias=True)
        tensors[f"{name}.lanczos3"] = tf.cast(tf.clip_by_value(tf.round(bare), 0, 255), tf.uint8).numpy()
    folder = pathlib.Path(__file__).parent
    save_file(tensors, folder / "cases.safetensors")
    document = {
        "area": "openvla_image",
        "case": "cases",
        "reference": [{"repo": "moojink/openvla-oft", "commit": COMMIT, "file": FILE, "function": " / ".join(NAMES)}],
        "versions": {"tensorflow": tf.__version__, "numpy": np.__version__, "pillow": PIL.__version__},
        "seed": SEED,
        "stubs": ["functions taken out of their file; OPENVLA_IMAGE_SIZE set to the size of the case"],
        "pins": "JPEG round trip (quality 95, 4:2:0, fast DCT), lanczos3 with antialias, rounding; centre crop of sqrt(0.9) per side, bilinear",
        "tolerance": {"levels": 1, "share_equal": 0.999},
        "cases": cases,
        "tensors": {
            "input": "uint8 [h, w, 3]",
            "resized": "resize_image_for_policy(input, size)",
            "lanczos3": "the same without the JPEG round trip",
            "cropped": "center_crop_image(resized)",
            "cropped_input": "center_crop_image(input)",
        },
    }
    (folder / "cases.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
