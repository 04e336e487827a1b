# The owner biases the lock although another thread has it.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "keeps its owner and another")
set(finds "data race|check")
set(old [==[
    bias before = bias::none;
    // Seq]==])
set(new [==[
    bias before = bias::revoking;
    // Seq]==])
