# A worker that goes to sleep misses the first queue to which another pushes.
set(header concurrent/futures/pool/worker.hpp)
set(group pool)
set(only "the first task that another keeps")
set(finds "lost wake-up")
set(old [==[
            } while (!first_.compare_exchange_weak(first, &self));
]==])
set(new [==[
            } while (!first_.compare_exchange_weak(first, &self, std::memory_order_release));
]==])
