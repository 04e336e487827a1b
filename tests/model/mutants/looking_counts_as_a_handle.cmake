# What a worker looks at while it waits has one more handle meanwhile, so another's is not the last.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "what a continuation waits for is cancelled with it")
set(finds "so is what it waited for")
set(old [==[
    static constexpr std::uint64_t one_weak_handle = std::uint64_t(1) << 34;
]==])
set(new [==[
    static constexpr std::uint64_t one_weak_handle = std::uint64_t(1) << 37;
]==])
