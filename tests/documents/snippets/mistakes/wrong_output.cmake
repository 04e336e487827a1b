# The program of wrong_output.md reports each of its mistakes, and nothing else.
separate_arguments(LAUNCHER)
execute_process(COMMAND ${LAUNCHER} "${PROGRAM}" OUTPUT_VARIABLE output RESULT_VARIABLE result)
string(REPLACE "\r" "" output "${output}")
string(
    CONCAT expected
    "wrong_output.md:10 printed <41>; it should print <42>\n"
    "wrong_output.md:16 printed <1>; it should print <1 2>\n"
    "wrong_output.md:23 printed <1 2>; it should print <>\n"
    "wrong_output.md:30 printed <b a>; it should print <a b>\n"
    "wrong_output.md:37 printed <1> and threw bad luck; it should print <1>\n"
)
if(NOT result EQUAL 5 OR NOT output STREQUAL expected)
    message(FATAL_ERROR "it ended with ${result} and wrote\n${output}\nbut should have written\n${expected}")
endif()
