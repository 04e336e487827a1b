# Who waits for a continuation isn't told what an executor of one's own has handed to a pool.
set(header concurrent/futures/task/continuation.hpp)
set(group composition)
set(only "a continuation that an executor of one's own hands to its pool")
set(finds "lost wake-up")
set(old [==[
        static_cast<void>(future.change([&] { submitted_ = std::move(submitted); }));
]==])
set(new [==[
        static_cast<void>(future.if_unqueued([&] { submitted_ = std::move(submitted); }));
]==])
