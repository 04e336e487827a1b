# An overlay port, which takes the library from the checkout that it is in:
#
#     vcpkg install concurrent-futures --overlay-ports=<checkout>/cmake/ports
#
# In a registry, where a port is by itself, vcpkg_from_github() says in the place of the next line where a release is.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

set(VCPKG_BUILD_TYPE release) # headers only
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DCONCURRENT_FUTURES_BUILD_TESTS=OFF
        -DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF
        -DCONCURRENT_FUTURES_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME concurrent_futures CONFIG_PATH share/cmake/concurrent_futures)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
