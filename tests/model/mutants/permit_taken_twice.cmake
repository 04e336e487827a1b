# A worker that has given the permit back takes it although a spare has it.
set(header concurrent/futures/sync/permit.hpp)
set(group locks)
set(only "of a worker and its spares")
set(finds "data race|lost wake-up")
set(old [==[
    if (asked_ != released_) {
        return false;
    }
    ++asked_;
    return true;
]==])
set(new [==[
    return true;
]==])
