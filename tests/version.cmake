# CMakeLists.txt decides which version this is. Files that other tools read must repeat it; here they are compared.
function(expect file text)
    file(READ "${PROJECT}/${file}" content)
    string(FIND "${content}" "${text}" position)
    if(position EQUAL -1)
        message(SEND_ERROR "${file} should contain\n${text}")
    endif()
endfunction()

string(REPLACE "." ", " numbers "${VERSION}")
expect(include/concurrent/futures/version.hpp "inline constexpr version_number version = {${numbers}}")
expect(single_include/concurrent_futures.hpp "// concurrent::futures ${VERSION}:")
expect(meson.build "version: '${VERSION}'")
