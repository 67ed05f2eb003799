// SPDX-License-Identifier: Apache-2.0
// Table of contents: includes every public header of sinew::sinew. The optional targets have headers of their own.
#pragma once

// Vocabulary
#include "sinew/core/action_chunk.hpp"        // timed targets [horizon, dim]
#include "sinew/core/card.hpp"                // what a policy was trained on and what it emits
#include "sinew/core/chunk_math.hpp"          // real-time chunking on spans
#include "sinew/core/clock.hpp"               // injected time
#include "sinew/core/error.hpp"               // what set-up throws
#include "sinew/core/image.hpp"               // camera pixels, owned or viewed
#include "sinew/core/isa.hpp"                 // which instruction set the kernels use
#include "sinew/core/log.hpp"                 // logging callback
#include "sinew/core/mailbox.hpp"             // the latest value from one thread to another
#include "sinew/core/normalizer.hpp"          // SI units to a policy's space and back
#include "sinew/core/observation.hpp"         // cameras, channels, instruction
#include "sinew/core/patch_grid.hpp"          // how an image became patches
#include "sinew/core/position_ids.hpp"        // multi-section rotary positions
#include "sinew/core/status.hpp"              // what the tick returns
#include "sinew/core/temporal_ensembler.hpp"  // ACT's average of predictions
#include "sinew/core/tensor.hpp"              // tensors with a capacity and a current shape
#include "sinew/core/tensor_map.hpp"          // tensors by name
#include "sinew/core/tensor_spec.hpp"         // what a tensor may look like
#include "sinew/core/version.hpp"             // version of the library

// Files from strangers
#include "sinew/io/card_json.hpp"    // sinew.json and stats.json
#include "sinew/io/image_codec.hpp"  // JPEG and PNG
#include "sinew/io/json.hpp"         // strict JSON
#include "sinew/io/json_cursor.hpp"  // binds JSON to a schema
#include "sinew/io/sha256.hpp"       // pins files
#include "sinew/io/tokenizer.hpp"    // byte-level BPE and SentencePiece
#include "sinew/io/weights.hpp"      // tensors of a model by name, row by row

// Kinematics
#include "sinew/kinematics/camera.hpp"             // pixels to points and back
#include "sinew/kinematics/chain.hpp"              // URDF to a flat program
#include "sinew/kinematics/detect_rotation.hpp"    // which layout a data set uses
#include "sinew/kinematics/differential.hpp"       // joint motion of one period for a velocity of the tip
#include "sinew/kinematics/forward.hpp"            // poses
#include "sinew/kinematics/inverse.hpp"            // joint solutions inside the limits
#include "sinew/kinematics/jacobian.hpp"           // 6 x n
#include "sinew/kinematics/pose_error.hpp"         // recorded poses against joints
#include "sinew/kinematics/rotation.hpp"           // every convention by name
#include "sinew/kinematics/rotation_sequence.hpp"  // interpolation, sequences without jumps
#include "sinew/kinematics/urdf.hpp"               // strict URDF reader

// Observation to tensors, tensors to actions
#include "sinew/action/action_token_map.hpp"      // where action ids lie in a model's vocabulary
#include "sinew/action/action_tokens.hpp"         // the language of a policy that emits ids
#include "sinew/action/bin_tokenizer.hpp"         // actions as one token per value
#include "sinew/action/canonical.hpp"             // 80 dimensions of Qwen-RobotManip
#include "sinew/action/decoder.hpp"               // Decoder concept and AnyDecoder
#include "sinew/action/delta_pose.hpp"            // displacements of a tool in base, tool and camera axes
#include "sinew/action/fast_tokenizer.hpp"        // FAST: chunks as tokens of their cosine transform
#include "sinew/action/gripper.hpp"               // which number is open
#include "sinew/action/groot_modality.hpp"        // GR00T's slices, rotations and groups
#include "sinew/action/joint_decoder.hpp"         // absolute joint positions
#include "sinew/action/make_decoder.hpp"          // the decoder of a card
#include "sinew/action/padded_chunk.hpp"          // Qwen-VLA's padded tensor
#include "sinew/action/parts_decoder.hpp"         // the decoder that a card puts together
#include "sinew/action/relative.hpp"              // joints relative to what the policy saw
#include "sinew/action/tool_delta_decoder.hpp"    // tool deltas relative to the observation
#include "sinew/action/waypoints.hpp"             // paths of a mobile base
#include "sinew/observation/camera_encoder.hpp"   // one camera of a card: frames to what the model reads
#include "sinew/observation/encoder.hpp"          // Encoder concept and AnyEncoder
#include "sinew/observation/fit_pad.hpp"          // letterboxes by name
#include "sinew/observation/frame_budget.hpp"     // visual memory under a token budget
#include "sinew/observation/frame_processor.hpp"  // one frame to one family's tensor
#include "sinew/observation/frame_recipe.hpp"     // the families, as data
#include "sinew/observation/history.hpp"          // time-stamped samples of several rates
#include "sinew/observation/image_ops.hpp"        // crops, padding, turning, channel order
#include "sinew/observation/image_processor.hpp"  // Qwen2-VL to Qwen3.5 patches
#include "sinew/observation/prompt.hpp"           // prompt templates
#include "sinew/observation/resize.hpp"           // Pillow's, torch's, OpenCV's and jax's resampling
#include "sinew/observation/stamp_ring.hpp"       // a ring of time stamps
#include "sinew/observation/text_encoder.hpp"     // prompts to token ids
#include "sinew/observation/vla_encoder.hpp"      // the encoder of a card
#include "sinew/observation/wire_encoder.hpp"     // requests of remote policy servers

// How a policy is executed
#include "sinew/backend/any_backend.hpp"        // a backend chosen at run time
#include "sinew/backend/backend.hpp"            // Backend concept
#include "sinew/backend/cpu/cpu_backend.hpp"    // models on the processor
#include "sinew/backend/reference_backend.hpp"  // an affine policy in two loops
#include "sinew/backend/registry.hpp"           // backends by name

// From chunks to commands
#include "sinew/motion/chain_limits.hpp"     // the limits that a robot description states
#include "sinew/motion/chunk_timeline.hpp"   // one target for every instant
#include "sinew/motion/command_filter.hpp"   // position, velocity, acceleration and jerk limits
#include "sinew/motion/heartbeat.hpp"        // the pulse of a control process
#include "sinew/motion/joint_limits.hpp"     // what a joint may do, and who says so
#include "sinew/motion/path_governor.hpp"    // time slows where a joint cannot follow
#include "sinew/motion/safety_state.hpp"     // modes, and what every event does in each
#include "sinew/motion/stopping.hpp"         // how long and how far a stop can be
#include "sinew/motion/tool_box.hpp"         // where the tool may be, and how fast it may go
#include "sinew/motion/velocity_filter.hpp"  // the command filter of a mobile base
#include "sinew/motion/watchdog.hpp"         // asks for a stop when the pulse fails
#include "sinew/record/mcap_reader.hpp"      // any MCAP file, verified
#include "sinew/record/record_writer.hpp"    // MCAP recording, on the calling thread
#include "sinew/record/recorder.hpp"         // MCAP recording, on a thread of its own
#include "sinew/record/recording.hpp"        // a recording as the values that went into it
#include "sinew/record/recover.hpp"          // a recording whole again after a crash

// Closing the loop
#include "sinew/runtime/any_robot.hpp"       // a robot chosen at run time
#include "sinew/runtime/chunk_memory.hpp"    // what real-time chunking hands back to the model
#include "sinew/runtime/control_loop.hpp"    // policy, timeline and filter on the robot's clock
#include "sinew/runtime/control_trace.hpp"   // what the loop did
#include "sinew/runtime/jog_operator.hpp"    // the tool driven by velocities, as a keyboard or a gamepad gives them
#include "sinew/runtime/joint_resolver.hpp"  // tool poses to joints
#include "sinew/runtime/motion_control.hpp"  // the control thread: chunks and ticks in, commands out
#include "sinew/runtime/motion_journal.hpp"  // what it is told and does, into a log and a recording
#include "sinew/runtime/motion_log.hpp"      // what went into it
#include "sinew/runtime/operator.hpp"        // who may take the loop over from its policy
#include "sinew/runtime/policy.hpp"          // observation in, chunk out
#include "sinew/runtime/realtime.hpp"        // what the system gives a control thread
#include "sinew/runtime/replay.hpp"          // the same commands again
#include "sinew/runtime/robot.hpp"           // Robot concept
#include "sinew/runtime/takeover.hpp"        // who holds control, and what becomes of an operator's chunk

// Recordings as training data
#include "sinew/data/action_trend.hpp"      // curation: do the joints go where they are sent
#include "sinew/data/camera_faults.hpp"     // curation: black, blurred, frozen frames
#include "sinew/data/correction.hpp"        // a corrected copy of a recording
#include "sinew/data/curate.hpp"            // verdicts on frames and episodes, with reasons
#include "sinew/data/episode.hpp"           // one episode as arrays
#include "sinew/data/episode_reader.hpp"    // a recording cut into episodes
#include "sinew/data/extreme_values.hpp"    // curation: values far outside of a data set
#include "sinew/data/smoothing.hpp"         // running medians, Savitzky-Golay
#include "sinew/data/sudden_change.hpp"     // curation: values that leave their trend
#include "sinew/data/tool_consistency.hpp"  // curation: tool poses against the robot description
