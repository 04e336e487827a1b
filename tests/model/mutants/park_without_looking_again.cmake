# A worker goes to sleep without looking once more.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
    if (source_.has_items()) {
        return true;
    }
    if (is_to_end]==])
set(new [==[
    if (is_to_end]==])
