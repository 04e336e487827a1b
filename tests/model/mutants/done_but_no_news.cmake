# A walk is not told that what the worker waits for is done.
set(header concurrent/futures/state/dependency_walk.hpp)
set(group composition)
set(only "a worker wakes when another thread completes")
set(finds "lost wake-up")
set(old [==[
            is_done = true;
            walk.add_news(*this, wakes || is_awaited);
]==])
set(new [==[
            is_done = true;
]==])
