// Print how many float32 multiply-adds one core does a second at most: twelve independent chains of
// vectors, each in a register of its own.
#include <chrono>
#include <cstdio>

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef float V __attribute__((vector_size(4 * LANES)));

int main() {
    constexpr int CHAINS = 12;
    constexpr long ROUNDS = 20'000'000;
    const V factor = V{} + 0.999f, term = V{} + 0.001f;
    const V one = V{} + 2.0f;
    // Variables, since an array would be kept in memory; of other values, since equals are merged.
    V a = one, b = a + one, c = b + one, d = c + one, e = d + one, f = e + one;
    V g = f + one, h = g + one, i = h + one, j = i + one, k = j + one, l = k + one;
    const auto began = std::chrono::steady_clock::now();
    for (long round = 0; round < ROUNDS; round++) {
        a = a * factor + term, b = b * factor + term, c = c * factor + term;
        d = d * factor + term, e = e * factor + term, f = f * factor + term;
        g = g * factor + term, h = h * factor + term, i = i * factor + term;
        j = j * factor + term, k = k * factor + term, l = l * factor + term;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const V sum = a + b + c + d + e + f + g + h + i + j + k + l;
    printf("%.0f\n", sum[0] > 0 ? CHAINS * ROUNDS * LANES / took.count() : 0.0);
}
