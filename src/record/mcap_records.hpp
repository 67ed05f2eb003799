// SPDX-License-Identifier: Apache-2.0
// The records of MCAP as values. Each parser is given the fields of one record's content and throws Error for what is wrong in it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "mcap_fields.hpp"
#include "mcap_format.hpp"
#include "sinew/record/mcap_reader.hpp"

namespace sinew::detail {

/// The schemas and channels met so far.
class McapDefinitions {
 public:
  /// Reads a definition. Refused: an id that means something else already, a channel whose schema is not known.
  void read_schema(McapFields fields);
  void read_channel(McapFields fields);
  [[nodiscard]] const McapChannel* find_channel(McapId id) const noexcept;

  [[nodiscard]] const std::map<McapId, McapSchema>& schemas() const noexcept { return schemas_; }
  [[nodiscard]] const std::map<McapId, McapChannel>& channels() const noexcept { return channels_; }

 private:
  std::map<McapId, McapSchema> schemas_;
  std::map<McapId, McapChannel> channels_;
};

struct McapChunkHead {
  std::uint64_t first_time = 0;
  std::uint64_t last_time = 0;
  std::uint32_t crc = 0;                  // 0 = none
  std::span<const std::uint8_t> records;  // its checksum is right, when it has one
  std::uint64_t records_start = 0;        // in the file
};
/// Refused: compression, sizes that disagree, a wrong checksum.
[[nodiscard]] McapChunkHead read_chunk(McapFields fields);

/// Refused: a channel that is not known.
[[nodiscard]] McapMessage read_message(McapFields fields, const McapDefinitions& definitions);

struct McapAttachmentContent {
  McapAttachmentIndex index;           // its start and length are the caller's
  std::span<const std::uint8_t> data;  // its checksum is right, when it has one
  bool verified = false;
};
[[nodiscard]] McapAttachmentContent read_attachment(McapFields fields);

/// The name of a metadata record.
[[nodiscard]] std::string_view read_metadata(McapFields fields);
[[nodiscard]] McapStatistics read_statistics_record(McapFields fields);
[[nodiscard]] McapChunkIndex read_chunk_index(McapFields fields);
[[nodiscard]] McapAttachmentIndex read_attachment_index(McapFields fields);
[[nodiscard]] McapMetadataIndex read_metadata_index(McapFields fields);
[[nodiscard]] McapAttachment to_attachment(const McapAttachmentIndex& index, const std::string& where);

}  // namespace sinew::detail
