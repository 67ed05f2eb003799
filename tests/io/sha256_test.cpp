// SPDX-License-Identifier: Apache-2.0
// Sha256 against the examples of FIPS 180-4 and against digests that Python's hashlib computed.
#include "sinew/io/sha256.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "temporary_directory.hpp"

using sinew::sha256;

namespace {

/// hashlib.sha256(bytes((i * 7 + n) % 256 for i in range(n))).hexdigest(), lengths around every edge of the padding.
const std::vector<std::pair<std::size_t, std::string>> kHashlib{
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {1, "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"},
    {3, "6ab0dba1f4f1dfbb37b4f9eeb092c09fca4900ad32bdcd147d8dde35d6c87c35"},
    {54, "1ad616be707a2b269ecfe28bdea4a4284a4f78a221287d45b98004231f501c77"},
    {55, "81afe5b788dc2ce138ff83d9b20164db75a94d75d2b2432eea4a0ef605088c72"},
    {56, "2aba54f0ac632420a2b502431408866e40e1d5e430df4cd822642c78ab2eb9c1"},
    {57, "903284efbf9100e8ba1614ec65eacacad125e03f857cae7acbf8b73b23e0fdfe"},
    {63, "733d3d4ee79ee67145bf73da13588f6f235d37414fc64b14a2f00f1762792f5e"},
    {64, "79322907b3e9d013d7dc2c2f256674dbf733045cde01df3539271c6f5605feb8"},
    {65, "d85c007c6eb440f085afa2b84f6f2bce4658b240e9f62cb1364bf0485a57e720"},
    {111, "b41ae5233b9ec35d8576a032034d2857b667a618c7038714d727d4dae3aa2525"},
    {112, "0949563bc78e5ccd85603fa20368a33ed3d2da0141c8284a3b1515fe4683cdd7"},
    {119, "6c87eedf096b345de205b702e5223b73b447a3207791ded3ea007ba15ed6736e"},
    {120, "42500cf6a1e3936d6b9e0bcfe296d654b63255e525487d3634d0b15fde591c4d"},
    {127, "68f6ff710276900c0ffbbc57426f67e00c2e01f0750c7edc25ac06b8ce7a8095"},
    {128, "489d55fea9a73af36b6dd0be7b4117d8e5683386d39544e8a44c99a87f368707"},
    {129, "4e1556b2e9a50a3cc9478f3254727b01065f9ac5d2c3a8b4cd538ae7240bb87d"},
    {1000, "6b0df76627243d095b0c4400cb658b7e804dd03461cc03aee8fc8fe0bcada168"},
    {65536, "d790e413479d16f4eab89ec0d18e3565e0982bd4788c26736a76d20ea781c901"},
    {100003, "65ce49f81d0adb2d1ea2fd3aaef9b5f8172a2c58a951c31cd4580e94a6bb58b7"},
};

std::string pattern(std::size_t n) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>((i * 7 + n) % 256);
  return text;
}

}  // namespace

TEST_CASE("sha256: the examples of FIPS 180-4") {
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: agrees with hashlib") {
  for (const auto& [length, digest] : kHashlib) {
    CAPTURE(length);
    CHECK(sha256(pattern(length)) == digest);
  }
}

TEST_CASE("sha256: pieces of any size give the digest of the whole") {
  const std::string text = pattern(1000);
  for (const std::size_t piece : {1, 3, 63, 64, 65, 130, 999}) {
    sinew::Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      hash.update(std::as_bytes(std::span(text).subspan(at, std::min(piece, text.size() - at))));
      static_cast<void>(hash.hex());  // asking in between changes nothing
    }
    CHECK(hash.hex() == sha256(text));
  }
}

TEST_CASE("sha256_file: hashes a file longer than its buffer, refuses what is none") {
  const sinew::testing::TemporaryDirectory folder;
  const auto path = folder.path() / "file";
  std::ofstream(path, std::ios::binary) << pattern(100003);
  CHECK(sinew::sha256_file(path) == kHashlib.back().second);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << pattern(65536);
  CHECK(sinew::sha256_file(path) == sha256(pattern(65536)));
  std::ofstream(path, std::ios::trunc).close();
  CHECK(sinew::sha256_file(path) == sha256(""));
  CHECK_THROWS_AS(static_cast<void>(sinew::sha256_file(folder.path() / "absent")), sinew::Error);
  CHECK_THROWS_AS(static_cast<void>(sinew::sha256_file(folder.path())), sinew::Error);
}
