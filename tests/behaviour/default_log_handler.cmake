separate_arguments(LAUNCHER)
execute_process(COMMAND ${LAUNCHER} "${PROGRAM}" ERROR_VARIABLE errors RESULT_VARIABLE result)
set(expected
"concurrent::futures: exception was never retrieved: a standard one
concurrent::futures: exception was never retrieved: an exception that is not a std::exception
concurrent::futures: a done callback threw: from a callback
concurrent::futures: the log handler threw: from the handler
concurrent::futures: exception was never retrieved: still shown
")
if(NOT result EQUAL 0 OR NOT errors STREQUAL expected)
    message(FATAL_ERROR "it ended with ${result} and wrote\n${errors}\nbut should have written\n${expected}")
endif()
