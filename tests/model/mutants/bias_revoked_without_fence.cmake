# Who revokes a bias looks for the owner without having fenced the process.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race")
set(old [==[
    asymmetric_fence::heavy();
]==])
set(new [==[
]==])
