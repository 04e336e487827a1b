#!/bin/sh
# Unpacks Debian's libc++ 19 into build/libcxx-19, for the preset clang-19-libcxx: it can't be installed beside libc++ 16.
set -eu
directory=$(dirname "$0")/../build/libcxx-19
mkdir -p "$directory"
cd "$directory"
apt-get download -qq libc++-19-dev libc++1-19 libc++abi-19-dev libc++abi1-19 libunwind-19
for package in *.deb; do
    dpkg -x "$package" .
done
