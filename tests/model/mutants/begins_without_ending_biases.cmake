# A new worker looks whether to start another without having ended the biases of the queues.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "a worker that begins to initialize")
set(finds "lost wake-up")
set(old [==[
    source_.order_pushes();
    const std::size_t waiting = source_.waiting();
    return]==])
set(new [==[
    const std::size_t waiting = source_.waiting();
    return]==])
