// SPDX-License-Identifier: Apache-2.0
// Time-stamped buffers of cameras and channels that run at different rates, and what each of them showed at given moments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/fixed_text.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/stamp_ring.hpp"

namespace sinew {

/// One camera or channel whose samples are kept. The sizes are optional: memory for them is taken at once instead of when each
/// slot is first filled.
struct HistorySource {
  std::string name;            ///< as in Observation
  std::size_t capacity = 64;   ///< samples
  Time max_age = Time::max();  ///< how far a sample may lie from the moment that it stands for
  int height = 0;              ///< of a camera's frames, pixels
  int width = 0;               ///< pixels
  std::size_t values = 0;      ///< of a channel
};

struct HistoryOptions {
  std::vector<HistorySource> cameras;
  std::vector<HistorySource> channels;
};

/// Which sample stands for a moment. Never one from after `now`, and never a mixture of two.
enum class HistoryPick : std::uint8_t {
  at_or_before,  ///< the newest that is not later
  nearest        ///< the nearest; of two equally near, the earlier
};

/// What `select` is asked for.
struct HistorySpec {
  std::vector<Time> offsets = {Time{}};  ///< moments relative to `now`, at most 0, e.g. {-500ms, 0ms}
  HistoryPick pick = HistoryPick::at_or_before;
  Time max_skew = Time::max();  ///< between the stamps of the cameras of one moment
};

/// What a source last delivered.
struct SourceAge {
  bool seen = false;
  Time stamp{};  ///< of its newest sample
  Time age{};    ///< `now` - stamp; negative when the stamp lies after `now`
};

/// The samples that `select` picked, in the order of the options; they point into the history, until its next push or clear.
/// Entries that could not be picked are nullptr.
struct HistoryView {
  std::size_t offsets = 0;
  std::vector<const CameraFrame*> cameras;  ///< [offsets, cameras]
  std::vector<const Channel*> channels;     ///< [offsets, channels]
  std::vector<SourceAge> camera_ages;       ///< [cameras], filled whatever the status
  std::vector<SourceAge> channel_ages;      ///< [channels]
};

/// The last samples of several cameras and channels. Samples are copied once, into slots that keep their memory: where sizes
/// are given or the slots have once been filled, nothing is allocated. One object per thread.
class ObservationHistory {
 public:
  /// Throws Error for no source, a name that is empty or given twice, a capacity of 0, a negative age or size.
  explicit ObservationHistory(HistoryOptions options);

  [[nodiscard]] const HistoryOptions& options() const noexcept { return options_; }
  /// Takes the sample of every source that the observation holds, unless its stamp is the one that the source has already: an
  /// observation repeats the slower sources. Sources that are not in the options are left alone. `stale`: a stamp before the
  /// source's newest; then nothing is taken. `over_capacity`: no memory.
  [[nodiscard]] Status push(const Observation& observation) noexcept;
  /// Picks one sample per offset and source. `missing`: a source that has delivered nothing; `not_ready`: none that is old enough
  /// (yet, or no longer); `stale`: one farther from its moment than the source's max_age, or cameras of one moment farther apart
  /// than max_skew; `out_of_range`: an offset above 0. last_error() names the source.
  [[nodiscard]] Status select(Time now, const HistorySpec& spec, HistoryView& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  /// Forgets all samples, for another episode or clock; keeps the memory.
  void clear() noexcept;

 private:
  template <class Sample>
  struct Buffer {
    explicit Buffer(std::size_t capacity) : ring(capacity), samples(capacity) {}
    StampRing ring;
    std::vector<Sample> samples;
  };
  struct Moment {
    Time time;
    Time now;
    HistoryPick pick;
  };

  template <class Sample>
  Status check_order(const HistorySource& source, const Buffer<Sample>& buffer, const Sample* sample) noexcept;
  template <class Sample>
  Status pick(const HistorySource& source, const Buffer<Sample>& buffer, const Moment& moment, const Sample*& out) noexcept;
  Status check_skew(std::size_t offset, Time max_skew, const HistoryView& view) noexcept;
  void report_ages(Time now, HistoryView& out) const noexcept;

  HistoryOptions options_;
  std::vector<Buffer<CameraFrame>> cameras_;
  std::vector<Buffer<Channel>> channels_;
  FixedText error_;
};

}  // namespace sinew
