# A queue frees the memory of a result that the last handle is about to destroy.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "the last handle destroys the result of a task that a queue")
set(finds "use after destruction|data race|crash")
set(old [==[
        if (is_left(after) && ((after & cleared) || state_of(after) == future_state::cancelled)) {
]==])
set(new [==[
        if (is_left(after)) {
]==])
