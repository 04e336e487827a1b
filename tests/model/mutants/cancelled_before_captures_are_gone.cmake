# A task is cancelled for all to see before what it captured is destroyed.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "sees that what it captured is gone")
set(finds "data race|check")
set(old [==[
    {
        const cancellation mark;
        discard_captures();
    }
    static_cast<void>(settle<future_state::cancelled, 0>(outcome::cancelled, [] {}));
]==])
set(new [==[
    static_cast<void>(settle<future_state::cancelled, 0>(outcome::cancelled, [] {}));
    {
        const cancellation mark;
        discard_captures();
    }
]==])
