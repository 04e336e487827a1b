# A future counts and locks in one word of 64 bits, a queue locks by a byte. Where a processor has no atomic
# instructions for these, as 32-bit Arm before version 7, GCC calls its library libatomic. The installed package looks
# for itself, as one installation serves every architecture.
include(CheckCXXSourceCompiles)
set(CONCURRENT_FUTURES_ATOMIC_SOURCE
    "#include <atomic>
    #include <cstdint>
    std::atomic<std::uint64_t> word{0};
    std::atomic<bool> locked{false};
    int main() { return locked.exchange(true) ? 1 : static_cast<int>(word.fetch_add(1)); }"
)
check_cxx_source_compiles("${CONCURRENT_FUTURES_ATOMIC_SOURCE}" CONCURRENT_FUTURES_HAS_ATOMIC_INSTRUCTIONS)
if(NOT CONCURRENT_FUTURES_HAS_ATOMIC_INSTRUCTIONS)
    list(APPEND CMAKE_REQUIRED_LIBRARIES atomic)
    check_cxx_source_compiles("${CONCURRENT_FUTURES_ATOMIC_SOURCE}" CONCURRENT_FUTURES_NEEDS_LIBATOMIC)
    list(REMOVE_ITEM CMAKE_REQUIRED_LIBRARIES atomic)
endif()
