# What a project can find out about a library that it takes in: that it is as it was before, but for the library.

# What may be new: the library's documented options, and what it finds out about the compiler; what CMake itself sets for
# every project, package and fetched content; and what its search for threads leaves.
set(EXPECTED_NEW_VARIABLES
    "^CONCURRENT_FUTURES_(BUILD_TESTS|BUILD_EXAMPLES|BUILD_BENCHMARKS|BUILD_DOCS|BUILD_MODULE|COMPILED|INSTALL|WARNINGS_AS_ERRORS|USE_SINGLE_HEADER)$"
    "^CONCURRENT_FUTURES_(ATOMIC_SOURCE|HAS_ATOMIC_INSTRUCTIONS|NEEDS_LIBATOMIC)$"
    "^concurrent_futures_(SOURCE_DIR|BINARY_DIR|IS_TOP_LEVEL|POPULATED|DIR|FOUND|CONFIG|VERSION|VERSION_[A-Z]+|CONSIDERED_[A-Z]+)$"
    "^(_?FETCHCONTENT_|FIND_PACKAGE_MESSAGE_DETAILS_|PACKAGE_PREFIX_DIR$|__cmake_)"
    "^(Threads_|THREADS_|CMAKE_THREAD_|CMAKE_HAVE_|CMAKE_USE_|PTHREAD_)"
)
# What is about the function that is running.
set(CHANGING_VARIABLES "^(ARG[CNV0-9]*|CMAKE_CURRENT_FUNCTION.*|CMAKE_MATCH_.*)$")

function(remember_this_project)
    get_cmake_property(names VARIABLES)
    set_property(GLOBAL PROPERTY names_before "${names}")
    foreach(name IN LISTS names)
        set_property(GLOBAL PROPERTY "before_${name}" "${${name}}")
    endforeach()
    get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
    set_property(GLOBAL PROPERTY targets_before "${targets}")
endfunction()

# check_this_project(): fails if anything here is other than when it was remembered.
function(check_this_project)
    get_property(names_before GLOBAL PROPERTY names_before)
    get_cmake_property(names VARIABLES)
    list(REMOVE_ITEM names names_before names)
    foreach(name IN LISTS names)
        if(name MATCHES "${CHANGING_VARIABLES}")
            continue()
        elseif(name IN_LIST names_before)
            get_property(before GLOBAL PROPERTY "before_${name}")
            if(NOT "${before}" STREQUAL "${${name}}")
                message(SEND_ERROR "${name} was \"${before}\" and is \"${${name}}\"")
            endif()
        else()
            set(expected FALSE)
            foreach(pattern IN LISTS EXPECTED_NEW_VARIABLES)
                if(name MATCHES "${pattern}")
                    set(expected TRUE)
                endif()
            endforeach()
            if(NOT expected)
                message(SEND_ERROR "${name} is new here, and is \"${${name}}\"")
            endif()
        endif()
    endforeach()

    get_property(before GLOBAL PROPERTY targets_before)
    get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
    if(NOT "${targets}" STREQUAL "${before}")
        message(SEND_ERROR "the targets here were \"${before}\" and are \"${targets}\"")
    endif()
    foreach(property IN ITEMS COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_OPTIONS TESTS)
        get_property(value DIRECTORY PROPERTY ${property})
        if(NOT value STREQUAL "")
            message(SEND_ERROR "${property} of this directory is \"${value}\"")
        endif()
    endforeach()
    foreach(property IN ITEMS COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_OPTIONS SOURCES PRECOMPILE_HEADERS)
        get_target_property(value concurrent::futures INTERFACE_${property})
        if(value)
            message(SEND_ERROR "who links concurrent::futures gets ${property} \"${value}\"")
        endif()
    endforeach()
endfunction()

# check_library_directory(<source directory>): fails if more than the library is made there.
function(check_library_directory directory)
    get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
    if(NOT "${targets}" STREQUAL "concurrent_futures")
        message(SEND_ERROR "the library's directory has the targets \"${targets}\"")
    endif()
    foreach(property IN ITEMS TESTS SUBDIRECTORIES)
        get_property(value DIRECTORY "${directory}" PROPERTY ${property})
        if(value)
            message(SEND_ERROR "the library's directory has the ${property} \"${value}\"")
        endif()
    endforeach()
endfunction()
