# A task is submitted while its group is cancelled, and stays.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group groups)
set(only "does not stay")
set(finds "check")
set(old [==[
        cancelled_ = group.cancelled_.load();
        awaited]==])
set(new [==[
        awaited]==])
