# The memory of a cancelled continuation is freed although its callback comes.
set(header concurrent/futures/task/continuation.hpp)
set(group composition)
set(only "a continuation runs or is cancelled")
set(finds "use after destruction|crash|data race")
set(old [==[
    if (future.is_inherited() || !take_back_from(parent_)) {
        return false;
    }
]==])
set(new [==[
    static_cast<void>(take_back_from(parent_));
]==])
