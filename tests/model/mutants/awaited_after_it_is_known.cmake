# A coroutine says what it awaits after it has begun to wait for that.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "begins to wait")
set(finds "race|used after|lost wake-up|check")
set(old [==[
        its_future.suspend([&] { awaited_ = &awaited; });
        if (call_when_done_later(awaited)) {
            return true;  // by now the coroutine may run elsewhere
        }]==])
set(new [==[
        its_future.suspend([] {});
        if (call_when_done_later(awaited)) {
            awaited_ = &awaited;
            return true;
        }]==])
