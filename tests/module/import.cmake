# Builds the module from INTERFACE and a program from CONSUMER, which imports it, and runs that.
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
separate_arguments(link_flags UNIX_COMMAND "${LINK_FLAGS}")
set(compile "${COMPILER}" ${flags} -std=c++20 -pthread -Wall -Wextra -Werror "-I${INCLUDE}")
set(module "${WORK}/concurrent.futures.pcm")
execute_process(COMMAND ${compile} --precompile "${INTERFACE}" -o "${module}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(
    COMMAND ${compile} "-fmodule-file=concurrent.futures=${module}" "${CONSUMER}" "${module}" ${link_flags} -o "${WORK}/consumer"
    COMMAND_ERROR_IS_FATAL ANY
)
execute_process(COMMAND "${WORK}/consumer" COMMAND_ERROR_IS_FATAL ANY)
