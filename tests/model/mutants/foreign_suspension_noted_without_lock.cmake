# The worker that ran a coroutine goes while another looks at its wait.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "a foreign awaiter suspends a coroutine while a worker waits for it")
set(finds "data race")
set(old [==[
        future().with_lock([this] { static_cast<void>(local_queue::note_suspended(*this)); });
]==])
set(new [==[
        static_cast<void>(local_queue::note_suspended(*this));
]==])
