# Who awaits a group doesn't keep what a worker looks at that waits for it.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group coroutine)
set(only "ends a group after it has awaited that")
set(finds "use after destruction")
set(old [==[
        group_.references_.fetch_add(1);]==])
set(new [==[]==])
