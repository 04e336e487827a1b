# A worker that has found an item looks whether to wake another without having ended the biases of the queues.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "a worker that finds a task wakes a third")
set(finds "lost wake-up")
set(old [==[
        source_.order_pushes();
        const std::size_t waiting = source_.waiting();
        start]==])
set(new [==[
        const std::size_t waiting = source_.waiting();
        start]==])
