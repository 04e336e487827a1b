# A push relies on the first thread before it is certain that this can be started.
set(header concurrent/futures/pool/threads.hpp)
set(group pool)
set(only "its first thread can't be started")
set(finds "lost wake-up")
set(old [==[
    [[nodiscard]] bool none() const noexcept { return none_.load(); }
]==])
set(new [==[
    [[nodiscard]] bool none() const noexcept { return count() == 0; }
]==])
