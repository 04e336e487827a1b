#include <concurrent/futures.hpp>
