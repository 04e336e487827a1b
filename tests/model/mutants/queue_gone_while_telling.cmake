# A completion queue is destroyed while a future is telling it.
set(header concurrent/futures/algorithm/completion_feed.hpp)
set(group groups)
set(only "destroyed while")
set(finds "use after destruction|data race|crash")
set(old [==[
                futures_.wait_for_others(lock, [&] { return first_outstanding() != each; });
]==])
set(new [==[
                futures_.remove(*each);
]==])
