# Builds the module from INTERFACE, and a program from CONSUMER, which imports it, by the commands of the README, and runs
# the program. The commands are run in WORK, by COMPILER with FLAGS.
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
separate_arguments(link_flags UNIX_COMMAND "${LINK_FLAGS}")
file(STRINGS "${README}" commands REGEX "^clang[+][+] .*concurrent[.]futures[.]pcm")
list(LENGTH commands number)
if(NOT number EQUAL 2)
    message(FATAL_ERROR "${README} has ${number} commands of Clang's for the module, not 2")
endif()
foreach(command IN LISTS commands)
    separate_arguments(command UNIX_COMMAND "${command}")
    list(TRANSFORM command REPLACE "^include$" "${INCLUDE}")
    list(TRANSFORM command REPLACE "^include/concurrent/futures[.]cppm$" "${INTERFACE}")
    list(TRANSFORM command REPLACE "^my_program[.]cpp$" "${CONSUMER}")
    list(POP_FRONT command)
    if(NOT command MATCHES "--precompile")
        list(APPEND command ${link_flags} -o consumer)
    endif()
    execute_process(
        COMMAND "${COMPILER}" ${flags} -Wall -Wextra -Werror ${command}
        WORKING_DIRECTORY "${WORK}" COMMAND_ERROR_IS_FATAL ANY
    )
endforeach()
execute_process(COMMAND "${WORK}/consumer" COMMAND_ERROR_IS_FATAL ANY)
