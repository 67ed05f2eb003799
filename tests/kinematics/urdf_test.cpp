// SPDX-License-Identifier: Apache-2.0
// What URDF text may say, and the message for each way of getting it wrong.
#include "sinew/kinematics/urdf.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <clocale>
#include <limits>
#include <string>
#include <vector>

#include "robots.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// Two links; the joint "elbow" begins in line 4.
std::string robot_with(const std::string& type, const std::string& inside) {
  return fmt::format(
      "<robot name=\"r\">\n<link name=\"a\"/>\n<link name=\"b\"/>\n<joint name=\"elbow\" type=\"{}\"><parent link=\"a\"/><child "
      "link=\"b\"/>\n{}\n</joint>\n</robot>",
      type, inside);
}

std::string links(const std::string& joints) {
  return "<robot name=\"r\"><link name=\"a\"/><link name=\"b\"/><link name=\"c\"/>\n" + joints + "</robot>";
}

std::string fixed(const std::string& name, const std::string& parent, const std::string& child) {
  return fmt::format("<joint name=\"{}\" type=\"fixed\"><parent link=\"{}\"/><child link=\"{}\"/></joint>\n", name, parent, child);
}

std::string revolute(const std::string& name, const std::string& parent, const std::string& child, const std::string& more) {
  return fmt::format(
      "<joint name=\"{}\" type=\"revolute\"><parent link=\"{}\"/><child link=\"{}\"/><limit lower=\"-1\" upper=\"1\" velocity=\"1\" "
      "effort=\"1\"/>{}</joint>\n",
      name, parent, child, more);
}

std::string complaint(const std::string& xml) {
  try {
    (void)parse_urdf(xml);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

const std::string kLimit = "<limit lower=\"-1\" upper=\"1\" velocity=\"1\" effort=\"1\"/>";

}  // namespace

TEST_CASE("urdf: each defect gives its message, with joint and line") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {robot_with("revolute", "<limit lower=\"2\" upper=\"1\" velocity=\"1\"/>"),
       "[urdf line 5] joint 'elbow' limits: expected lower <= upper, got 2 > 1"},
      {robot_with("revolute", ""),
       "[urdf line 4] joint 'elbow': expected a <limit>, got none (a joint that turns without end has type=\"continuous\"; "
       "UrdfOptions::treat_as_continuous takes it "
       "so)"},
      {robot_with("prismatic", ""), "[urdf line 4] joint 'elbow': expected a <limit>, got none"},
      {robot_with("revolute", kLimit + "\n<axis xyz=\"0 0 0\"/>"), "[urdf line 6] joint 'elbow' axis: expected a direction, got 0 0 0"},
      {robot_with("revolute", kLimit + "<axis xyz=\"0 1\"/>"),
       "[urdf line 5] joint 'elbow' axis xyz: expected 3 finite numbers, got \"0 1\""},
      {robot_with("revolute", kLimit + "<axis xyz=\"0 0 1 0\"/>"), "expected 3 finite numbers, got \"0 0 1 0\""},
      {robot_with("revolute", kLimit + "<origin xyz=\"1,5 0 0\"/>"),
       "joint 'elbow' origin xyz: expected 3 finite numbers, got \"1,5 0 0\""},
      {robot_with("revolute", kLimit + "<origin xyz=\"0 nan 0\"/>"), "got \"0 nan 0\""},
      {robot_with("revolute", kLimit + "<origin rpy=\"0 inf 0\"/>"),
       "joint 'elbow' origin rpy: expected 3 finite numbers, got \"0 inf 0\""},
      {robot_with("revolute", kLimit + "<origin rpy=\"0 1e999 0\"/>"), "got \"0 1e999 0\""},
      {robot_with("revolute", kLimit + "<origin rpy=\"0 1e30 0\"/>"), "got \"0 1e30 0\""},
      {robot_with("revolute", kLimit + "<origin rpy=\"0 0x10 0\"/>"), "got \"0 0x10 0\""},
      {robot_with("revolute", kLimit + "<origin xyz=\"${length} 0 0\"/>"), "(this is xacro: expand it first)"},
      {robot_with("revolute", kLimit + "<origin xyz=\"0 0 0\" quat_xyzw=\"0 0 0 1\"/>"),
       "joint 'elbow' <origin>: expected attributes xyz, rpy, got 'quat_xyzw'"},
      {robot_with("revolute", kLimit + "<origin xyz=\"0 0 0\"/><origin xyz=\"0 0 1\"/>"),
       "joint 'elbow' <origin>: expected once, got twice"},
      {robot_with("revolute", "<limit lower=\"-1\" lower=\"-2\" upper=\"1\"/>"),
       "XML: expected well-formed XML, got XML_ERROR_PARSING_ATTRIBUTE"},
      {robot_with("revolute", "<limit lower=\"-1\" upper=\"1\" velocity=\"-1\"/>"),
       "joint 'elbow' velocity limit: expected a positive number, got -1"},
      {robot_with("revolute", "<limit lower=\"-1\" upper=\"1\" effort=\"-1\"/>"),
       "joint 'elbow' effort limit: expected 0 or a positive number, got -1"},
      {robot_with("floating", ""), "[urdf line 4] joint 'elbow' type: expected fixed, revolute, continuous or prismatic, got floating"},
      {robot_with("planar", kLimit), "got planar"},
      {robot_with("spherical", ""), "got spherical"},
      {"<robot name=\"r\"><link name=\"a\"/><joint name=\"j\"/></robot>",
       "joint 'j' type: expected fixed, revolute, continuous or prismatic, got no type"},
      {links(fixed("j", "a", "b")),
       "[urdf line 1] link 'c': expected one root, got 2: 'a' (line 1), 'c' (line 1) (join them by fixed joints)"},
      {links(fixed("j", "a", "b") + fixed("k", "c", "b")),
       "[urdf line 3] joint 'k' child: expected a link without another parent, got 'b', the child of joint 'j' already"},
      {links(fixed("j", "b", "c") + fixed("k", "c", "b")),
       "[urdf line 3] joint 'k': expected a tree, got a cycle from child to parent: 'b' -> 'c' -> 'b'"},
      {links(fixed("j", "a", "a")), "joint 'j': expected a tree, got a cycle from child to parent: 'a' -> 'a'"},
      {links(fixed("j", "a", "b") + fixed("j", "b", "c")), "[urdf line 3] joint 'j': expected a unique name, got the name of line 2"},
      {"<robot name=\"r\"><link name=\"a\"/>\n<link name=\"a\"/></robot>",
       "[urdf line 2] link 'a': expected a unique name, got the name of line 1"},
      {links(fixed("j", "a", "elsewhere")), "joint 'j' child: expected the name of a link, got 'elsewhere'"},
      {links("<joint name=\"j\" type=\"fixed\"><child link=\"b\"/></joint>"), "joint 'j': expected a <parent>, got none"},
      {links("<joint type=\"fixed\"/>"), "joint: expected attribute 'name', got none"},
      {links(fixed("j", "a", "b") + revolute("k", "b", "c", "<mimic joint=\"nobody\"/>")),
       "joint 'k' mimic: expected the name of a joint, got 'nobody'"},
      {links(fixed("j", "a", "b") + revolute("k", "b", "c", "<mimic joint=\"j\"/>")),
       "joint 'k' mimic: expected a joint that moves, got fixed joint 'j'"},
      {links(revolute("j", "a", "b", "<mimic joint=\"k\"/>") + revolute("k", "b", "c", "<mimic joint=\"j\"/>")),
       "[urdf line 2] joint 'j' mimic: expected a joint to follow, got a cycle: 'j' -> 'k' -> 'j'"},
      {links(revolute("j", "a", "b", "<mimic joint=\"j\"/>") + fixed("k", "b", "c")),
       "joint 'j' mimic: expected a joint to follow, got a cycle: 'j' -> 'j'"},
      {links(revolute("j", "a", "b", "<mimic joint=\"k\" multiplier=\"x\"/>") + fixed("k", "b", "c")),
       "joint 'j' mimic multiplier: expected a finite number, got \"x\""},
      {"<robot name=\"husk\" xmlns:xacro=\"http://www.ros.org/wiki/xacro\"/>",
       "robot: expected at least one link, got no links (an unexpanded xacro file? expand it first)"},
      {"<robot name=\"r\"><link name=\"a\"/>\n<xacro:arm prefix=\"x\"/></robot>",
       "[urdf line 2] <xacro:arm>: expected plain URDF, got xacro (expand it first: xacro robot.urdf.xacro > robot.urdf)"},
      {"<robot name=\"r\"><link name=\"${prefix}a\"/></robot>",
       "link name: expected a name, got \"${prefix}a\" (this is xacro: expand it first)"},
      {"<!DOCTYPE robot [<!ENTITY a \"b\">]>\n<robot name=\"r\"><link name=\"&a;\"/></robot>",
       "[urdf line 1] markup: expected elements and comments only, got <!DOCTYPE (no DOCTYPE, no entities)"},
      {"<robot name=\"r\">\n<link name=\"&a;\"/></robot>",
       "[urdf line 2] entity: expected &lt; &gt; &amp; &quot; &apos; or a character number, got &a;"},
      {"<robot name=\"r\"><?php echo 1 ?><link name=\"a\"/></robot>", "processing instruction: expected none but the XML declaration"},
      {"<robot name=\"r\"><link name=\"a\"></robot>", "XML: expected well-formed XML, got XML_ERROR_MISMATCHED_ELEMENT"},
      {"<robot name=\"r\"><link name=\"a\"/></robot><robot name=\"s\"/>", "root element: expected one <robot>, got <robot> and more"},
      {"<sdf/>", "root element: expected one <robot>, got <sdf>"},
      {"<!-- only -->", "[urdf line 1] "},
      {"<robot name=\"r\"><link name=\"\"/></robot>", "link name: expected 1 to 128 bytes of UTF-8 without control characters, got \"\""},
      {"<robot name=\"r\"><link name=\"" + std::string(129, 'x') + "\"/></robot>", "expected 1 to 128 bytes"},
      {"<robot name=\"r\"><link name=\"a\xFF\"/></robot>", "got \"a\\xff\""},
      {"<robot name=\"r\"><link name=\"a\xED\xA0\x80\"/></robot>", "without control characters"},
      {"<robot name=\"r\"><link name=\"a&#10;b\"/></robot>", "without control characters"},
      {std::string("<robot name=\"r\"><link name=\"a\"/>\0</robot>", 40), "text: expected no NUL byte, got one"},
      {"<!-- open", "comment: expected an end '-->', got the end of the text"},
  };
  for (const auto& [xml, message] : cases) {
    CAPTURE(xml);
    const std::string got = complaint(xml);
    CHECK_MESSAGE(got.find(message) != std::string::npos, got);
  }
}

TEST_CASE("urdf: sizes are bounded") {
  const auto nested = [](int depth) {
    std::string xml = "<robot name=\"r\"><link name=\"a\">";
    for (int i = 0; i < depth; ++i) xml += "<x>";
    for (int i = 0; i < depth; ++i) xml += "</x>";
    return complaint(xml + "</link></robot>");
  };
  CHECK(nested(60) == "accepted");
  CHECK(nested(80).find("nesting: expected at most 64 elements deep") != std::string::npos);
  CHECK(nested(100'000).find("XML_ELEMENT_DEPTH_EXCEEDED") != std::string::npos);  // the XML library's own guard of its stack
  CHECK(complaint(std::string(kUrdfMaxBytes + 1, ' ')).find("at most 4194304 bytes") != std::string::npos);
  std::string many = "<robot name=\"r\">";
  for (std::size_t i = 0; i <= kUrdfMaxLinks; ++i) many += fmt::format("<link name=\"l{}\"/>", i);
  CHECK(complaint(many + "</robot>").find("links: expected at most 2000, got more") != std::string::npos);
  std::string wide = "<robot name=\"r\"><link name=\"a\"/>";
  for (std::size_t i = 0; i <= 2 * kUrdfMaxElements; ++i) wide += "<x/>";
  CHECK(complaint(wide + "</robot>").find("elements: expected at most") != std::string::npos);
  // A scan that began anew at every element would take minutes here.
  std::string long_text = "<robot name=\"r\"><link name=\"a\"/>";
  while (long_text.size() < kUrdfMaxBytes * 9 / 10) long_text += "<!-- --> <x y=\"&lt;\"/>                    ";
  CHECK(complaint(long_text + "&amp;").find("XML_ERROR") != std::string::npos);
}

TEST_CASE("urdf: reads what the format allows") {
  const Urdf urdf = parse_urdf(
      "\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- R&D <!DOCTYPE> ${x} -->\n<robot name=\"r\" "
      "xmlns:xacro=\"http://www.ros.org/wiki/xacro\">\n"
      "<link name=\"same\"><visual><geometry><mesh filename=\"package://p/m.stl\"/></geometry></visual></link><link name=\"gr\xC3\xBCn "
      "&amp; b\"/>\n"
      "<joint name=\"same\" type=\"prismatic\"><parent link=\"same\"/><child link=\"gr\xC3\xBCn &amp; b\"/>\n"
      "<origin xyz=\"\t+1e-3 \n -2.5E+0  .5 \"/><limit upper=\"0.5\" lower=\"-1\" effort=\"0\" velocity=\"0.1\"/></joint>\n"
      "<gazebo><plugin name=\"x\"/></gazebo></robot>");
  REQUIRE(urdf.joints.size() == 1);
  const UrdfJoint& joint = urdf.joints[0];
  CHECK(urdf.links[static_cast<std::size_t>(joint.child)].name == "gr\xC3\xBCn & b");
  CHECK(joint.parent_from_joint.translation() == Eigen::Vector3d(1e-3, -2.5, 0.5));
  CHECK(joint.axis == Eigen::Vector3d::UnitX());
  CHECK(joint.effort == 0);
  CHECK(joint.line == 5);
  CHECK(urdf.root == urdf.find_link("same"));
  CHECK(urdf.find_joint("none") == -1);
  CHECK(urdf.warnings.empty());
}

TEST_CASE("urdf: what is odd but legal is taken, and said") {
  const auto warnings = [](const std::string& xml) { return parse_urdf(xml).warnings; };
  CHECK(warnings(robot_with("revolute", "<limit effort=\"1\" velocity=\"1\"/>")) ==
        std::vector<std::string>{"urdf line 5: joint 'elbow' states no position limit; 0, as URDF says"});
  CHECK(warnings(robot_with("revolute", "<limit lower=\"-1\" upper=\"1\" effort=\"1\" velocity=\"0\"/>")) ==
        std::vector<std::string>{"urdf line 5: joint 'elbow' states no velocity limit; unknown"});
  const Urdf long_axis = parse_urdf(robot_with("revolute", kLimit + "<axis xyz=\"0 0 2\"/>"));
  CHECK(long_axis.joints[0].axis == Eigen::Vector3d::UnitZ());
  CHECK(long_axis.warnings == std::vector<std::string>{"urdf line 5: joint 'elbow' axis has length 2; normalised"});
  CHECK(warnings(robot_with("revolute", kLimit + "<axis xyz=\"0 0 1.0005\"/>")).empty());
  // A fixed joint may carry leftovers of a moving one (talos_reduced has twelve); they mean nothing.
  const Urdf leftover = parse_urdf(links(
      fixed("j", "a", "b") + "<joint name=\"k\" type=\"fixed\"><parent link=\"b\"/><child link=\"c\"/><mimic joint=\"gone\"/></joint>"));
  CHECK(!leftover.joints[1].mimic);
  CHECK(leftover.warnings == std::vector<std::string>{"urdf line 3: joint 'k' is fixed; its mimic is ignored"});
  // lower == upper locks a joint; it keeps its place in q.
  CHECK(parse_urdf(robot_with("prismatic", "<limit lower=\"1\" upper=\"1\" velocity=\"1\" effort=\"1\"/>")).joints[0].lower == 1);
}

TEST_CASE("urdf: mimic defaults to multiplier 1 and offset 0") {
  const Urdf urdf = load_urdf(robot_path("arm7"));
  const auto& mimic = urdf.joints[static_cast<std::size_t>(urdf.find_joint("finger_right_joint"))].mimic;
  REQUIRE(mimic);
  CHECK(mimic->joint == "finger_left_joint");
  CHECK(mimic->index == urdf.find_joint("finger_left_joint"));
  CHECK(mimic->multiplier == 1.0);
  CHECK(mimic->offset == 0.0);
}

TEST_CASE("urdf: limits say where they come from") {
  const auto joint = [](const std::string& type, const std::string& inside, const UrdfOptions& options = {}) {
    return parse_urdf(robot_with(type, inside), "urdf", options).joints[0];
  };
  CHECK(joint("revolute", kLimit).limit_source == LimitSource::stated);
  const UrdfJoint locked = joint("revolute", "<limit effort=\"1\" velocity=\"1\"/>");
  CHECK(locked.limit_source == LimitSource::defaulted);
  CHECK(locked.lower == 0);
  CHECK(locked.upper == 0);
  CHECK(joint("prismatic", "<limit lower=\"-1\" velocity=\"1\"/>").limit_source == LimitSource::defaulted);
  CHECK(joint("continuous", kLimit).limit_source == LimitSource::endless);
  CHECK(joint("continuous", kLimit).lower == -std::numeric_limits<double>::infinity());
  CHECK(to_string(LimitSource::defaulted) == "defaulted");
}

TEST_CASE("urdf: treat_as_continuous takes a revolute joint without limit for an endless one, and says so") {
  const Urdf urdf = parse_urdf(robot_with("revolute", ""), "urdf", {.treat_as_continuous = true});
  CHECK(urdf.joints[0].type == UrdfJointType::continuous);
  CHECK(urdf.joints[0].limit_source == LimitSource::endless);
  CHECK(urdf.joints[0].upper == std::numeric_limits<double>::infinity());
  REQUIRE(urdf.warnings.size() == 2);
  CHECK(urdf.warnings[0] == "urdf line 4: joint 'elbow' states no <limit>; taken for continuous");
  // A slide without end is no joint, and a limit without numbers is a limit.
  CHECK_THROWS_AS((void)parse_urdf(robot_with("prismatic", ""), "urdf", {.treat_as_continuous = true}), Error);
  CHECK(parse_urdf(robot_with("revolute", "<limit velocity=\"1\"/>"), "urdf", {.treat_as_continuous = true}).joints[0].type ==
        UrdfJointType::revolute);
}

TEST_CASE("urdf: soft limits narrow when asked, and only then") {
  const auto soft = [](const std::string& safety, bool use = true, const std::string& type = "revolute") {
    return parse_urdf(robot_with(type, kLimit + "\n<safety_controller k_velocity=\"10\" " + safety + "/>"), "urdf", {.soft_limits = use})
        .joints[0];
  };
  const UrdfJoint both = soft("soft_lower_limit=\"-0.5\" soft_upper_limit=\"0.75\"");
  CHECK(both.lower == -0.5);
  CHECK(both.upper == 0.75);
  CHECK(both.limit_source == LimitSource::soft);
  const UrdfJoint one = soft("soft_lower_limit=\"-0.5\"");
  CHECK(one.lower == -0.5);
  CHECK(one.upper == 1);
  CHECK(soft("soft_lower_limit=\"-5\" soft_upper_limit=\"5\"").limit_source == LimitSource::stated);  // wider: nothing is narrowed
  CHECK(soft("").limit_source == LimitSource::stated);
  CHECK(soft("soft_lower_limit=\"-0.5\"", false).lower == -1);
  CHECK(soft("soft_lower_limit=\"-0.5\"", true, "continuous").limit_source == LimitSource::endless);
  CHECK_THROWS_WITH_AS((void)soft("soft_lower_limit=\"2\" soft_upper_limit=\"3\""),
                       "[urdf line 6] joint 'elbow' soft limits: expected some of -1 to 1, got 2 to 3", Error);
  CHECK_THROWS_WITH_AS((void)soft("soft_lower_limit=\"nan\""),
                       "[urdf line 6] joint 'elbow' soft_lower_limit: expected a finite number, got \"nan\"", Error);
}

TEST_CASE("urdf: a mimic may follow a mimic, and one of a continuous joint is a mimic too") {
  const Urdf urdf = parse_urdf(
      links("<joint name=\"j\" type=\"continuous\"><parent link=\"a\"/><child link=\"b\"/><mimic joint=\"k\" "
            "multiplier=\"-2\"/></joint>" +
            revolute("k", "b", "c", "<mimic joint=\"l\" offset=\"0.5\"/>") + "<link name=\"d\"/>" + revolute("l", "c", "d", "")));
  CHECK(urdf.joints[0].mimic->index == 1);
  CHECK(urdf.joints[0].mimic->multiplier == -2);
  CHECK(urdf.joints[1].mimic->index == 2);
  CHECK(urdf.joints[1].mimic->offset == 0.5);
  CHECK(Chain<>::from_urdf(urdf, "a", "d").joint_names() == std::vector<std::string>{"l"});
}

TEST_CASE("urdf: of many roots and long cycles the message lists the first") {
  std::string forest = "<robot name=\"r\">", ring;
  for (int i = 0; i < 20; ++i) {
    forest += fmt::format("\n<link name=\"l{}\"/>", i);
    ring += "\n" + fixed(fmt::format("j{}", i), fmt::format("l{}", i), fmt::format("l{}", (i + 1) % 20));
  }
  const std::string roots = complaint(forest + "</robot>");
  CHECK(roots.starts_with("[urdf line 3] link 'l1': expected one root, got 20: 'l0' (line 2), 'l1' (line 3), "));
  CHECK(roots.ends_with("'l7' (line 9), ... (join them by fixed joints)"));
  const std::string cycle = complaint(forest + ring + "</robot>");
  CHECK(cycle.find("'l0' -> 'l19' -> 'l18' -> 'l17' -> 'l16' -> 'l15' -> 'l14' -> 'l13' -> ... -> 'l0'") != std::string::npos);
}

TEST_CASE("urdf: what is not read may hold anything well-formed, and lines still count") {
  const std::string before = "<!-- a\nb --><robot\n name='r'><material name=\"m\">\n<color rgba=\"1 1 1 1\"/></material>\n";
  const std::string link =
      "<link name=\"a\"><!-- </link> -->\n<inertial><mass value='x>y'/></inertial>\n<visual a=\"1\" ><b ></b >text</visual></link >\n";
  const Urdf urdf = parse_urdf(before + link + "<link name=\"b\" />\n" + fixed("j", "a", "b") +
                               "<transmission>\n<joint name=\"j\"/></transmission></robot>");
  CHECK(urdf.links[0].line == 5);
  CHECK(urdf.links[1].line == 8);
  CHECK(urdf.joints[0].line == 9);
  for (const char* wrong :
       {"<visual><b></visual></b>", "<visual a=1/>", "<visual a=\"1\" a=\"2\"/>", "<visual", "<visual a=\"1\"", "</visual>"}) {
    CAPTURE(wrong);
    const std::string text = complaint(before + "<link name=\"a\">" + wrong + "</link></robot>");
    CHECK(text.find("XML: expected well-formed XML, got XML_ERROR") != std::string::npos);
  }
  CHECK(complaint(before + "<link name=\"a\"><visual>\n<xacro:cube/></visual></link></robot>").starts_with("[urdf line 6] <xacro:cube>: "));
  CHECK(complaint(before + "<link name=\"a\"><visual>\n&bad;</visual></link></robot>").starts_with("[urdf line 6] entity: "));
}

TEST_CASE("urdf: a description loads with none of its meshes present") {
  CHECK(complaint("<robot name=\"r\"><link name=\"a\"><visual><geometry><mesh filename=\"package://nowhere/a.stl\"/></geometry></visual>"
                  "<collision><geometry><mesh filename=\"file:///proc/self/mem\"/></geometry></collision></link></robot>") == "accepted");
}

TEST_CASE("urdf: numbers do not depend on the locale") {
  const char* before = std::setlocale(LC_NUMERIC, nullptr);
  const std::string kept = before != nullptr ? before : "C";
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"}) {
    if (std::setlocale(LC_NUMERIC, name) != nullptr) break;
  }
  const Urdf urdf = parse_urdf(robot_with("continuous", "<origin xyz=\"0.25 0 0\"/>"));
  std::setlocale(LC_NUMERIC, kept.c_str());
  CHECK(urdf.joints[0].parent_from_joint.translation().x() == 0.25);
}

TEST_CASE("urdf: a file names itself in its messages") {
  CHECK_THROWS_WITH_AS((void)load_urdf("no/such.urdf"), "[no/such.urdf] file: expected one that can be read, got No such file or directory",
                       Error);
  CHECK_THROWS_AS((void)load_urdf("."), Error);
}
