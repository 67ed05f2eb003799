// SPDX-License-Identifier: Apache-2.0
// PNG through libpng. Its errors leave by longjmp, so every call of it sits in a function without destructors.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <exception>
#include <string_view>

#include "sinew/io/image_codec.hpp"

namespace sinew {

namespace {

constexpr std::int64_t kDeflateRatio = 1032;  // of zlib at best: 258 bytes from 2 bits
constexpr std::int64_t kSlack = 4096;         // for images so small that no ratio applies

struct Guard {
  std::jmp_buf escape;
  FixedText* error = nullptr;
};

struct Reader {
  Guard guard{};
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> rest;
  std::uint8_t** rows = nullptr;
};

struct Writer {
  Guard guard{};
  png_structp png = nullptr;
  png_infop info = nullptr;
  const ImageView* image = nullptr;
  int compression = 0;
  std::vector<std::byte>* out = nullptr;
};

extern "C" {
[[noreturn]] static void leave(png_structp png, png_const_charp text) {
  Guard& guard = *static_cast<Guard*>(png_get_error_ptr(png));
  if (guard.error != nullptr) guard.error->format("PNG: {}", text);
  std::longjmp(guard.escape, 1);  // NOLINT(cert-err52-cpp): the only way out of libpng
}

static void ignore_warning(png_structp, png_const_charp) {}

static void read_bytes(png_structp png, png_bytep to, std::size_t size) {
  Reader& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader.rest.size()) png_error(png, "the data end too early");
  std::memcpy(to, reader.rest.data(), size);
  reader.rest = reader.rest.subspan(size);
}

static void write_bytes(png_structp png, png_bytep from, std::size_t size) {
  std::vector<std::byte>& out = *static_cast<Writer*>(png_get_io_ptr(png))->out;
  bool written = true;
  try {
    const auto* bytes = reinterpret_cast<const std::byte*>(from);
    out.insert(out.end(), bytes, bytes + size);
  } catch (const std::exception&) {
    written = false;
  }
  if (!written) png_error(png, "no memory");
}

static void flush_nothing(png_structp) {}
}

template <class State>
bool guarded(State& state, void (*step)(State&)) {
  if (setjmp(state.guard.escape) != 0) return false;  // NOLINT(cert-err52-cpp)
  step(state);
  return true;
}

void read_header(Reader& reader) {
  // Chunks that are skipped unread are not looked at for their place either.
  constexpr std::string_view kFirst = "IHDR";
  constexpr std::size_t kPlace = 12;
  if (reader.rest.size() >= kPlace + kFirst.size() && std::memcmp(reader.rest.data() + kPlace, kFirst.data(), kFirst.size()) != 0) {
    reader.guard.error->format("PNG: the first chunk is not IHDR");
    std::longjmp(reader.guard.escape, 1);  // NOLINT(cert-err52-cpp)
  }
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.guard, leave, ignore_warning);
  if (reader.png == nullptr) return;
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return;
  png_set_read_fn(reader.png, &reader, read_bytes);
  // Comments, profiles and the like are skipped unread; a compressed comment would otherwise be a bomb of its own.
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reader.png, reader.info);
}

void read_pixels(Reader& reader) {
  const auto type = png_get_color_type(reader.png, reader.info);
  png_set_strip_16(reader.png);
  png_set_packing(reader.png);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  if ((type & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(reader.png);
    png_set_gray_to_rgb(reader.png);
  }
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != std::size_t{png_get_image_width(reader.png, reader.info)} * 3)
    png_error(reader.png, "a colour type that does not become RGB");
  png_read_image(reader.png, reader.rows);
  png_read_end(reader.png, nullptr);
}

void write_all(Writer& writer) {
  static constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.guard, leave, ignore_warning);
  if (writer.png == nullptr) std::longjmp(writer.guard.escape, 1);  // NOLINT(cert-err52-cpp)
  writer.info = png_create_info_struct(writer.png);
  if (writer.info == nullptr) png_error(writer.png, "no memory");
  png_set_write_fn(writer.png, &writer, write_bytes, flush_nothing);
  png_set_compression_level(writer.png, writer.compression);
  const ImageView& image = *writer.image;
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width()), static_cast<png_uint_32>(image.height()), 8,
               kTypes[image.channels() - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  for (int y = 0; y < image.height(); ++y) png_write_row(writer.png, image.row(y));
  png_write_end(writer.png, nullptr);
}

/// Pixels that `size` bytes of a PNG can hold at most: a row has a filter byte, its pixels 1 to 64 bits.
std::int64_t most_pixels(const Reader& reader, std::size_t size) noexcept {
  const int bits = png_get_bit_depth(reader.png, reader.info) * png_get_channels(reader.png, reader.info);
  return (kDeflateRatio * static_cast<std::int64_t>(size) + kSlack) * 8 / bits;
}

}  // namespace

Status ImageDecoder::decode_png(std::span<const std::byte> data, Image& out) noexcept {
  Reader reader;
  reader.guard.error = &error_;
  reader.rest = data;
  Status status = Status::ok;
  if (!guarded(reader, read_header)) {
    status = refuse(ErrorCode::parse);
  } else if (reader.info == nullptr) {
    error_.format("PNG: no memory");
    status = refuse(ErrorCode::limit);
  } else {
    status = prepare(png_get_image_height(reader.png, reader.info), png_get_image_width(reader.png, reader.info),
                     most_pixels(reader, data.size()), out);
  }
  if (status == Status::ok) {
    try {
      rows_.resize(static_cast<std::size_t>(out.height()));
      for (std::size_t y = 0; y < rows_.size(); ++y) rows_[y] = out.pixels().data() + y * static_cast<std::size_t>(out.width()) * 3;
      reader.rows = rows_.data();
      if (!guarded(reader, read_pixels)) status = refuse(ErrorCode::parse);
    } catch (const std::exception&) {
      error_.format("PNG: no memory");
      status = refuse(ErrorCode::limit);
    }
  }
  png_destroy_read_struct(&reader.png, &reader.info, nullptr);
  return status;
}

Status encode_png(const ImageView& image, int compression, std::vector<std::byte>& out) noexcept {
  constexpr int kMaxSide = 65500;
  if (image.empty() || image.height() > kMaxSide || image.width() > kMaxSide || image.channels() > 4) return Status::bad_shape;
  if (compression < 1 || compression > 9) return Status::out_of_range;
  out.clear();
  Writer writer;
  writer.image = &image;
  writer.compression = compression;
  writer.out = &out;
  const bool written = guarded(writer, write_all);
  png_destroy_write_struct(&writer.png, &writer.info);
  return written ? Status::ok : Status::over_capacity;
}

}  // namespace sinew
