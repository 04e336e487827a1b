# A coroutine ends, and its memory is freed, before the executor of one's own that runs it has returned.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "a coroutine that nobody has ends before")
set(finds "use after destruction|crash|data race")
set(old [==[
        const shared_state_base::weak_handle kept(coroutine);
        const std::uint32_t number]==])
set(new [==[
        const std::uint32_t number]==])
