# SPDX-License-Identifier: Apache-2.0
"""Instructions to token ids through a policy directory's own encoder: with the words of each embodiment, and without its name."""

import json
import tempfile
from pathlib import Path

import numpy as np

import sinew
from sinew import observation
from sinew._errors import error

_SENTENCE = "The control frequency is"  # of qwen_vla's prompt, behind the one that names the robot
_CHAT = ("system", "generation_prompt", "enable_thinking", "view_tags")


def without_embodiment(prompt):
    """(prompt, function of an instruction): what a card says instead so that its prompt does not name the embodiment, and what is then passed as
    instruction. Raises sinew.Error for a prompt that does not name one."""
    fields = prompt["fields"]
    if prompt["name"] == "robotmanip" and "embodiment" in fields:
        return prompt | {"fields": {name: value for name, value in fields.items() if name != "embodiment"}}, lambda text: text
    if prompt["name"] != "qwen_vla":
        raise error("unsupported", "train", "embodiment dropout", "a prompt 'qwen_vla', or 'robotmanip' with an embodiment", f"'{prompt['name']}' without one")
    own = {name: value for name, value in fields.items() if name != "chat" and name not in _CHAT}

    def rest(text):
        sentences = observation.prompt("qwen_vla", instruction=text, **own)
        return sentences[sentences.index(_SENTENCE, len("The robot is " + fields["robot_tag"])) :]

    if "chat" not in fields:
        return prompt | {"name": "instruction", "fields": {}}, rest
    return prompt | {"name": "qwen_chat", "fields": {name: fields[name] for name in _CHAT if name in fields} | {"family": fields["chat"]}}, rest


class Prompts:
    """Of a policy directory. embodiments: those of samples (samples.Samples.embodiments); frames: [height, width, 3] of each camera."""

    def __init__(self, directory, embodiments, frames):
        self._directory, self._embodiments = Path(directory), embodiments
        self._card = json.loads((self._directory / "sinew.json").read_text())
        self._frame = np.zeros(frames, np.uint8)
        self._encoders, self._encoded = {}, {}

    def encode(self, text, embodiment=0, named=True):
        """(ids [n], positions [3, n]) int64 of an instruction."""
        key = (text, embodiment, named)
        if key not in self._encoded:
            encoder, worded = self._encoder(embodiment, named)
            tensors = encoder.encode(self._observation(worded(text)))
            self._encoded[key] = tensors["input_ids"].astype(np.int64), tensors["position_ids"].astype(np.int64)
        return self._encoded[key]

    def _observation(self, text):
        state = {channel["name"]: (np.zeros(channel["size"]), 0.0, channel["unit"]) for channel in self._card["state"]["channels"]}
        for values, _, unit in state.values():
            if unit.endswith("quat_wxyz"):
                values[-4] = 1.0
        return sinew.Observation({c["name"]: (self._frame, 0.0) for c in self._card["cameras"]}, state, text, time=0.0)

    def _encoder(self, embodiment, named):
        if (embodiment, named) not in self._encoders:
            fields = self._embodiments[embodiment]["prompt"]
            prompt = self._card["prompt"] if fields is None else self._card["prompt"] | {"fields": fields}
            prompt, worded = (prompt, lambda text: text) if named else without_embodiment(prompt)
            self._encoders[embodiment, named] = self._load(prompt), worded
        return self._encoders[embodiment, named]

    def _load(self, prompt):
        """The directory's encoder, but with this prompt."""
        if prompt == self._card["prompt"]:
            return observation.VlaEncoder.from_directory(str(self._directory))
        with tempfile.TemporaryDirectory() as folder:
            for name in (self._card["statistics"]["file"], self._card["text"]["tokenizer"], "preprocessor_config.json"):
                (Path(folder) / name).symlink_to((self._directory / name).resolve())
            (Path(folder) / "sinew.json").write_text(json.dumps(self._card | {"prompt": prompt}))
            return observation.VlaEncoder.from_directory(folder)
