# SPDX-License-Identifier: Apache-2.0
"""The libraries that bench_observation is compared with: `python baselines.py FOLDER` answers its requests, a line each, on standard output.

"open ID" prepares a baseline and answers its name; "run ID N" does its work N times and answers the seconds; "write ID ENTRY PATH" writes
what it makes of one entry of its pool of inputs; "build" writes the Qwen vocabulary as FOLDER/tokenizer.json. Answers are "ok ..." or the
reason why not. Inputs are the files that the program wrote into FOLDER.
"""

import os

# Before the libraries are loaded: everything here is timed with one thread.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import importlib.metadata
import pathlib
import re
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])
VOCABULARY = FOLDER / "tokenizer.json"
WARM_BELOW = 0.001  # s: shorter calls are preceded by one that does not count, for the other process had the core and its caches


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def frames(height, width):
    """The pool of pairs of camera frames, [pairs, 2, height, width, 3]."""
    return np.fromfile(FOLDER / f"frames_{height}x{width}", np.uint8).reshape(-1, 2, height, width, 3)


def texts(name):
    return (FOLDER / name).read_text(encoding="utf-8").split("\0")


class Baseline:
    """Work in one or several ways, the fastest of which counts. A way takes the number of an entry of the pool."""

    def __init__(self, name, entries, ways, to_bytes):
        self.entries, self.to_bytes, self.next, self.last = entries, to_bytes, 0, 0.0
        self.way = None
        best = {}
        for label, self.way in ways.items():
            self.run(1)
            best[label] = min(self.run(1) for _ in range(5))
        label = min(best, key=best.get)
        self.way = ways[label]
        self.name = f"{name} ({label})" if len(ways) > 1 else name

    def run(self, times):
        way, entries = self.way, self.entries
        first = self.next
        self.next = (first + times) % entries
        if self.last < WARM_BELOW:
            way(self.next)
        start = time.perf_counter()
        for i in range(first, first + times):
            way(i % entries)
        seconds = time.perf_counter() - start
        self.last = seconds / times
        return seconds


def qwen_processor(generation):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    if generation == "qwen2_vl":
        return Qwen2VLImageProcessorPil()
    size = {"shortest_edge": 65536, "longest_edge": 16777216}
    return Qwen2VLImageProcessorPil(patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3, size=size)


def patches(generation, height, width):
    from PIL import Image

    processor = qwen_processor(generation)
    arrays = [list(pair) for pair in frames(height, width)]
    pictures = [[Image.fromarray(image) for image in pair] for pair in arrays]
    ways = {
        "NumPy arrays": lambda i: processor(images=arrays[i], return_tensors="np"),
        "PIL images": lambda i: processor(images=pictures[i], return_tensors="np"),
    }
    return Baseline(f"{version('transformers')} Qwen2VLImageProcessorPil", len(arrays), ways, lambda out: out["pixel_values"].tobytes())


def pillow_resize(name):
    from PIL import Image

    rule = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[name]
    pictures = [Image.fromarray(image) for image in frames(480, 640)[:, 0]]
    return Baseline(version("Pillow"), len(pictures), {"": lambda i: pictures[i].resize((224, 224), rule)}, lambda out: out.tobytes())


def openpi_fit():
    from openpi_client import image_tools

    pairs = frames(480, 640)
    ways = {
        "batch": lambda i: image_tools.resize_with_pad(pairs[i], 224, 224),
        "image by image": lambda i: np.stack([image_tools.resize_with_pad(image, 224, 224) for image in pairs[i]]),
    }
    return Baseline(f"{version('openpi-client')} resize_with_pad", len(pairs), ways, lambda out: out.tobytes())


def load_tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(VOCABULARY))


def encode_prompts(name):
    tokenizer, prompts = load_tokenizer(), texts(name)
    ways = {
        "encode": lambda i: tokenizer.encode(prompts[i], add_special_tokens=False).ids,
        "encode_batch_fast": lambda i: tokenizer.encode_batch_fast([prompts[i]], add_special_tokens=False)[0].ids,
    }
    return Baseline(version("tokenizers"), len(prompts), ways, lambda ids: np.array(ids, np.int32).tobytes())


def load_vocabulary():
    (prompt,) = texts("prompt")
    load_tokenizer()
    ids = lambda tokenizer: np.array(tokenizer.encode(prompt, add_special_tokens=False).ids, np.int32).tobytes()
    return Baseline(version("tokenizers"), 1, {"": lambda _: load_tokenizer()}, ids)


class Instructions:
    """What both observations of O6 share: the instruction in its chat as ids, and the state."""

    def __init__(self):
        self.tokenizer = load_tokenizer()
        self.instructions = texts("instructions")
        q01, q99, *states = np.fromfile(FOLDER / "states", np.float64).reshape(len(self.instructions) + 2, -1)
        self.q01, self.scale, self.states = q01, 2 / (q99 - q01), states

    def encode(self, entry, slots):
        text = re.sub(r"[^\w\s]", "", self.instructions[entry].lower())
        chat = f"<|im_start|>user\n{slots}{text}<|im_end|>\n<|im_start|>assistant\n"
        ids = np.array(self.tokenizer.encode(chat, add_special_tokens=False).ids, np.int64)
        state = np.clip((self.states[entry] - self.q01) * self.scale - 1, -1, 1).astype(np.float32)
        return ids, np.ones_like(ids), state


def slots(tokens):
    return 2 * f"<|vision_start|>{'<|image_pad|>' * tokens}<|vision_end|>"


def groot_observation():
    """The steps of LeRobot's _transform_n1_7_image_for_vlm_torch with PyTorch alone, both cameras as one batch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    pairs, rest = frames(480, 640), Instructions()
    resize = lambda tensor: functional.interpolate(tensor, size=(256, 256), mode="bicubic", antialias=True, align_corners=False)

    def encode(i, layout):
        images = torch.from_numpy(pairs[i]).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        images = resize(functional.pad(images, (0, 0, 80, 80)))[..., 13:243, 13:243]
        return (resize(images).contiguous().numpy(), *rest.encode(i, slots(1)))

    ways = {"channels last": lambda i: encode(i, torch.channels_last), "channels first": lambda i: encode(i, torch.contiguous_format)}
    name = f"{version('torch')} interpolate, {version('tokenizers')} and NumPy, composed"
    return Baseline(name, len(pairs), ways, lambda parts: b"".join(part.tobytes() for part in parts))


def qwen_observation():
    processor, pairs, rest = qwen_processor("qwen3_vl"), [list(pair) for pair in frames(480, 640)], Instructions()

    def encode(i):
        images = processor(images=pairs[i], return_tensors="np")
        return (images["pixel_values"], images["image_grid_thw"], *rest.encode(i, slots(300)))

    name = f"{version('transformers')} Qwen2VLImageProcessorPil, {version('tokenizers')} and NumPy, composed"
    return Baseline(name, len(pairs), {"": encode}, lambda parts: b"".join(part.tobytes() for part in parts))


MAKERS = {
    "O1/qwen2_vl": lambda: patches("qwen2_vl", 480, 640),
    "O1/qwen3_vl": lambda: patches("qwen3_vl", 480, 640),
    "O2/qwen2_vl": lambda: patches("qwen2_vl", 224, 224),
    "O2/qwen3_vl": lambda: patches("qwen3_vl", 224, 224),
    "O3/bilinear": lambda: pillow_resize("bilinear"),
    "O3/bicubic": lambda: pillow_resize("bicubic"),
    "O4/openpi": openpi_fit,
    "O5/chat": lambda: encode_prompts("prompt"),
    "O5/varied": lambda: encode_prompts("prompts"),
    "O6/groot_n17": groot_observation,
    "O6/qwen3_vl": qwen_observation,
    "O7/qwen": load_vocabulary,
}


def build():
    """Rebuilds the vocabulary from a package, as the tests of the tokenizer do."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python/tests"))
    import tokenizer_reference

    tokenizer_reference.qwen_tokenizer().save(str(VOCABULARY))
    return str(VOCABULARY)


def answer(opened, words):
    global np
    import numpy as np  # here, so that its absence is an answer too

    match words:
        case ["build"]:
            return build()
        case ["open", name]:
            if name not in opened:
                opened[name] = MAKERS[name]()
            return opened[name].name
        case ["run", name, times]:
            return repr(opened[name].run(int(times)))
        case ["write", name, entry, path]:
            baseline = opened[name]
            pathlib.Path(path).write_bytes(baseline.to_bytes(baseline.way(int(entry))))
            return path
    raise ValueError(f"unknown request {words}")


def main():
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no reply
    opened = {}
    for line in sys.stdin:
        try:
            reply = "ok " + answer(opened, line.split())
        except Exception as error:  # an absent package, for one: the row says so
            reply = f"{type(error).__name__}: {error}"
        print(" ".join(reply.split()), file=replies, flush=True)


if __name__ == "__main__":
    main()
