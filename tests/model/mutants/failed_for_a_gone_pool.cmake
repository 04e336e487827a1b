# What fails because its pool was destroyed is counted in that pool.
set(header concurrent/futures/task/continuation.hpp)
set(group composition)
set(only "what sees that is queued while its pool is destroyed")
set(finds "data race|use after destruction|crash")
set(old [==[
            this->fail_unqueued(
]==])
set(new [==[
            static_cast<void>(this->begin_to_queue());
            this->fail_waiting(
]==])
