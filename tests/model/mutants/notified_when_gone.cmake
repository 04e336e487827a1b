# Whoever waits is gone before it is notified.
set(header concurrent/futures/state/await.hpp)
set(group shared_state)
set(only "who waits for a result")
set(finds "use after destruction")
set(old [==[
        const std::lock_guard lock(mutex_);
        told_ = true;
        changed_.notify_one();]==])
set(new [==[
        {
            const std::lock_guard lock(mutex_);
            told_ = true;
        }
        changed_.notify_one();]==])
