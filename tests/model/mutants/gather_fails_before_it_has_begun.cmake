# A gather ends while it still adds itself to its parts.
set(header concurrent/futures/algorithm/gather.hpp)
set(group composition)
set(only "a future fails while it is being gathered")
set(finds "use after destruction|crash|data race|leak")
set(old [==[
                fails = is_started_;
                if (!fails && !failed_) {
                    failed_ = &done;  // `start` goes on with it
                }
]==])
set(new [==[
                fails = true;
]==])
