# SPDX-License-Identifier: Apache-2.0
"""Text that is not quite JSON, or more of it than anyone needs."""


def files():
    for name, content in _texts().items():
        yield f"json/{name}.json", content


def _texts():
    return {
        "good": '{"a": [1, 2.5, -0.0, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}}',
        "empty": "",
        "white_space_only": " \t\r\n",
        # Encodings.
        "byte_order_mark": b'\xef\xbb\xbf{"a": 1}',
        "utf16": '{"a": 1}'.encode("utf-16"),
        "overlong_utf8": b'{"a": "\xc0\xaf"}',
        "surrogate_in_utf8": b'{"a": "\xed\xa0\x80"}',
        "beyond_unicode": b'{"a": "\xf4\x90\x80\x80"}',
        "cut_character": b'{"a": "\xe2\x82',
        "latin1": b'{"a": "\xe9"}',
        # Control characters.
        "nul_hides_the_rest": b'{"a": 1}\x00{"a": 2}',
        "escape_byte_in_text": b'{"a": "\x1b[2J"}',
        "line_feed_in_text": '{"a": "x\ny"}',
        # Escapes.
        "lone_high_surrogate": '{"a": "\\ud800"}',
        "lone_low_surrogate": '{"a": "\\udc00"}',
        "surrogate_and_letter": '{"a": "\\ud800\\u0041"}',
        "unknown_escape": '{"a": "\\x41"}',
        "short_hex_escape": '{"a": "\\u12"}',
        # Depth and size.
        "depth_33": "[" * 33 + "]" * 33,
        "depth_200000": "[" * 200_000,
        "depth_of_objects": '{"a":' * 100_000,
        "too_large": b" " * ((1 << 20) + 1),
        # Keys.
        "duplicate_key": '{"a": 1, "a": 2}',
        "duplicate_key_by_escape": '{"a": 1, "\\u0061": 2}',
        "duplicate_empty_key": '{"": 1, "": 2}',
        "duplicate_long_key": '{"%s": 1, "%s": 2}' % ("k" * 100_000, "k" * 100_000),
        "duplicate_key_of_escape_codes": '{"\\u001b]0;x\\u0007": 1, "\\u001b]0;x\\u0007": 2}',
        "number_as_key": "{1: 2}",
        "key_without_quotes": "{a: 1}",
        # Numbers.
        "nan": '{"a": NaN}',
        "infinity": '{"a": -Infinity}',
        "beyond_double": '{"a": 1e400}',
        "vanishing_double": '{"a": 1e-400}',
        "integer_2_63": '{"a": 9223372036854775808}',
        "integer_of_1000_digits": '{"a": ' + "9" * 1000 + "}",
        "leading_zero": '{"a": 01}',
        "plus_sign": '{"a": +1}',
        "hexadecimal": '{"a": 0x10}',
        "point_without_digits": '{"a": 1.}',
        "exponent_without_digits": '{"a": 1e}',
        "minus_alone": '{"a": -}',
        # Syntax.
        "trailing_comma": "[1, 2, ]",
        "comma_alone": "[,]",
        "comment": '{"a": 1 /* one */}',
        "single_quotes": "{'a': 1}",
        "missing_colon": '{"a" 1}',
        "two_documents": '{"a": 1} {"b": 2}',
        "mixed_brackets": '{"a": [1}',
        "python_literal": '{"a": True}',
        # Cut at each kind of place.
        "cut_in_text": '{"a": "bc',
        "cut_in_escape": '{"a": "\\u00',
        "cut_behind_key": '{"a"',
        "cut_behind_colon": '{"a":',
        "cut_in_literal": '{"a": tru',
        "cut_behind_comma": '{"a": 1,',
    }
