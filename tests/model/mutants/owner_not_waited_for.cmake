# Who revokes a bias does not wait for an owner that is inside.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race")
set(old [==[
== owner_state::inside;) {
        delay.pause();
]==])
set(new [==[
== owner_state::inside;) {
        break;
]==])
