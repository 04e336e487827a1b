# A push looks whether to start a worker without having ended the biases of the queues.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "while a worker initializes")
set(finds "a second worker is started")
set(old [==[
            source_.order_pushes();  // of two]==])
set(new [==[
            // of two]==])
