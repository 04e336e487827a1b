# A worker that waits for who awaits a group isn't told of a task that is submitted to the group.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group coroutine)
set(only "to which a task of its pool is submitted")
set(finds "lost wake-up")
set(old [==[
    tell_change(awaited);]==])
set(new [==[
    static_cast<void>(awaited);]==])
