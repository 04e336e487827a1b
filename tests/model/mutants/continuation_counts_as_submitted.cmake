# A worker that waits for a task runs a continuation that this task only made ready to run.
set(header concurrent/futures/task/continuation.hpp)
set(group waiting)
set(only "doesn't run a continuation that this task made ready")
set(finds "crash")
set(old [==[
    [[nodiscard]] bool submitter_may_wait() noexcept override { return false; }
]==])
set(new [==[
    [[nodiscard]] bool submitter_may_wait() noexcept override { return task_state<T>::submitter_may_wait(); }
]==])
