# A worker that was idle without pushes being told has found something, and tells nobody.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "when the last that had ended a task")
set(finds "lost wake-up")
set(old [==[
        searching_unseen_.fetch_sub(1);
        notify_if_nobody_idle();
]==])
set(new [==[
        searching_unseen_.fetch_sub(1);
]==])
