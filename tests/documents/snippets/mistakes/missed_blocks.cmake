# Documents and headers whose blocks could be missed are refused, with a message that says where and why. This script
# calls itself for each of them, with it in FILE.
include("${CMAKE_CURRENT_LIST_DIR}/../blocks.cmake")
if(FILE MATCHES "[.]hpp$")
    concurrent_futures_find_examples("${FILE}" "${CMAKE_CURRENT_LIST_DIR}/${FILE}" places examples)
    return()
elseif(FILE)
    concurrent_futures_find_snippets("${FILE}" "${CMAKE_CURRENT_LIST_DIR}/${FILE}" places snippets programs)
    return()
endif()

function(expect file message)
    execute_process(
        COMMAND "${CMAKE_COMMAND}" "-DFILE=${file}" -P "${CMAKE_CURRENT_LIST_FILE}"
        ERROR_VARIABLE errors RESULT_VARIABLE result
    )
    string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
    string(FIND "${errors}" "${message}" position)
    if(result EQUAL 0 OR position EQUAL -1)
        message(SEND_ERROR "${file} should have been refused by\n${message}\nbut there was\n${errors}")
    endif()
endfunction()

expect(checks_nothing.md "checks_nothing.md:3: this block should say what it prints")
expect(indented_fence.md "indented_fence.md:3: this fence should be ```cmake, ```cpp, ```sh or ```text")
expect(other_fence.md "other_fence.md:3: this fence should be ```cmake, ```cpp, ```sh or ```text")
expect(other_name.md "other_name.md:3: this fence should be ```cmake, ```cpp, ```sh or ```text")
expect(unfinished_block.md "unfinished_block.md:7: this fence should end the block, and so be ``` alone")
expect(unfinished_document.md "unfinished_document.md:3: this block doesn't end")
expect(unfinished_example.hpp "unfinished_example.hpp:3: this example doesn't end")
expect(other_example.hpp "other_example.hpp:3: no example begins or ends like this")
