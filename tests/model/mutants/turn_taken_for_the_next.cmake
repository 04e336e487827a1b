# What an earlier turn of a coroutine was submitted as is taken for the next turn.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "returns only after the next turn")
set(finds "lost wake-up")
set(old [==[
                if (number_ == number) {
]==])
set(new [==[
                {
]==])
