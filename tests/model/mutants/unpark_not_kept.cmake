# A wake-up that comes before the thread sleeps is forgotten.
set(header concurrent/futures/sync/parking_spot.hpp)
set(group pool)
set(only "a thread that parks")
set(finds "lost wake-up")
set(old [==[
        std::unique_lock lock(mutex_);
        changed_]==])
set(new [==[
        std::unique_lock lock(mutex_);
        woken_ = false;
        changed_]==])
