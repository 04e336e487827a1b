# A program of a document writes what the document says: its output, and then what the library logs.
separate_arguments(LAUNCHER)
execute_process(
    COMMAND ${LAUNCHER} "${PROGRAM}"
    OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result
)
string(REGEX MATCHALL "concurrent::futures: [^\n]*\n" log "${errors}")  # an emulator may add lines of its own
set(output "${output}${log}")
string(REPLACE "\r" "" output "${output}")
file(READ "${OUTPUT}" expected)
if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
    message(FATAL_ERROR "it ended with ${result} and wrote\n${output}\nbut should have written\n${expected}\n${errors}")
endif()
