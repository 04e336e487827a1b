# Who waits for a coroutine isn't told what an executor of one's own has handed to a pool.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "a coroutine that an executor of one's own hands to its pool")
set(finds "lost wake-up")
set(old [==[
            static_cast<void>(coroutine.change([&] {
                // By now]==])
set(new [==[
            static_cast<void>(coroutine.if_unqueued([&] {
                // By now]==])
