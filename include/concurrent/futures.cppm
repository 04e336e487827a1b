// SPDX-License-Identifier: MIT

// The library as a C++20 module: `import concurrent.futures;`. It exports what <concurrent/futures.hpp>
// declares for its users; a test compares the two.
module;

#include <concurrent/futures.hpp>

export module concurrent.futures;

export namespace concurrent::futures { inline namespace v0_1 {

using concurrent::futures::any_future;
using concurrent::futures::as_completed;
using concurrent::futures::as_completed_range;
using concurrent::futures::broken_executor;
using concurrent::futures::broken_promise_error;
using concurrent::futures::broken_thread_pool;
using concurrent::futures::cancelled_error;
using concurrent::futures::completion_queue;
using concurrent::futures::error;
using concurrent::futures::executor;
using concurrent::futures::executor_base;
using concurrent::futures::executor_shutdown;
using concurrent::futures::fifo;
using concurrent::futures::Future;
using concurrent::futures::future_base;
using concurrent::futures::future_map;
using concurrent::futures::future_range;
using concurrent::futures::future_state;
using concurrent::futures::future_type;
using concurrent::futures::gather;
using concurrent::futures::invalid_state_error;
using concurrent::futures::is_copyable;
using concurrent::futures::lifo;
using concurrent::futures::log_handler;
using concurrent::futures::map;
using concurrent::futures::map_options;
using concurrent::futures::map_results;
using concurrent::futures::package;
using concurrent::futures::packaged;
using concurrent::futures::packaged_task;
using concurrent::futures::priority;
using concurrent::futures::Promise;
using concurrent::futures::queue_discipline;
using concurrent::futures::queued_task;
using concurrent::futures::return_when;
using concurrent::futures::set_log_handler;
using concurrent::futures::shutdown_options;
using concurrent::futures::submit_options;
using concurrent::futures::task_group;
#if defined(__cpp_lib_jthread)
using concurrent::futures::this_stop_token;
#endif
using concurrent::futures::this_thread_name;
using concurrent::futures::thread_pool_executor;
using concurrent::futures::thread_pool_options;
using concurrent::futures::timeout;
using concurrent::futures::timeout_duration;
using concurrent::futures::timeout_error;
using concurrent::futures::usable_cpus;
using concurrent::futures::version;
using concurrent::futures::version_number;
using concurrent::futures::wait;
using concurrent::futures::wait_options;
using concurrent::futures::wait_result;

using concurrent::futures::operator<<;

}}  // namespace concurrent::futures
