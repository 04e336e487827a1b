# A worker that has looked at all futures doesn't look at another one that is added.
set(header concurrent/futures/algorithm/outstanding_futures.hpp)
set(group groups)
set(only "asleep in wait")
set(finds "lost wake-up")
set(old [==[
                each->unexamined = &added;
]==])
set(new [==[
                each->unexamined = nullptr;
]==])
