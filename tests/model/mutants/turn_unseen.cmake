# Who waits for a coroutine isn't told that its next turn can be run.
set(header concurrent/futures/state/shared_state.hpp)
set(group coroutine)
set(only "the only worker")
set(finds "lost wake-up")
set(old [==[
            is_to_be_pushed = !(word & in_queue);
            waiters_.tell_change();]==])
set(new [==[
            is_to_be_pushed = !(word & in_queue);]==])
