# A coroutine that is away looks whether it is only when its turn at home is queued, and may have begun.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "comes home to what is done")
set(finds "data race|use after destruction|crash")
set(old [==[
            queue_turn();
            return false;
]==])
set(new [==[
            queue_turn();
            return !is_away_;
]==])
