// SPDX-License-Identifier: Apache-2.0
// .npy from a peer: either a reason, or an array that lies in the bytes.
#include <algorithm>

#include "fuzz.hpp"
#include "sinew/backend/remote/npy.hpp"

using namespace sinew;
using namespace sinew::remote;
using testing::law;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  WireArray array;
  FixedText error;
  if (read_npy(bytes, array, error) != Status::ok) {
    testing::check_error_text(error.view());
    return 0;
  }
  law(array.bytes.size() == array.shape.count() * size_of(array.dtype), "an array has the bytes of its shape");
  law(array.bytes.data() + array.bytes.size() == bytes.data() + size, "an array is what the file ends with");
  auto again = npy_header(array.dtype, array.shape.dims());
  again.insert(again.end(), array.bytes.begin(), array.bytes.end());
  WireArray second;
  law(read_npy(again, second, error) == Status::ok && second.shape == array.shape && second.dtype == array.dtype &&
          std::ranges::equal(second.bytes, array.bytes),
      "what was read survives the writer");
  return 0;
}
