# The last task of a group counts itself as done before it has the lock to wake whoever waits.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group groups)
set(only "a group waits for tasks of a pool")
set(finds "use after destruction|data race|crash|lost wake-up")
set(old [==[
    while (unfinished > 1) {
]==])
set(new [==[
    while (unfinished > 0) {
]==])
