# A loop ends although branches run that other branches have started.
set(header concurrent/futures/algorithm/loop.hpp)
set(group waiting)
set(only "for_each: workers and branches")
set(finds "race|use after destruction|crash")
set(old [==[
        while (const std::unique_ptr<started> newest = take_newest()) {
            branching_.join]==])
set(new [==[
        if (const std::unique_ptr<started> newest = take_newest()) {
            branching_.join]==])
