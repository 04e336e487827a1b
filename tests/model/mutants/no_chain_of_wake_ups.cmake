# A worker that has found an item does not wake the next worker.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "two workers that sleep are woken")
set(finds "lost wake-up")
set(old [==[
    if (now.parked() != 0 || now.may_start()) {
        source_.order_pushes();
        const std::size_t waiting]==])
set(new [==[
    if (false) {
        const std::size_t waiting]==])
