# A worker that was idle and has taken a task seems to be busy before it has claimed it.
set(header concurrent/futures/task/queued_state.hpp)
set(group waiting)
set(only "a task that waits with a limit leaves")
set(finds "lost wake-up")
set(old [==[
    if (!its_future.claim()) {
        its_future.release_from_queue();
        return false;
    }
    self.note_busy();
]==])
set(new [==[
    self.note_busy();
    if (!its_future.claim()) {
        its_future.release_from_queue();
        return false;
    }
]==])
