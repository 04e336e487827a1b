# A worker goes to sleep, and looks into the queues without having ended their biases.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "what comes to a biased queue")
set(finds "lost wake-up")
set(old [==[
    source_.order_pushes();
    // Before the items]==])
set(new [==[
    // Before the items]==])
