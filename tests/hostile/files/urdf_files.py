# SPDX-License-Identifier: Apache-2.0
"""Robot descriptions: XML that grows, reads files or never ends, and robots that are no tree or have no limits."""

LIMIT = '<limit lower="-1" upper="1" velocity="2" effort="3"/>'


def _joint(name="j", parent="a", child="b", kind="revolute", inside=LIMIT, **attributes):
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<joint name="{name}" type="{kind}"{more}><parent link="{parent}"/><child link="{child}"/>{inside}</joint>'


def _robot(*joints, links="ab", name="r", before=""):
    return f'{before}<robot name="{name}">' + "".join(f'<link name="{link}"/>' for link in links) + "".join(joints) + "</robot>"


def _with(inside):
    return _robot(_joint(inside=inside))


def files():
    for name, content in (_markup() | _trees() | _numbers()).items():
        yield f"urdf/{name}.urdf", content


def _markup():
    good = _robot(_joint())
    lol = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    return {
        "good": '<?xml version="1.0"?>\n' + good.replace("<joint", '<link name="arm"><visual><geometry><mesh filename="../../../etc/passwd"/></geometry></visual></link><joint').replace('child link="b"', 'child link="arm"').replace('<link name="b"/>', ""),
        "empty": "",
        "text": "robot",
        "other_root": "<sdf/>",
        "two_roots": good + good,
        "cut_in_tag": good[:-4],
        "cut_in_attribute": good[: good.index("velocity") + 12],
        "billion_laughs": _robot(_joint(), name="&l9;", before=f'<!DOCTYPE r [<!ENTITY l0 "lol">{lol}]>'),
        "quadratic_blowup": _robot(_joint(), name="&a;" * 1000, before='<!DOCTYPE r [<!ENTITY a "%s">]>' % ("a" * 1000)),
        "external_entity": _robot(_joint(), name="&x;", before='<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "external_dtd": _robot(_joint(), before='<!DOCTYPE robot SYSTEM "http://example.com/robot.dtd">'),
        "entity_without_doctype": _robot(_joint(), name="&x;"),
        "entity_unfinished": _robot(_joint(), name="a & b"),
        "stylesheet": good.replace("<link", '<?xml-stylesheet href="http://example.com/x"?><link', 1),
        "declaration_inside": good.replace("<link", '<?xml version="1.0"?><link', 1),
        "comment_without_end": good.replace("<link", "<!-- <link", 1),
        "cdata_without_end": good.replace("<link", "<![CDATA[ <link", 1),
        "tags_crossed": '<robot name="r"><link name="a"></robot></link>',
        "attribute_twice": '<robot name="r"><link name="a" name="b"/></robot>',
        "attribute_without_quotes": "<robot name=r><link name=a/></robot>",
        "nested_10000": '<robot name="r">' + "<a>" * 10_000,
        "nested_65_in_joint": _with("<x>" * 65 + "</x>" * 65 + LIMIT),
        "elements_400001": '<robot name="r">' + "<a/>" * 400_001 + "</robot>",
        "too_large": " " * ((4 << 20) + 1),
        "nul_byte": good.replace("revolute", "rev\0olute"),
        "utf16": good.encode("utf-16"),
        "name_not_utf8": _robot(_joint()).encode().replace(b'name="j"', b'name="\xff\xfe"'),
        "name_of_escape_codes": _robot(_joint(name="&#27;[31m")),
        "name_empty": _robot(_joint(name="")),
        "name_of_129_bytes": _robot(_joint(name="n" * 129)),
        "name_absent": '<robot name="r"><link/></robot>',
        "xacro_element": good.replace("<link", '<xacro:include filename="/etc/passwd"/><link', 1),
        "xacro_expression": _robot(_joint(name="${prefix}j")),
        "xacro_command": _with('<origin xyz="$(find pkg) 0 0"/>' + LIMIT),
    }


def _trees():
    cycle = (_joint("j1", "a", "b"), _joint("j2", "b", "c"), _joint("j3", "c", "a"))
    mimics = [_joint(f"m{i}", "a", "bc"[i], inside=LIMIT + f'<mimic joint="m{1 - i}"/>') for i in range(2)]
    return {
        "no_links": '<robot name="r"></robot>',
        "links_2001": _robot(links=[f"l{i}" for i in range(2001)]),
        "cycle": _robot(*cycle, links="abc"),
        "cycle_beside_a_root": _robot(*cycle, links="abcd"),
        "child_of_itself": _robot(_joint(parent="b", child="b")),
        "two_parents": _robot(_joint("j1", "a", "c"), _joint("j2", "b", "c"), links="abc"),
        "two_roots_of_tree": _robot(_joint(), links="abc"),
        "link_twice": _robot(_joint(), links="abb"),
        "joint_twice": _robot(_joint("j", "a", "b"), _joint("j", "b", "c"), links="abc"),
        "parent_unknown": _robot(_joint(parent="ghost")),
        "parent_absent": _robot(_joint()).replace('<parent link="a"/>', ""),
        "parent_twice": _robot(_joint()).replace('<parent link="a"/>', '<parent link="a"/><parent link="b"/>'),
        "type_absent": _robot(_joint()).replace(' type="revolute"', ""),
        "type_unknown": _robot(_joint(kind="magic")),
        "type_floating": _robot(_joint(kind="floating")),
        "mimic_cycle": _robot(*mimics, links="abc"),
        "mimic_of_itself": _with(LIMIT + '<mimic joint="j"/>'),
        "mimic_of_nobody": _with(LIMIT + '<mimic joint="ghost"/>'),
        "mimic_of_fixed": _robot(_joint("f", "a", "b", "fixed", ""), _joint("m", "b", "c", inside=LIMIT + '<mimic joint="f"/>'), links="abc"),
    }


def _numbers():
    def limit(**values):
        known = {"lower": "-1", "upper": "1", "velocity": "2", "effort": "3"} | values
        return "<limit " + " ".join(f'{key}="{value}"' for key, value in known.items()) + "/>"

    return {
        "limit_absent": _with(""),
        "limit_twice": _with(LIMIT * 2),
        "limit_not_a_number": _with(limit(upper="nan")),
        "limit_infinite": _with(limit(upper="inf")),
        "limit_beyond_double": _with(limit(upper="1e999")),
        "limit_too_far": _with(limit(upper="1e300")),
        "limit_crossed": _with(limit(lower="1", upper="-1")),
        "velocity_negative": _with(limit(velocity="-2")),
        "effort_negative": _with(limit(effort="-1")),
        "number_with_comma": _with(limit(upper="1,5")),
        "number_with_unit": _with(limit(upper="90deg")),
        "number_hexadecimal": _with(limit(upper="0x10")),
        "number_empty": _with(limit(upper="")),
        "axis_zero": _with('<axis xyz="0 0 0"/>' + LIMIT),
        "axis_of_two": _with('<axis xyz="0 1"/>' + LIMIT),
        "axis_that_overflows": _with('<axis xyz="1e200 1e200 1e200"/>' + LIMIT),
        "origin_of_four": _with('<origin xyz="0 0 0 0"/>' + LIMIT),
        "origin_unknown_attribute": _with('<origin quat="1 0 0 0"/>' + LIMIT),
        "origin_twice": _with('<origin xyz="0 0 0"/><origin xyz="1 0 0"/>' + LIMIT),
        "mimic_multiplier_infinite": _robot(_joint("j1"), _joint("j2", "b", "c", inside=LIMIT + '<mimic joint="j1" multiplier="inf"/>'), links="abc"),
    }
