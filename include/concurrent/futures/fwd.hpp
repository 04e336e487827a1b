// SPDX-License-Identifier: MIT

#pragma once

// This header declares the library's classes, for headers that only mention `Future<T>` or
// `thread_pool_executor<>&`. It includes nothing.

namespace concurrent::futures { inline namespace v0_1 {

class any_future;
class packaged_task;
class queued_task;
struct fifo;
struct lifo;
struct priority;
template <class T>
class completion_queue;
template <class T>
class Future;
template <class T>
class map_results;
template <class T>
class Promise;
template <class Queue = fifo>
class thread_pool_executor;
template <class Executor = thread_pool_executor<>>
class task_group;

}}  // namespace concurrent::futures
