// A CPU-bound loop: a picture of the Mandelbrot set, row by row, by one thread and then by several.
//
//     mandelbrot FILE [--width PIXELS] [--workers N]
//
// writes the picture as a portable graymap, which most viewers open, and prints the speed-up.

#include <concurrent/futures.hpp>

#include <chrono>
#include <complex>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace futures = concurrent::futures;

namespace {

using row = std::vector<std::uint8_t>;

struct options {
    std::string file;
    int width = 1200;
    int workers = futures::usable_cpus();  // more would only take turns
};

options parse(int argc, char** argv) {
    options parsed;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if ((argument == "--width" || argument == "--workers") && i + 1 < argc) {
            (argument == "--width" ? parsed.width : parsed.workers) = std::stoi(argv[++i]);
        } else if (parsed.file.empty() && !argument.starts_with("--")) {
            parsed.file = argument;
        } else {
            throw std::invalid_argument("unexpected argument " + std::string(argument));
        }
    }
    if (parsed.file.empty() || parsed.width < 3)
        throw std::invalid_argument("a file and a width of at least 3");
    return parsed;
}

row compute_row(int y, int width, int height) {
    constexpr int most_iterations = 255;
    row pixels;
    pixels.reserve(static_cast<std::size_t>(width));
    for (int x = 0; x < width; ++x) {
        const std::complex<double> c(-2.0 + 3.0 * x / width, -1.0 + 2.0 * y / height);
        std::complex<double> z = 0;
        int iterations = 0;
        while (iterations < most_iterations && std::norm(z) <= 4) {
            // By hand: the operator of std::complex takes care of infinities, which can't come here.
            z = {z.real() * z.real() - z.imag() * z.imag() + c.real(), 2 * z.real() * z.imag() + c.imag()};
            ++iterations;
        }
        pixels.push_back(static_cast<std::uint8_t>(most_iterations - iterations));
    }
    return pixels;
}

template <class Compute>
double seconds(Compute compute) {
    const auto start = std::chrono::steady_clock::now();
    compute();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const options& chosen) {
    const int width = chosen.width;
    const int height = width * 2 / 3;
    const auto compute = [width, height](int y) { return compute_row(y, width, height); };

    std::vector<row> by_one;
    const double alone = seconds([&] {
        for (int y = 0; y < height; ++y)
            by_one.push_back(compute(y));
    });

    futures::thread_pool_executor executor(chosen.workers);
    std::vector<row> picture;
    const double together = seconds([&] {
        // Rows differ in cost; some chunks a worker even that out, at little overhead.
        for (row&& pixels : executor.map({.auto_chunksize = true}, compute, std::views::iota(0, height)))
            picture.push_back(std::move(pixels));
    });
    if (picture != by_one)
        throw std::logic_error("the pictures differ");

    std::ofstream file(chosen.file, std::ios::binary);
    file << "P5\n" << width << ' ' << height << "\n255\n";
    for (const row& pixels : picture)
        file.write(reinterpret_cast<const char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
    file.close();
    if (!file)
        throw std::runtime_error("can't write " + chosen.file);

    std::cout << "one thread: " << alone << " s, " << chosen.workers << " workers: " << together
              << " s, speed-up " << alone / together << '\n';
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << "mandelbrot: " << error.what()
                  << "\nusage: mandelbrot FILE [--width PIXELS] [--workers N]\n";
        return EXIT_FAILURE;
    }
}
