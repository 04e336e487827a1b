# A worker counts as searching only after its result can be seen.
set(header concurrent/futures/task/queued_state.hpp)
set(group pool)
set(only "no needless thread")
set(finds "one worker is enough")
set(old [==[
        self.note_nearly_idle();
]==])
set(new [==[
]==])
