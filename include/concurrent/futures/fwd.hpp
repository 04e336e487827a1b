// SPDX-License-Identifier: MIT

#pragma once

// Names the library's classes without their definitions, for headers that mention `Future<T>` or
// `thread_pool_executor<>&` only. It includes nothing.

namespace concurrent::futures { inline namespace v0_1 {

class packaged_task;
class queued_task;
struct fifo;
struct lifo;
struct priority;
template <class T>
class Future;
template <class T>
class map_results;
template <class T>
class Promise;
template <class Queue = fifo>
class thread_pool_executor;

}}  // namespace concurrent::futures
