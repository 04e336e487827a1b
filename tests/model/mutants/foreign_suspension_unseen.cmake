# A coroutine that a foreign awaiter has suspended seems to be run by its last worker.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "the only worker waits for a coroutine that a foreign awaiter has suspended")
set(finds "crash")
set(old [==[
        const std::uintptr_t place = local_queue::note_suspended(*this);
        future().suspend([] {});
        return place;
]==])
set(new [==[
        return 0;
]==])
