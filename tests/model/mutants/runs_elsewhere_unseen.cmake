# Nobody can see which worker runs what the worker's pool doesn't have.
set(header concurrent/futures/pool/worker.hpp)
set(group coroutine)
set(only "a coroutine blocks on another pool's worker")
set(finds "lost wake-up")
set(old [==[
            self->local_queue_.note_running_elsewhere(item);
]==])
set(new [==[
            static_cast<void>(self);
            static_cast<void>(item);
]==])
