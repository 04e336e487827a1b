# `pending_count` is content with counts that change while it reads them.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group pool)
set(only "does not count as pending")
set(finds "nothing waits")
set(old "constexpr int most_attempts = 100;")
set(new "constexpr int most_attempts = 1;")
