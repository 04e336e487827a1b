# A queue drops the next turn of a coroutine, which it takes for the last one.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "drops a coroutine")
set(finds "lost wake-up")
set(old [==[
        } while (!future().release_unless_live());
        return false;]==])
set(new [==[
        } while (false);
        future().release_from_queue();
        return false;]==])
