# Compiles SOURCE with FLAGS, which spaces separate: its first error must contain FIRST_ERROR; where that is empty, there must be no error.
separate_arguments(FLAGS)
execute_process(
    COMMAND "${COMPILER}" ${FLAGS} -std=c++20 -fsyntax-only "-I${INCLUDE}" "${SOURCE}"
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
    RESULT_VARIABLE result
)
if(FIRST_ERROR STREQUAL "")
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "it doesn't compile:\n${output}")
    endif()
    return()
endif()
if(result EQUAL 0)
    message(FATAL_ERROR "it compiles, but should not")
endif()
string(REGEX MATCH "[^\n]*error:[^\n]*" first "${output}")
string(FIND "${first}" "${FIRST_ERROR}" position)
if(position EQUAL -1)
    message(FATAL_ERROR "the first error is\n${first}\nand should contain\n${FIRST_ERROR}\nof\n${output}")
endif()
