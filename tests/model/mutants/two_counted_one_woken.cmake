# Two workers are counted as woken, and only one is.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "three workers that sleep are woken")
set(finds "lost wake-up")
set(old [==[
            for (std::size_t i = 0; i != unparked; ++i) {
]==])
set(new [==[
            for (std::size_t i = 0; i != unparked && i != 1; ++i) {
]==])
