# A program of a document prints what the document says.
separate_arguments(LAUNCHER)
execute_process(COMMAND ${LAUNCHER} "${PROGRAM}" OUTPUT_VARIABLE output RESULT_VARIABLE result)
string(REPLACE "\r" "" output "${output}")
file(READ "${OUTPUT}" expected)
if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
    message(FATAL_ERROR "it ended with ${result} and wrote\n${output}\nbut should have written\n${expected}")
endif()
