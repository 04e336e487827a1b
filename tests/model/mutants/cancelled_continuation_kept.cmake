# Nobody frees a continuation that was cancelled before its callback came.
set(header concurrent/futures/task/continuation.hpp)
set(group composition)
set(only "a continuation runs or is cancelled")
set(finds "leak")
set(old [==[
            return true;
        }
        future.release_from_queue();
]==])
set(new [==[
            return true;
        }
]==])
