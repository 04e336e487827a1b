# A task that ends without a handle frees its memory, although a worker looks at it.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "a task runs and its last handle goes, while a worker looks at it")
set(finds "use after destruction|crash|data race")
set(old [==[
        if (is_left(word_.load(std::memory_order_acquire))) {
            destroy();
        } else {
            clear_result();
        }
]==])
set(new [==[
        destroy();
]==])
