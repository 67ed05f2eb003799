# SPDX-License-Identifier: Apache-2.0
"""Prompts against recorded ones, against jinja's rendering of the chat templates, and against the references' rules written in Python."""

import re
import unicodedata

import numpy as np
import pytest
import sentencepiece
from transformers.utils.chat_template_utils import render_jinja_template

import sinew
from golden import read as golden
from sinew import observation as obs

VLA = dict(robot_tag="ALOHA", arms="dual arms", fps=30, chunk_size=50)
V01 = "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions."


# --- recorded -----------------------------------------------------------------------------------------------------------


@pytest.mark.golden
@pytest.mark.parametrize(
    "key, template, fields",
    [
        ("pi05", "pi05", {}),
        ("pi05_no_state", "pi05", {"state_bins": False}),
        ("pi0_fast", "pi0_fast_lerobot", {}),
        ("pi0_newline", "pi0", {}),
        ("smolvla_newline", "smolvla", {}),
    ],
)
def test_prompts_equal_those_of_lerobot(key, template, fields):
    tensors, case = golden("lerobot_misc/prompts")
    assert len(case["tasks"]) == len(case["prompts"][key]) == len(tensors["state"]) > 0
    for task, state, want in zip(case["tasks"], tensors["state"], case["prompts"][key]):
        assert obs.prompt(template, instruction=task, state=state, **fields) == want


@pytest.mark.golden
def test_a_newline_that_is_there_already_is_not_doubled():
    _, case = golden("lerobot_misc/prompts")
    for template in ("pi0", "smolvla"):
        for want in case["prompts"][f"{template}_newline_already"]:
            assert obs.prompt(template, instruction=want) == want


@pytest.mark.golden
def test_tokens_of_prompts_equal_those_of_openpi():
    tensors, case = golden("openpi/prompt_tokens")
    pieces = sentencepiece.SentencePieceProcessor(model_proto=tensors["sentencepiece_model"].tobytes())
    compared = 0
    for entry in case["pi"] + [e for e in case["fast"] if not e["with_actions"]]:
        template = "pi0_fast_openpi" if "with_actions" in entry else "pi05" if entry["with_state"] else "pi0_openpi"
        text = obs.prompt(template, instruction=entry["prompt"], state=None if template == "pi0_openpi" else tensors["state"])
        want = [token for token, used in zip(entry["tokens"], entry["mask"]) if used]
        assert pieces.encode(text, add_bos=True)[: entry["max_len"]] == want, (template, entry["prompt"])
        compared += 1
    assert compared == len(case["pi"]) + len(case["fast"]) // 2 > 0


@pytest.mark.golden
def test_the_state_in_text_equals_that_of_starvla():
    tensors, case = golden("starvla_pi_v3/state_text")
    assert len(tensors["state"]) == len(case["instructions_in"]) > 0
    for instruction, state, want in zip(case["instructions_in"], tensors["state"], case["instructions_to_vlm"]):
        assert obs.prompt("starvla", state_bins=True, instruction=instruction, state=state[0]) == want


# --- the chat templates' rules, rendered by jinja as transformers does ------------------------------------------------------

CONTENT = (
    "{%- macro show(content) %}{% if content is string %}{{ content }}{% else %}{% for part in content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{% endmacro %}"
)
PLAIN_TURNS = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + show(m.content) + '<|im_end|>\\n' }}{% endfor %}"
CHATS = {
    "qwen2_5_vl": CONTENT
    + "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    + PLAIN_TURNS
    + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "qwen3_vl": CONTENT + PLAIN_TURNS + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "qwen3_5": CONTENT
    + PLAIN_TURNS.replace("show(m.content)", "show(m.content)|trim")
    + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}"
    + "{% if enable_thinking is defined and enable_thinking is false %}{{ '\\n</think>\\n\\n' }}{% endif %}{% endif %}",
}
CHATS["qwen2_vl"] = CHATS["qwen2_5_vl"]


def rendered(family, text, images, system=None, generation_prompt=True, **switches):
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": [{"type": "image"}] * images + [{"type": "text", "text": text}]})
    return render_jinja_template([messages], chat_template=CHATS[family], add_generation_prompt=generation_prompt, **switches)[0][0]


@pytest.mark.parametrize("family", CHATS)
@pytest.mark.parametrize("images", [0, 1, 3])
@pytest.mark.parametrize("text", ["wave", " \n wave \t\u2003", "\u00a0", "", "Öffne\ndie Tür\n"])
def test_chats_equal_what_jinja_renders(family, images, text):
    assert obs.prompt("qwen_chat", family=family, instruction=text, images=images) == rendered(family, text, images)
    assert obs.prompt("qwen_chat", family=family, instruction=text, images=images, system=" Be brief. ") == rendered(
        family, text, images, system=" Be brief. ".strip() if family == "qwen3_5" else " Be brief. "
    )
    assert obs.prompt("qwen_chat", family=family, instruction=text, images=images, generation_prompt=False) == rendered(
        family, text, images, generation_prompt=False
    )
    if family == "qwen3_5":
        for thinking in (True, False):
            got = obs.prompt("qwen_chat", family=family, instruction=text, images=images, enable_thinking=thinking)
            assert got == rendered(family, text, images, enable_thinking=thinking)


@pytest.mark.parametrize("family", CHATS)
@pytest.mark.parametrize(
    "template, fields",
    [
        ("qwen_vla", VLA),
        ("robotmanip", {"camera_view_direction": "arm side", "fps": 30}),
        ("starvla", {"chunk_size": 4, "state_bins": True, "cot_prompt": " Your task is {instruction}. Look. \n"}),
        ("groot", {}),
    ],
)
def test_a_chat_wraps_the_text_of_its_template(family, template, fields):
    text = obs.prompt(template, instruction="Fold the towel ", state=[0.5], **fields)
    assert obs.prompt(template, instruction="Fold the towel ", state=[0.5], chat=family, images=2, **fields) == rendered(family, text, 2)


# --- the references' rules, in Python ---------------------------------------------------------------------------------------


def bins(state):
    return " ".join(map(str, np.digitize(np.asarray(state), bins=np.linspace(-1, 1, 256 + 1)[:-1]) - 1))


def clean(text):
    return text.strip().replace("_", " ").replace("\n", " ")


def padded(state):
    return np.concatenate([state, np.zeros(max(0, 32 - len(state)), state.dtype)])


RULES = {
    "pi0": lambda text, state: text if text.endswith("\n") else text + "\n",
    "smolvla": lambda text, state: text if text.endswith("\n") else text + "\n",
    "pi0_openpi": lambda text, state: clean(text) + "\n",
    "pi05": lambda text, state: f"Task: {clean(text)}, State: {bins(state)};\nAction: ",
    "pi05_lerobot04": lambda text, state: f"Task: {clean(text)}, State: {bins(padded(state))};\nAction: ",
    "pi0_fast_openpi": lambda text, state: f"Task: {text.lower().strip().replace('_', ' ')}, State: {bins(state)};\n",
    "pi0_fast_lerobot": lambda text, state: f"Task: {clean(text)}, State: {bins(state)};\n",
    "openvla": lambda text, state: f"In: What action should the robot take to {text.lower()}?\nOut:",
    "groot": lambda text, state: re.sub(r"[^\w\s]", "", text.lower()),
    "instruction": lambda text, state: text,
}


@pytest.mark.parametrize("template", RULES)
def test_prompts_equal_the_references_rules_on_random_texts_and_states(template):
    rng = np.random.default_rng(1)
    letters = list("abc XYZ_\n\r\t.,?!-'\u00a0\u3000\u0085\u200b\u2028ÄßİıΣσςÅ\u0307\u00ad𝐀𐐀ǅﬁ½Ⅷ٣你🔍") + ["\x1c", "Σ", "_"]
    for _ in range(2000):
        text = "".join(rng.choice(letters, rng.integers(0, 24)))
        state = rng.uniform(-1.2, 1.2, rng.integers(1, 40)).astype(rng.choice([np.float32, np.float64]))
        state[rng.integers(len(state))] = rng.integers(-130, 131) / 128  # an edge
        assert obs.prompt(template, instruction=text, state=state) == RULES[template](text, state), (text, state)


def test_images_are_counted_or_named():
    chat = dict(family="qwen3_vl", instruction="x")
    want = obs.prompt("qwen_chat", images=2, **chat)
    for images in (np.int64(2), ["a", "b"], ("a", ("b", 1)), [("a", np.int64(0)), ["b", 1][0]]):
        assert obs.prompt("qwen_chat", images=images, **chat) == want
    tagged = obs.prompt("qwen_vla", instruction="x", chat="qwen3_5", view_tags=True, images=["ego"], **VLA)
    assert tagged.startswith("<|im_start|>user\n<ego><|vision_start|><|image_pad|><|vision_end|></ego>The robot is ALOHA with dual arms.")


def test_openvla_v01():
    assert obs.prompt("openvla", v01=True, instruction="Wave.") == f"{V01} USER: What action should the robot take to wave.? ASSISTANT:"


@pytest.mark.parametrize("k", [1, 8])
def test_starvla_oft_suffix_and_frame(k):
    cot = "Your task is {instruction}. To identify the key objects for your task. Locate their bounding boxes in [x1,y1,x2,y2] format."
    state = np.float32([-1.5, 0.25])
    text = f"pick up [STATE] {bins(state)} [ACTION] Please predict the next {k} robot actions: <action>{'🔍' * k}<action>."
    assert obs.prompt("starvla", instruction="pick up", state=state, state_bins=True, chunk_size=k) == text
    got = obs.prompt("starvla", instruction="pick up", state=state, state_bins=True, chunk_size=k, cot_prompt=cot)
    assert got == cot.replace("{instruction}", text)


def test_lower_case_and_word_characters_are_pythons_for_every_character():
    """Each alone, and around a capital sigma, whose lower case its neighbours decide."""
    characters = [c for c in map(chr, range(0x110000)) if not 0xD800 <= ord(c) < 0xE000 and not c.isspace()]
    lines = [f"{c} A{c}Σ{c}B {c}Σ" for c in characters]
    lower = obs.prompt("openvla", instruction="\n".join(lines))[len("In: What action should the robot take to ") : -len("?\nOut:")].split("\n")
    formal = obs.prompt("groot", instruction="\n".join(lines)).split("\n")
    assert len(lower) == len(formal) == len(lines)
    other = [c for c, line, got in zip(characters, lines, lower) if got != line.lower()]
    other += [c for c, line, got in zip(characters, lines, formal) if got != re.sub(r"[^\w\s]", "", line.lower())]
    if unicodedata.unidata_version == "14.0.0":
        assert not other
    else:  # a newer Python knows characters that the tables take for unassigned
        assert all(obs.prompt("groot", instruction=c) == "" for c in other)


def test_white_space_is_pythons_for_every_character():
    spaces = [c for c in map(chr, range(0x110000)) if c.isspace()]
    assert len(spaces) > 20
    for c in spaces:
        assert obs.prompt("pi05", instruction=f"{c}x{c}", state_bins=False) == "Task: x;\nAction: "
    others = "".join(c for c in map(chr, range(0x3100)) if not c.isspace() and c != "_")
    for i in range(0, len(others), 2):
        assert obs.prompt("pi05", instruction=others[i : i + 2], state_bins=False) == f"Task: {others[i : i + 2]};\nAction: "


# --- navigation, misuse ----------------------------------------------------------------------------------------------------


def test_robotnav_serialises_frames_as_published():
    frames = [(view, step) for step in range(2) for view in ("front", "front_right")]
    want = "Time step 0 Front View <image> Front Right View <image> Time step 1 Front View <image> Front Right View <image> "
    for embodiment, preamble in [("robot", "robot programmed for navigation tasks"), ("car", "car programmed for autonomous driving")]:
        got = obs.prompt("robotnav", task="objnav", embodiment=embodiment, instruction="bed", images=frames)
        assert got == f"Imagine you are a {preamble}. {want}navigate to the bed"
    got = obs.prompt("robotnav", task="vln", chat="qwen3_vl", instruction="Go.", images=frames)
    assert got.count("<|vision_start|><|image_pad|><|vision_end|>") == len(frames) and "<image>" not in got
    for angle in range(-170, 181, 10):
        target = 3 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
        got = obs.prompt("robotnav", task="pointnav", target_from_state=True, instruction="", state=target, images=["front"])
        turn = f"Turn {'left' if angle > 0 else 'right'} {abs(angle)} degrees. " if angle else ""
        assert got.endswith(f"Front View <image> {turn}Move forward 3.0 meters.")


@pytest.mark.parametrize(
    "template, fields, text",
    [
        ("pi5", {"instruction": "x"}, "did you mean 'pi0'|did you mean 'pi05'"),
        ("pi05", {"instruction": "x"}, "state"),
        ("pi05", {"instruction": "x", "state": [np.nan]}, "not_finite"),
        ("pi05", {"instruction": "x", "state": [[1.0]]}, "a sequence of numbers"),
        ("pi05", {"instruction": "x", "state": "abc"}, "a sequence of numbers"),
        ("pi05", {"instruction": "\ud800", "state": [1.0]}, "UTF-8"),
        ("qwen_chat", {"instruction": "x"}, "family"),
        ("qwen_chat", {"instruction": "<|image_pad|>", "family": "qwen3_vl"}, "out_of_range"),
        ("qwen_chat", {"instruction": "x", "family": "qwen3_vl", "images": -1}, "images"),
        ("qwen_chat", {"instruction": "x", "family": "qwen3_vl", "images": "front"}, "images"),
        ("qwen_chat", {"instruction": "x", "family": "qwen3_vl", "images": [1.5]}, "view names"),
        ("qwen_chat", {"instruction": "x", "family": "qwen3_vl", "images": 2, "view_tags": True}, "missing"),
        ("robotnav", {"instruction": "x", "task": "vln"}, "images"),
    ],
)
def test_prompt_refuses(template, fields, text):
    with pytest.raises(sinew.Error, match=text):
        obs.prompt(template, **fields)


def test_prompt_texts():
    assert obs.prompt("instruction", instruction="wave") == "wave"
    assert obs.prompt("qwen_vla", robot_tag="ALOHA", arms="dual arms", fps=30, chunk_size=50, waist=True, instruction="fold the towel") == (
        "The robot is ALOHA with dual arms, waist. The control frequency is 30 Hz. Please predict the next 50 control actions to execute "
        "the following task: fold the towel."
    )
    assert obs.prompt("robotmanip", embodiment="robot_aloha", speed=1000, fps=30.0, camera_view_direction="arm side", instruction="räume auf") == (
        "embodiment: robot_aloha\ninstruction: räume auf\nspeed: 1000\nfps: 30\ncamera view direction: arm side"
    )


@pytest.mark.parametrize(
    "template, fields, text",
    [
        ("qwen_vl", {"instruction": "x"}, "did you mean 'qwen_vla'"),
        ("instruction", {}, "'instruction'"),
        ("qwen_vla", {"robot_tag": "A", "arms": "dual arms", "fps": 30, "instruction": "x"}, "chunk_size"),
        ("robotmanip", {"camera_view_direction": "arm side", "instruction": "a\nb"}, "out_of_range"),
    ],
)
def test_prompt_refuses(template, fields, text):
    with pytest.raises(sinew.Error, match=text):
        obs.prompt(template, **fields)


@pytest.mark.parametrize("instruction", [None, b"pick", ["a", "b"], 3])
def test_prompt_takes_text_alone_for_an_instruction(instruction):
    with pytest.raises(sinew.Error, match="instruction"):
        obs.prompt("pi0", instruction=instruction)
