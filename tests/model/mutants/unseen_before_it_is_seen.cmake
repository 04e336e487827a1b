# A worker that is about to sleep is in no count for a moment.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "a worker that has just ended a task")
set(finds "lost wake-up")
set(old [==[
        const bool seen = self.search_ == sleeper::search::seen;
        const worker_counts announced]==])
set(new [==[
        const bool seen = self.search_ == sleeper::search::seen;
        become_seen(self);
        const worker_counts announced]==])
