# So many workers look at a future that they count as a handle, and the last handle leaves the result to them.
set(header concurrent/futures/state/shared_state.hpp)
set(group shared_state)
set(only "so many workers look at the result")
set(finds "leak")
set(old [==[
    if (!(after & handles) && (before & handles)) {
        clear_result_if_finished(after);  // there were so many that they counted as a handle
    } else {
        delete_if_released(after);
    }
]==])
set(new [==[
    delete_if_released(after);
]==])
