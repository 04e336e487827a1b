# A future that waits for others is claimed while a walk reads what those are.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "a worker looks at the parts of a gather")
set(finds "use after destruction|crash|data race")
set(old [==[
        with_lock([&] { claimed = claim(); });
]==])
set(new [==[
        claimed = claim();
]==])
