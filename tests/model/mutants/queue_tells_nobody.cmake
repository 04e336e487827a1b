# A future that becomes done wakes nobody who waits for the next.
set(header concurrent/futures/algorithm/completion_feed.hpp)
set(group groups)
set(only "each future once")
set(finds "lost wake-up")
set(old [==[
        last_done_ = &done;
        futures_.notify();  // all: if one thread takes the last, the others get nothing
]==])
set(new [==[
        last_done_ = &done;
]==])
