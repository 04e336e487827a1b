# A worker that was idle and has taken a task seems to be busy before it has claimed it.
set(header concurrent/futures/task/queued_state.hpp)
set(group waiting)
set(only "a task that waits with a limit leaves")
set(finds "lost wake-up")
set(old [==[
    if (!claim_for_queue(its_future)) {
        return false;
    }
    self.note_busy();
]==])
set(new [==[
    self.note_busy();
    if (!claim_for_queue(its_future)) {
        return false;
    }
]==])
