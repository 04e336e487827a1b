# A worker that comes to depend on a queued task tells those that could run it only if all workers of that pool sleep.
set(header concurrent/futures/task/queued_state.hpp)
set(group waiting)
set(only "a worker is needed that sleeps")
set(finds "lost wake-up|deadlock")
set(old [==[
owner_->blocked_waits().have_all_look_again();
]==])
set(new [==[
owner_->for_each_obstacle([](blocked_wait& wait, std::size_t) { wait.look_again(false); });
]==])
