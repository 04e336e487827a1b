# A worker that is to destroy a result still says that it is nearly idle.
set(header concurrent/futures/task/queued_state.hpp)
set(group pool)
set(only "a worker that destroys a result")
set(finds "lost wake-up")
set(old [==[
        self.note_busy();
        its_future.destroy_without_handle();
]==])
set(new [==[
        its_future.destroy_without_handle();
]==])
