# The last task of a group wakes nobody.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group groups)
set(only "waits for its task")
set(finds "lost wake-up")
set(old [==[
        if (last) {
            futures_.notify();
        }
]==])
set(new [==[
]==])
