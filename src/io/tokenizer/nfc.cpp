// SPDX-License-Identifier: Apache-2.0
// Unicode Standard Annex 15 on the stretches of text where something can change; Hangul by arithmetic (Unicode, 3.12).
#include "nfc.hpp"

#include <algorithm>
#include <array>

namespace sinew::tokenizer {

namespace {

constexpr char32_t kL = 0x1100, kV = 0x1161, kT = 0x11A7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28;

std::uint32_t combining_class(char32_t c) noexcept {
  const auto after = std::upper_bound(kCombiningClasses.begin(), kCombiningClasses.end(), c,
                                      [](char32_t value, const CodePointRange& range) { return value < range.first; });
  return after != kCombiningClasses.begin() && c <= after[-1].last ? after[-1].value : 0U;
}

void decompose(char32_t c, std::vector<ClassedCodePoint>& parts) {
  if (c >= kHangulBase && c < kHangulEnd) {
    const char32_t index = c - kHangulBase;
    parts.push_back({kL + index / (kVCount * kTCount), 0});
    parts.push_back({kV + index % (kVCount * kTCount) / kTCount, 0});
    if (index % kTCount != 0) parts.push_back({kT + index % kTCount, 0});
    return;
  }
  const auto found = std::lower_bound(kDecompositions.begin(), kDecompositions.end(), c,
                                      [](const Decomposition& entry, char32_t value) { return entry.composed < value; });
  if (found == kDecompositions.end() || found->composed != c) return parts.push_back({c, combining_class(c)});
  for (const char32_t part : kDecompositionParts.subspan(found->begin, found->size)) parts.push_back({part, combining_class(part)});
}

/// Sorts one run of marks by class, keeping the order inside a class. Counting, because a run may be the whole text.
void sort_marks(std::span<ClassedCodePoint> run, std::vector<ClassedCodePoint>& sorted) {
  const auto less = [](const ClassedCodePoint& a, const ClassedCodePoint& b) { return a.combining < b.combining; };
  if (std::is_sorted(run.begin(), run.end(), less)) return;
  std::array<std::size_t, 257> start{};
  for (const auto& part : run) ++start[part.combining + 1];
  for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
  sorted.assign(run.begin(), run.end());
  for (const auto& part : sorted) run[start[part.combining]++] = part;
}

/// The primary composite of two code points, or 0.
char32_t composite(char32_t first, char32_t second) noexcept {
  if (first >= kL && first < kL + kLCount && second >= kV && second < kV + kVCount)
    return kHangulBase + ((first - kL) * kVCount + second - kV) * kTCount;
  if (first >= kHangulBase && first < kHangulEnd && (first - kHangulBase) % kTCount == 0 && second > kT && second < kT + kTCount)
    return first + second - kT;
  const auto found = std::lower_bound(
      kCompositions.begin(), kCompositions.end(), Composition{first, second, 0},
      [](const Composition& a, const Composition& b) { return a.first != b.first ? a.first < b.first : a.second < b.second; });
  return found != kCompositions.end() && found->first == first && found->second == second ? found->composed : 0;
}

/// Composes `parts` in place and cuts off what is no longer needed.
void compose(std::vector<ClassedCodePoint>& parts) {
  constexpr auto kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone, size = 0;
  for (const auto& part : parts) {
    // Blocked: something of the same or a higher class stands between the starter and this.
    const bool blocked = starter == kNone || (size > starter + 1 && parts[size - 1].combining >= part.combining);
    if (const char32_t composed = blocked ? 0 : composite(parts[starter].c, part.c); composed != 0) {
      parts[starter].c = composed;
      continue;
    }
    if (part.combining == 0) starter = size;
    parts[size++] = part;
  }
  parts.resize(size);
}

void append_changed(std::string& out, std::string_view stretch, NfcBuffers& buffers) {
  auto& parts = buffers.parts;
  parts.clear();
  for (const char* at = stretch.data(); at < stretch.data() + stretch.size();) decompose(next_code_point(at), parts);
  for (std::size_t begin = 0; begin < parts.size();) {
    std::size_t end = begin;
    while (end < parts.size() && parts[end].combining != 0) ++end;
    if (end > begin + 1) sort_marks(std::span(parts).subspan(begin, end - begin), buffers.sorted);
    begin = end + 1;
  }
  compose(parts);
  for (const auto& part : parts) append_utf8(out, part.c);
}

}  // namespace

bool is_inert(std::string_view text, const CharacterTable& table) noexcept {
  for (const char* at = text.data(); at < text.data() + text.size();)
    if (table.active(next_code_point(at))) return false;
  return true;
}

void append_nfc(std::string& out, std::string_view text, const CharacterTable& table, NfcBuffers& buffers) {
  const char* const end = text.data() + text.size();
  const char* copied = text.data();
  const char* inert = text.data();  // the last inert character before `at`, which a mark may change
  for (const char* at = text.data(); at < end;) {
    const char* const here = at;
    if (!table.active(next_code_point(at))) {
      inert = here;
      continue;
    }
    const char* stop = at;
    while (at < end && table.active(next_code_point(at))) stop = at;
    out.append(copied, static_cast<std::size_t>(inert - copied));
    append_changed(out, {inert, static_cast<std::size_t>(stop - inert)}, buffers);
    copied = inert = at = stop;
  }
  out.append(copied, static_cast<std::size_t>(end - copied));
}

}  // namespace sinew::tokenizer
