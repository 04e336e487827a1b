# Nobody sees what a worker waits for that joins a branch, nor does it look for what it can run meanwhile.
set(header concurrent/futures/task/branch.hpp)
set(group waiting)
set(only "invoke: a worker of another pool joins")
set(finds "lost wake-up|deadlock")
set(old [==[
            if (worker::current()) {
                block_visibly(self);]==])
set(new [==[
            if (false) {
                block_visibly(self);]==])
