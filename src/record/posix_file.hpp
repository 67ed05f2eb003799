// SPDX-License-Identifier: Apache-2.0
// What recorder and recovery ask of the operating system.
#pragma once

#include <filesystem>

namespace sinew::detail {

/// Makes a new or renamed file durable: its folder must be synced too. False with errno on failure.
[[nodiscard]] bool sync_folder_of(const std::filesystem::path& path) noexcept;

/// Takes the file for this process, as long as the descriptor is open; false when another has it. True where files cannot be locked.
[[nodiscard]] bool try_lock(int descriptor) noexcept;

}  // namespace sinew::detail
