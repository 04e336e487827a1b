# A future of a future is cancelled while another thread joins the inner one, and both end that.
set(header concurrent/futures/algorithm/flatten.hpp)
set(group composition)
set(only "a future that a continuation returns is joined")
set(finds "use after destruction|crash|data race|lost wake-up|leak")
set(old [==[
        if (found == phase::joins_inner || this->is_inherited()) {
]==])
set(new [==[
        if (this->is_inherited()) {
]==])
