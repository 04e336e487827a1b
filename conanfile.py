"""For Conan 2: `conan create .` makes the package and builds and runs a program with it."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load


class ConcurrentFutures(ConanFile):
    name = "concurrent_futures"
    description = "Python's concurrent.futures for C++20"
    license = "MIT"
    topics = ("thread-pool", "futures", "concurrency", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True
    test_package_folder = "tests/build/consumers/conan"

    def set_version(self):
        project = load(self, os.path.join(self.recipe_folder, "CMakeLists.txt"))
        self.version = re.search(r"\n\s*VERSION (\S+)", project).group(1)

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        for pattern in ("*.hpp", "*.cppm"):
            copy(
                self,
                pattern,
                os.path.join(self.source_folder, "include"),
                os.path.join(self.package_folder, "include"),
            )

    def package_id(self):
        self.info.clear()  # headers only: one package for all settings

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "concurrent_futures")
        self.cpp_info.set_property("cmake_target_name", "concurrent::futures")
        self.cpp_info.set_property("pkg_config_name", "concurrent_futures")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
