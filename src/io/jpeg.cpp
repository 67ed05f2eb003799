// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg. Its errors leave by longjmp, so every call of it sits in a function without destructors.
#include <csetjmp>
#include <cstdio>
// After <cstdio>, which it needs.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <exception>

#include "sinew/io/image_codec.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr int kMaxScans = 100;  // each scan of a progressive file costs time for the whole image, however short it is
constexpr std::int64_t kPixelsPerByte = 1024;

/// What both directions need: where errors go. `base` comes first, because libjpeg passes a pointer to it.
struct Guard {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char text[JMSG_LENGTH_MAX];
};

extern "C" {
[[noreturn]] static void leave(j_common_ptr info) {
  Guard& guard = *reinterpret_cast<Guard*>(info->err);
  guard.base.format_message(info, guard.text);
  std::longjmp(guard.escape, 1);  // NOLINT(cert-err52-cpp): the only way out of libjpeg
}

/// Warnings about lost pixels are errors here; those about headers and stray bytes are what many cameras cause.
static void judge_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_PROGRESSION: leave(info);
    default: return;
  }
}

static void ignore_message(j_common_ptr) {}

static void count_scans(j_common_ptr info) {
  if (!info->is_decompressor || reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  Guard& guard = *reinterpret_cast<Guard*>(info->err);
  std::snprintf(guard.text, sizeof(guard.text), "more than %d scans", kMaxScans);
  std::longjmp(guard.escape, 1);  // NOLINT(cert-err52-cpp)
}
}

void set_up(Guard& guard) noexcept {
  jpeg_std_error(&guard.base);
  guard.base.error_exit = leave;
  guard.base.emit_message = judge_message;
  guard.base.output_message = ignore_message;
  guard.text[0] = '\0';
}

struct Reader {
  Guard guard{};
  jpeg_decompress_struct info{};
  jpeg_progress_mgr progress{};
  std::span<const std::byte> data;
  std::uint8_t* pixels = nullptr;
  J_DCT_METHOD dct = JDCT_ISLOW;
};

/// Runs `step` and tells whether libjpeg came back from it by itself.
template <class State>
bool guarded(State& state, void (*step)(State&)) {
  if (setjmp(state.guard.escape) != 0) return false;  // NOLINT(cert-err52-cpp)
  step(state);
  return true;
}

void read_header(Reader& reader) {
  jpeg_create_decompress(&reader.info);
  reader.progress.progress_monitor = count_scans;
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(reader.data.data()), reader.data.size());
  jpeg_read_header(&reader.info, TRUE);
}

void read_pixels(Reader& reader) {
  jpeg_decompress_struct& info = reader.info;
  info.out_color_space = JCS_RGB;
  info.dct_method = reader.dct;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  const std::size_t row_bytes = std::size_t{info.output_width} * 3;
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = reader.pixels + info.output_scanline * row_bytes;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

const char* why_refused(const jpeg_decompress_struct& info) noexcept {
  if (info.arith_code) return "arithmetic coding";
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) return "four colours (CMYK)";
  if (info.num_components != 1 && info.num_components != 3) return "neither 1 nor 3 components";
  return nullptr;
}

/// Where encode_jpeg writes: the vector itself, grown by libjpeg's calls.
struct Writer {
  Guard guard{};
  jpeg_compress_struct info{};
  jpeg_destination_mgr target{};
  std::vector<std::byte>* out = nullptr;
  const ImageView* image = nullptr;
  JpegOptions options;
};

/// Gives libjpeg the rest of the vector, which is made longer first; false when there is no memory.
bool grow(Writer& writer, std::size_t used) noexcept {
  std::vector<std::byte>& out = *writer.out;
  try {
    out.resize(std::max({out.capacity(), 2 * used, std::size_t{4096}}));
  } catch (const std::exception&) {
    return false;
  }
  writer.target.next_output_byte = reinterpret_cast<JOCTET*>(out.data() + used);
  writer.target.free_in_buffer = out.size() - used;
  return true;
}

extern "C" {
static void begin_writing(j_compress_ptr info) {
  if (!grow(*static_cast<Writer*>(info->client_data), 0)) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
}
static boolean write_more(j_compress_ptr info) {
  Writer& writer = *static_cast<Writer*>(info->client_data);
  // All of the buffer is full then, whatever free_in_buffer says.
  if (!grow(writer, writer.out->size())) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
  return TRUE;
}
static void end_writing(j_compress_ptr) {}
}

void set_options(jpeg_compress_struct& info, const JpegOptions& options) {
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, options.quality, TRUE);
  info.dct_method = JDCT_ISLOW;
  if (info.num_components != 3) return;
  info.comp_info[0].h_samp_factor = options.subsampling == ChromaSubsampling::yuv444 ? 1 : 2;
  info.comp_info[0].v_samp_factor = options.subsampling == ChromaSubsampling::yuv420 ? 2 : 1;
}

void write_all(Writer& writer) {
  jpeg_compress_struct& info = writer.info;
  jpeg_create_compress(&info);
  info.client_data = &writer;
  writer.target.init_destination = begin_writing;
  writer.target.empty_output_buffer = write_more;
  writer.target.term_destination = end_writing;
  info.dest = &writer.target;
  info.image_height = static_cast<JDIMENSION>(writer.image->height());
  info.image_width = static_cast<JDIMENSION>(writer.image->width());
  info.input_components = writer.image->channels();
  info.in_color_space = writer.image->channels() == 3 ? JCS_RGB : JCS_GRAYSCALE;
  set_options(info, writer.options);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(writer.image->row(static_cast<int>(info.next_scanline)));  // libjpeg only reads it
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
}

}  // namespace

Status ImageDecoder::decode_jpeg(std::span<const std::byte> data, Image& out) noexcept {
  Reader reader;
  set_up(reader.guard);
  reader.info.err = &reader.guard.base;
  reader.data = data;
  reader.dct = dct_ == JpegDct::fast ? JDCT_IFAST : JDCT_ISLOW;
  Status status = Status::ok;
  if (!guarded(reader, read_header)) {
    error_.format("JPEG: {}", reader.guard.text);
    status = refuse(ErrorCode::parse);
  } else if (const char* refused = why_refused(reader.info); refused != nullptr) {
    error_.format("JPEG with {}", refused);
    status = refuse(ErrorCode::unsupported);
  } else {
    status = prepare(reader.info.image_height, reader.info.image_width, kPixelsPerByte * static_cast<std::int64_t>(data.size()), out);
    reader.pixels = out.pixels().data();
    if (status == Status::ok && !guarded(reader, read_pixels)) {
      error_.format("JPEG: {}", reader.guard.text);
      status = refuse(ErrorCode::parse);
    }
  }
  jpeg_destroy_decompress(&reader.info);
  return status;
}

Status encode_jpeg(const ImageView& image, const JpegOptions& options, std::vector<std::byte>& out) noexcept {
  if (image.empty() || image.height() > JPEG_MAX_DIMENSION || image.width() > JPEG_MAX_DIMENSION ||
      (image.channels() != 1 && image.channels() != 3))
    return Status::bad_shape;
  if (options.quality < 1 || options.quality > 100) return Status::out_of_range;
  Writer writer;
  set_up(writer.guard);
  writer.info.err = &writer.guard.base;
  writer.out = &out;
  writer.image = &image;
  writer.options = options;
  const bool written = guarded(writer, write_all);
  jpeg_destroy_compress(&writer.info);
  if (!written) return Status::over_capacity;
  out.resize(out.size() - writer.target.free_in_buffer);
  return Status::ok;
}

}  // namespace sinew
