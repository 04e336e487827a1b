# A worker that sleeps does not tell others of a task on which it comes to depend.
set(header concurrent/futures/state/helping_wait.hpp)
set(group composition)
set(only "a worker that sleeps is told")
set(finds "lost wake-up")
set(old [==[
    walk_.have_sleepers_look_again(std::exchange(is_new_, false));
]==])
set(new [==[
    if (std::exchange(is_new_, false)) {
        walk_.have_sleepers_look_again(true);
    }
]==])
