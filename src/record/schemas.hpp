// SPDX-License-Identifier: Apache-2.0
// The schemas that a recording carries, so that a reader needs nothing else. Explained in docs/recording.md.
#pragma once

#include <string_view>

namespace sinew::detail {

/// ROS 2's sensor_msgs/msg/Image; with kHeaderTypes behind it, the text form that MCAP prescribes for "ros2msg".
inline constexpr std::string_view kImageFields = R"(std_msgs/Header header
uint32 height
uint32 width
string encoding
uint8 is_bigendian
uint32 step
uint8[] data
)";

/// The same of sensor_msgs/msg/CompressedImage.
inline constexpr std::string_view kCompressedImageFields = R"(std_msgs/Header header
string format
uint8[] data
)";

/// What both contain.
inline constexpr std::string_view kHeaderTypes = R"(================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
)";

inline constexpr std::string_view kObservationSchema = R"({
"title": "sinew.Observation",
"description": "What the robot measured and was told at one moment. The frames of its cameras are messages with the same sequence number on /camera/<name>, those that were delivered as JPEG on /camera/<name>/compressed. Times: nanoseconds of the robot's monotonic clock.",
"type": "object",
"properties": {
"id": {"type": "integer"},
"time_ns": {"type": "integer"},
"instruction": {"type": "string"},
"channels": {"type": "array", "items": {"type": "object", "properties": {
"name": {"type": "string"},
"unit": {"type": "string", "description": "SI; of every value"},
"stamp_ns": {"type": "integer"},
"values": {"type": "array", "items": {"type": ["number", "null"]}, "description": "null: not finite"}}}},
"cameras": {"type": "array", "items": {"type": "object", "properties": {
"name": {"type": "string"},
"stamp_ns": {"type": "integer"},
"height": {"type": "integer"},
"width": {"type": "integer"},
"format": {"enum": ["jpeg"], "description": "instead of height and width: the frame is a JPEG"}}}}},
"required": ["id", "time_ns", "instruction", "channels", "cameras"]})";

inline constexpr std::string_view kCommandSchema = R"({
"title": "sinew.Command",
"description": "Joint position targets sent to the robot, rad or m. The channel's metadata names the joints.",
"type": "object",
"properties": {
"time_ns": {"type": "integer"},
"values": {"type": "array", "items": {"type": ["number", "null"]}, "description": "[dof]; null: not finite"},
"dt_ns": {"type": "integer", "description": "of a control tick: its length"},
"measured": {"type": "array", "items": {"type": ["number", "null"]}, "description": "of a control tick: [dof] as the robot measured them; empty: it gave none"}},
"required": ["time_ns", "values"]})";

inline constexpr std::string_view kChunkSchema = R"({
"title": "sinew.ActionChunk",
"description": "What the policy wants, as the control loop got it: row i of values is due at t0_ns + i * dt_ns. SI units.",
"type": "object",
"properties": {
"sequence": {"type": "integer"},
"observation_id": {"type": "integer", "description": "the observation that it was computed from"},
"space": {"enum": ["joint_position", "tool_pose", "base_pose"]},
"t0_ns": {"type": "integer"},
"dt_ns": {"type": "integer"},
"horizon": {"type": "integer"},
"dim": {"type": "integer"},
"joint_order_hash": {"type": "string", "description": "16 hexadecimal digits, all 0 when not stated"},
"values": {"type": "array", "items": {"type": "array", "items": {"type": ["number", "null"]}}, "description": "[horizon, dim]; null: not finite"},
"status": {"type": "string", "description": "ok: accepted; else why it was refused"}},
"required": ["sequence", "observation_id", "space", "t0_ns", "dt_ns", "horizon", "dim", "joint_order_hash", "values", "status"]})";

inline constexpr std::string_view kEventSchema = R"({
"title": "sinew.Event",
"description": "Something that happened. Kind drop: records that are not in the file, counted since it was begun.",
"type": "object",
"properties": {
"time_ns": {"type": "integer"},
"kind": {"type": "string"},
"text": {"type": "string"},
"dropped": {"type": "integer", "description": "of kind drop only"}},
"required": ["time_ns", "kind", "text"]})";

inline constexpr std::string_view kMotionSchema = R"({
"title": "sinew.Motion",
"description": "What the motion control was told besides chunks and ticks; with those, all that computing the commands again needs.",
"type": "object",
"properties": {
"time_ns": {"type": "integer"},
"kind": {"enum": ["arm", "event", "limits", "skip"]},
"event": {"type": "string", "description": "of kind event: its name"},
"dt_ns": {"type": "integer", "description": "of kind skip: how long nobody ticked"},
"values": {"type": "array", "items": {"type": ["number", "null"]}, "description": "arm: measured [dof]; limits: lower, upper, velocity, acceleration, jerk, each [dof]"}},
"required": ["time_ns", "kind", "event", "dt_ns", "values"]})";

}  // namespace sinew::detail
