# A worker looks at what others wait for before it shows what it waits for.
set(header concurrent/futures/state/helping_wait.hpp)
set(group composition)
set(only "a worker falls asleep while it is looked at")
set(finds "lost wake-up")
set(old [==[
    if (!std::exchange(is_shown_, true)) {
        self_.begin_to_block(walk_);
        walk_.look_at_leaves_again();
        return false;
    }
]==])
set(new [==[
    if (!is_shown_) {
        if (std::exchange(is_new_, false)) {
            walk_.look_at_leaves_again();
            return false;
        }
        is_shown_ = true;
        self_.begin_to_block(walk_);
        walk_.have_sleepers_look_again(true);
        return true;
    }
]==])
