# Who cancels what another thread is about to cancel returns before it has.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "who cancels what another")
set(finds "data race|check")
set(old [==[
            wait_for_canceller();
]==])
set(new [==[
]==])
