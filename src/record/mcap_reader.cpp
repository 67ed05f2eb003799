// SPDX-License-Identifier: Apache-2.0
// The scanner's steps as messages; in a complete file each is compared with the summary, in a torn one the first bad step is the end.
#include "sinew/record/mcap_reader.hpp"

#include <fmt/format.h>

#include <exception>
#include <limits>
#include <optional>

#include "mcap_file.hpp"
#include "mcap_scanner.hpp"
#include "mcap_summary.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

using detail::McapScanner;
using detail::McapSummary;
using Step = McapScanner::Step;

struct McapReader::State {
  State(const std::filesystem::path& path, const McapReadOptions& options);

  void list_attachments();
  [[nodiscard]] bool next(McapMessage& message);
  Step step();
  void use(Step result);
  void finish(Step result);

  RandomAccessFile file;
  McapReadOptions options;
  detail::McapDefinitions definitions;
  std::optional<McapSummary> summary;  // of a complete file
  std::optional<McapScanner> scanner;
  std::vector<McapAttachment> attachments;
  detail::McapCounts counts;
  std::uint64_t data_end = 0;  // the data section ends there at the latest
  McapUnverified unverified;
  McapEnd end;
  std::size_t next_message = 0;  // of the chunk
  bool chunk_open = false;       // its indexes have not been compared
  bool ended = false;
  std::exception_ptr failure;  // a file that was bad once stays so
};

McapReader::State::State(const std::filesystem::path& path, const McapReadOptions& options_)
    : file(path, std::numeric_limits<std::size_t>::max()), options(options_) {
  file.expect_sequential_reading();
  detail::check_magic(file);
  if (detail::has_tail(file)) {
    summary.emplace(file, options.max_record_bytes, definitions);
    unverified.summary = !summary->verified();
  }
  data_end = summary ? summary->data_end() : file.size();
  scanner.emplace(file, data_end, options.max_record_bytes, definitions);
  list_attachments();
}

/// From the summary, or from record to record by their lengths.
void McapReader::State::list_attachments() {
  std::vector<detail::McapAttachmentIndex> found;
  try {
    if (!summary || !summary->lists_attachments()) detail::find_attachments(file, data_end, options.max_record_bytes, found);
  } catch (const Error& error) {
    if (summary || error.code() != ErrorCode::parse) throw;
  }
  if (summary && summary->lists_attachments()) found = summary->attachments();
  for (const auto& index : found) attachments.push_back(detail::to_attachment(index, file.where()));
}

/// The scanner's step; `end` where a file without a tail has nothing more that can be trusted.
Step McapReader::State::step() {
  if (summary) return scanner->step();
  Step result = Step::end;
  try {
    result = scanner->step();
    if (result != Step::end && result != Step::data_end) return result;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::parse) throw;
    end.reason = error.what();
  }
  end.offset = file.size() < detail::kMcapMagic.size() ? 0 : scanner->record_start();
  end.bytes = file.size() - end.offset;
  return Step::end;
}

void McapReader::State::use(Step result) {
  if (summary && chunk_open && result != Step::message_index) {
    summary->check_chunk(result == Step::chunk ? scanner->previous_chunk() : scanner->chunk());
    chunk_open = false;
  }
  switch (result) {
    case Step::chunk:
      chunk_open = true;
      next_message = 0;
      counts.add(scanner->chunk());
      if (!scanner->chunk().verified) ++unverified.chunks;
      return;
    case Step::message:
      counts.add(scanner->message().channel->id, static_cast<std::uint64_t>(scanner->message().log_time.count()));
      ++unverified.messages;
      return;
    case Step::attachment:
      ++counts.attachments;
      if (!scanner->verified()) ++unverified.attachments;
      if (summary) summary->check_attachment(scanner->attachment());
      return;
    case Step::metadata:
      ++counts.metadata;
      if (summary) summary->check_metadata(scanner->metadata());
      return;
    case Step::data_end:
    case Step::end: return finish(result);
    default: return;
  }
}

void McapReader::State::finish(Step result) {
  ended = true;
  if (!summary) return;
  const auto position = scanner->position();
  if (result != Step::data_end || position != data_end)
    detail::refuse_at(position, ErrorCode::parse,
                      {file.where(), "data section", fmt::format("its DataEnd record right before byte {}", data_end),
                       result == Step::data_end ? "more records behind it" : "none", "the file is damaged"});
  unverified.data = !scanner->verified();
  summary->check_counts(counts, definitions);
}

bool McapReader::State::next(McapMessage& message) {
  while (!ended) {
    if (next_message < scanner->chunk().messages.size()) {
      message = scanner->message_of_chunk(next_message++);
      return true;
    }
    const Step result = step();
    use(result);
    if (result != Step::message) continue;
    message = scanner->message();
    return true;
  }
  return false;
}

McapReader::McapReader(const std::filesystem::path& path, const McapReadOptions& options)
    : state_(std::make_unique<State>(path, options)) {}
McapReader::~McapReader() = default;
McapReader::McapReader(McapReader&& other) noexcept = default;
McapReader& McapReader::operator=(McapReader&& other) noexcept = default;

bool McapReader::complete() const noexcept { return state_->summary.has_value(); }
bool McapReader::next(McapMessage& message) {
  if (state_->failure) std::rethrow_exception(state_->failure);
  try {
    return state_->next(message);
  } catch (...) {
    state_->failure = std::current_exception();
    throw;
  }
}
const McapEnd& McapReader::end() const noexcept { return state_->end; }
std::uint64_t McapReader::chunks() const noexcept { return state_->counts.chunks; }
const McapUnverified& McapReader::unverified() const noexcept { return state_->unverified; }
const std::map<McapId, McapSchema>& McapReader::schemas() const noexcept { return state_->definitions.schemas(); }
const std::map<McapId, McapChannel>& McapReader::channels() const noexcept { return state_->definitions.channels(); }
const std::vector<McapAttachment>& McapReader::attachments() const noexcept { return state_->attachments; }

std::vector<std::uint8_t> McapReader::read(const McapAttachment& attachment) const {
  const RandomAccessFile& file = state_->file;
  if (attachment.offset >= state_->data_end)
    detail::refuse_at(
        attachment.offset, ErrorCode::parse,
        {file.where(), "attachment " + quote(attachment.name), fmt::format("a place before byte {}", state_->data_end), "this", ""});
  const auto head = detail::read_head(file, attachment.offset, state_->data_end);
  if (head.opcode != detail::McapOpcode::attachment)
    detail::refuse_at(head.start, ErrorCode::parse,
                      {file.where(), "attachment " + quote(attachment.name), "its record", detail::describe(head.opcode), ""});
  std::vector<std::uint8_t> buffer;
  detail::load_content(file, head, state_->options.max_record_bytes, buffer);
  const auto content = detail::read_attachment({buffer, head.content(), file.where()});
  return {content.data.begin(), content.data.end()};
}

}  // namespace sinew
