# SPDX-License-Identifier: Apache-2.0
"""What the tabletop's instructions are also called, in training and only in evaluation."""

CUBES, PLATES = ("red", "green", "blue"), ("yellow", "purple", "white")

# What an instruction is also called; those of HELD_OUT are for evaluation and never trained on.
PHRASES = {
    "put": (
        "put the {a} cube on the {b} plate",
        "place the {a} cube on the {b} plate",
        "move the {a} cube onto the {b} plate",
        "put the {a} block on the {b} plate",
        "pick up the {a} cube and put it on the {b} plate",
        "take the {a} block and place it onto the {b} plate",
    ),
    "stack": (
        "stack the {a} cube on the {b} cube",
        "put the {a} cube on top of the {b} cube",
        "place the {a} cube on the {b} cube",
        "stack the {a} block onto the {b} block",
    ),
    "push": (
        "push the {a} cube to the {b}",
        "slide the {a} cube to the {b}",
        "move the {a} cube to the {b}",
        "push the {a} block {b}",
    ),
}
HELD_OUT = {
    "put": ("set the {a} cube down on the {b} plate", "pick up the {a} block and move it onto the {b} plate", "the {a} cube goes on the {b} plate"),
    "stack": ("set the {a} cube on top of the {b} cube", "place the {a} block on top of the {b} block"),
    "push": ("shove the {a} cube to the {b}", "slide the {a} block {b}"),
}


def words_of(instruction):
    """("put" | "stack" | "push", a, b) of a canonical instruction."""
    for family, forms in PHRASES.items():
        words, form = instruction.split(), forms[0].split()
        if len(words) == len(form) and all(w == f or f in ("{a}", "{b}") for w, f in zip(words, form, strict=True)):
            return family, words[form.index("{a}")], words[form.index("{b}")]
    raise ValueError(instruction)


def canonical(text):
    """The instruction that a phrase of either table stands for; other texts as they are."""
    words = text.lower().strip(" .").split()
    for table in (PHRASES, HELD_OUT):
        for family, forms in table.items():
            for form in (form.split() for form in forms):
                if len(form) == len(words) and all(f in (w, "{a}", "{b}") for w, f in zip(words, form, strict=True)):
                    return PHRASES[family][0].format(a=words[form.index("{a}")], b=words[form.index("{b}")])
    return text


def phrases_of(instruction, table=None):
    """Texts for an instruction; of the training table, the canonical one three times."""
    family, a, b = words_of(instruction)
    forms = (PHRASES[family][:1] * 2 + PHRASES[family]) if table is None else table[family]
    return [form.format(a=a, b=b) for form in forms]


def known(families):
    from sinew import sim

    return [text for text in sim.known_instructions() if words_of(text)[0] in families]
