# Compiles SOURCE with FLAGS, which spaces separate. Its first error must be short and contain FIRST_ERROR, or each of
# several texts that are separated by |; where that is empty, there must be no error. A warning counts as an error, so
# that it is seen whether the library hides what the compiler warns of.
separate_arguments(FLAGS)
execute_process(
    COMMAND "${COMPILER}" ${FLAGS} -std=c++20 -Wall -Werror -fsyntax-only "-I${INCLUDE}" "${SOURCE}"
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
string(REPLACE "|" ";" texts "${FIRST_ERROR}")
foreach(text IN LISTS texts)
    string(FIND "${first}" "${text}" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "the first error is\n${first}\nand should contain\n${text}\nof\n${output}")
    endif()
endforeach()
string(REGEX REPLACE "^.*error: |[(]lambda at [^)]*[)]" "" message "${first}")
string(LENGTH "${message}" length)
if(length GREATER 250)
    message(FATAL_ERROR "the first error is ${length} characters long:\n${first}")
endif()
