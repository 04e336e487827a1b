# A wait ends while a future is telling it.
set(header concurrent/futures/algorithm/completion_watch.hpp)
set(group completion)
set(only "lets go of the other")
set(finds "use after destruction|data race")
set(old [==[
    changed_.wait(lock, [this] { return told_ == watched_; });]==])
set(new [==[
]==])
