// Print how many float32 multiply-adds one core does a second at most: twelve independent chains of
// vectors in registers.
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
    V sums[CHAINS] = {}, factor = V{} + 0.999f, term = V{} + 0.001f;
    const auto began = std::chrono::steady_clock::now();
    for (long round = 0; round < ROUNDS; round++) {
        for (V &sum : sums) sum = sum * factor + term;
        asm volatile("" ::: "memory");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    float kept = 0;
    for (V sum : sums) kept += sum[0];
    printf("%.0f\n", kept > 0 ? CHAINS * ROUNDS * LANES / took.count() : 0.0);
}
