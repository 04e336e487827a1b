# Whoever waits for several is not woken by the last.
set(header concurrent/futures/algorithm/completion_watch.hpp)
set(group completion)
set(only "wait returns when all")
set(finds "lost wake-up")
set(old [==[
done_ >= wanted_ ||]==])
set(new [==[
done_ > wanted_ ||]==])
