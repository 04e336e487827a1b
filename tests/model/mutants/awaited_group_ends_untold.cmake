# The last task of a group doesn't let those go on who await the group.
set(header concurrent/futures/algorithm/task_group.hpp)
set(group coroutine)
set(only "while the tasks of that end")
set(finds "lost wake-up")
set(old [==[
        end_all(awaited, std::move(failed));]==])
set(new [==[]==])
