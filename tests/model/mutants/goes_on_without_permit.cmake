# A worker that wakes goes on although its spare runs.
set(header concurrent/futures/pool/worker.hpp)
set(group composition)
set(only "what a worker has to run for others waits")
set(finds "data race|lost wake-up")
set(old [==[
    if (permit_ && !pool_.is_inherited()) {
        permit_->acquire();
    }
]==])
set(new [==[
]==])
