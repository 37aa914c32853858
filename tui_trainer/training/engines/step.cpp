// Steps of gradient descent, full-batch or on mini-batches, for a row of linear layers, in float32.
//
// Compiled for one network: WIDTHS are its widths from the features to the prediction, DROPS says
// for each layer whether dropout goes before it, ACTIVATION and OPTIMIZER are structs below. A row
// holds one unit's values, points along vectors; the last vector is filled up with copies of the
// first point, whose errors count as 0.
//
// Every sum is taken in an order that depends on the network and the number of points alone, so a
// step has the same bits in whichever call it comes. NaN stays NaN: so no -ffast-math.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace {

constexpr int WIDTH[] = {WIDTHS};
constexpr bool DROP[] = {DROPS};
constexpr int LAYERS = sizeof DROP / sizeof *DROP;

#if defined(__AVX512F__) && (defined(__znver3__) || defined(__znver4__))
constexpr int LANES = 8, REGISTERS = 32;  // these do vectors of 16 in two halves
#elif defined(__AVX512F__)
constexpr int LANES = 16, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int LANES = 8, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int LANES = 4, REGISTERS = 32;
#else
constexpr int LANES = 4, REGISTERS = 16;
#endif
// How many sums a block of a product, or of a gradient, keeps in registers: rows, times as many
// vectors of points or columns. Measured: with four rows it is a fifth slower.
constexpr int SUMS = REGISTERS == 32 ? 25 : 12;
constexpr int GRADIENTS = REGISTERS == 32 ? 25 : 10;
constexpr int ROWS = 5, LONGEST = 8;

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));
using Lanes = std::make_index_sequence<LANES>;

#define INLINE inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

template <std::size_t... L> INLINE V splat(float value, std::index_sequence<L...>) {
    return V{(void(L), value)...};
}
INLINE V splat(float value) { return splat(value, Lanes{}); }

constexpr int least(int a, int b) { return a < b ? a : b; }

// The size of the fewest blocks of at most `most` that cover n, as equal as can be. The last block
// moves back to fit, and computes some again: to the same values.
constexpr int part(int n, int most) {
    const int blocks = (n + most - 1) / most;
    return (n + blocks - 1) / blocks;
}

// Lane l of what a pair of vectors is combined to, in steps of C lanes: a's, then b's.
template <int C, int UPPER, std::size_t... L> INLINE V halves(V a, V b, std::index_sequence<L...>) {
#ifdef __clang__
    return __builtin_shufflevector(
        a, b, int(L / (2 * C) * 2 * C + L % C + UPPER * C + (L / C % 2) * LANES)...);
#else
    return __builtin_shuffle(
        a, b, Mask{int(L / (2 * C) * 2 * C + L % C + UPPER * C + (L / C % 2) * LANES)...});
#endif
}

// Turn LANES vectors into one vector of their sums; C counts up from 1.
template <int C> INLINE V totals(V *sums) {
    if constexpr (C == LANES) {
        return sums[0];
    } else {
        UNROLL for (int k = 0; k < LANES / C; k += 2) {
            sums[k / 2] = halves<C, 0>(sums[k], sums[k + 1], Lanes{}) +
                          halves<C, 1>(sums[k], sums[k + 1], Lanes{});
        }
        return totals<2 * C>(sums);
    }
}

// Write the sums over the lanes of COUNT vectors; `sums` has room up to a multiple of LANES.
template <int COUNT> INLINE void write_totals(V *sums, float *out) {
    UNROLL for (int k = 0; k < COUNT; k += LANES) {
        const V found = totals<1>(sums + k);
        memcpy(out + k, &found, 4 * least(LANES, COUNT - k));
    }
}
constexpr int filled(int count) { return (count + LANES - 1) / LANES * LANES; }

INLINE float total(V a) {
    float sum = 0;
    UNROLL for (int l = 0; l < LANES; l++) sum += a[l];
    return sum;
}

INLINE V size_of(V x) { return (V)((Mask)x & 0x7fffffff); }
INLINE V with_sign(V size, V x) { return (V)((Mask)size | ((Mask)x & int32_t(0x80000000))); }

// e to the x, within two units in the last place; 0 below -87.3 and infinite above 88.3.
INLINE V exponential(V x) {
    const V magic = splat(12582912.0f), shifted = x * 1.44269504f + magic, n = shifted - magic;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const V scale = (V)(((Mask)shifted - (Mask)magic + 127) << 23);
    const V found = (p * (r * r) + r + 1.0f) * scale;
    return x > splat(88.3f) ? splat(__builtin_inff()) : x < splat(-87.3f) ? V{} : found;
}

INLINE V hyperbolic_tangent(V x) {
    const V size = size_of(x), z = x * x;
    V p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const V far = 1.0f - 2.0f / (exponential(size * 2.0f) + 1.0f);
    return size < splat(0.625f) ? x + x * (z * p) : with_sign(far, x);
}

INLINE V error_function(V x) {
    const V size = size_of(x), z = x * x;
    V p = z * -5.96761703e-4f + 4.99119423e-3f;
    p = p * z - 2.67681349e-2f;
    p = p * z + 1.12819925e-1f;
    p = p * z - 3.76125336e-1f;
    p = p * z + 1.28379166e-1f;
    V q = size * -1.72853470e-5f + 3.83197126e-4f;
    q = q * z + (size * -3.88396438e-3f + 2.42546219e-2f);
    q = q * size - 1.06777877e-1f;
    q = q * size - 6.34846687e-1f;
    q = q * size - 1.28717512e-1f;
    const V far = 1.0f - exponential(q * size - size);
    return size > splat(0.927734375f) ? with_sign(far, x) : p * x + x;
}

// The activations: each turns a row's values into its outputs, and, but for the first, leaves the
// slopes there. A ReLU's slope is known from its output.
namespace activations {
struct relu {};
struct tanh {
    static INLINE V output(V x, V &slope) {
        const V y = hyperbolic_tangent(x);
        slope = 1.0f - y * y;
        return y;
    }
};
struct silu {
    static INLINE V output(V x, V &slope) {
        const V share = 1.0f / (1.0f + exponential(-x));
        slope = share * (1.0f + x * (1.0f - share));
        return x * share;
    }
};
struct gelu {
    static INLINE V output(V x, V &slope) {
        const V share = 0.5f + 0.5f * error_function(x * 0.70710678f);
        slope = share + x * (0.39894228f * exponential(x * x * -0.5f));
        return x * share;
    }
};
}  // namespace activations

template <class A, class B> constexpr bool SAME = false;
template <class A> constexpr bool SAME<A, A> = true;
using Activation = activations::ACTIVATION;
constexpr bool SLOPES = !SAME<Activation, activations::relu>;

enum Finish { LINEAR, RELU, WHERE_POSITIVE, TIMES };

// out[j][n] = bias[j] + sum over k of w[j * BY_J + k * BY_K] * in[k][n], for N vectors from n0 on.
template <Finish FINISH, int J, int K, int BY_J, int BY_K, int N>
INLINE void product_block(const float *w, const float *bias, const V *in, const V *gate, V *out,
                          long stride, long n0) {
    constexpr int R = part(J, ROWS);
    for (int block = 0; block < J; block += R) {
        const int j0 = least(block, J - R);
        V sum[R][N];
        UNROLL for (int r = 0; r < R; r++) {
            const V start = bias ? splat(bias[j0 + r]) : V{};
            UNROLL for (int n = 0; n < N; n++) sum[r][n] = start;
        }
        for (int k = 0; k < K; k++) {
            const V *const x = in + k * stride + n0;
            UNROLL for (int r = 0; r < R; r++) {
                const V weight = splat(w[(j0 + r) * BY_J + k * BY_K]);
                UNROLL for (int n = 0; n < N; n++) sum[r][n] += weight * x[n];
            }
        }
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int n = 0; n < N; n++) {
                const long place = (j0 + r) * stride + n0 + n;
                V found = sum[r][n];
                if constexpr (FINISH == RELU) found = found < V{} ? V{} : found;
                if constexpr (FINISH == WHERE_POSITIVE) found = gate[place] <= V{} ? V{} : found;
                if constexpr (FINISH == TIMES) found *= gate[place];
                out[place] = found;
            }
        }
    }
}

// In blocks of N vectors and of fewer, as equal as can be.
template <Finish FINISH, int J, int K, int BY_J, int BY_K,
          int N = least(SUMS / part(J, ROWS), LONGEST)>
void product(const float *w, const float *bias, const V *in, const V *gate, V *out, long stride,
             long vectors, long n = 0) {
    if constexpr (N == 1) {
        for (; n < vectors; n++)
            product_block<FINISH, J, K, BY_J, BY_K, 1>(w, bias, in, gate, out, stride, n);
    } else {
        const long left = vectors - n, blocks = (left + N - 1) / N;
        for (long longer = left - blocks * (N - 1); longer > 0; longer--, n += N)
            product_block<FINISH, J, K, BY_J, BY_K, N>(w, bias, in, gate, out, stride, n);
        product<FINISH, J, K, BY_J, BY_K, N - 1>(w, bias, in, gate, out, stride, vectors, n);
    }
}

// gradient[i][j] = sum over points of in[i] * delta[j]
template <int I, int J>
void weight_gradient(const V *in, const V *delta, long stride, long vectors, float *gradient) {
    constexpr int C = part(J, I > 1 ? ROWS : GRADIENTS), R = part(I, GRADIENTS / C);
    for (int row = 0; row < I; row += R) {
        const int i0 = least(row, I - R);
        for (int column = 0; column < J; column += C) {
            const int j0 = least(column, J - C);
            const V *const x = in + i0 * stride, *const d = delta + j0 * stride;
            V sum[filled(R * C)] = {};
            for (long n = 0; n < vectors; n++) {
                UNROLL for (int r = 0; r < R; r++) {
                    UNROLL for (int c = 0; c < C; c++)
                        sum[r * C + c] += x[r * stride + n] * d[c * stride + n];
                }
            }
            float found[R * C];
            write_totals<R * C>(sum, found);
            UNROLL for (int r = 0; r < R; r++)
                memcpy(gradient + (i0 + r) * J + j0, found + r * C, 4 * C);
        }
    }
}

template <int J>
void bias_gradient(const V *delta, long stride, long vectors, float *gradient) {
    constexpr int C = part(J, GRADIENTS);
    for (int column = 0; column < J; column += C) {
        const int j0 = least(column, J - C);
        V sum[filled(C)] = {};
        for (long n = 0; n < vectors; n++) {
            UNROLL for (int c = 0; c < C; c++) sum[c] += delta[(j0 + c) * stride + n];
        }
        write_totals<C>(sum, gradient + j0);
    }
}

// The optimisers: each is made for one step from its numbers, the step's number (from 1) and its
// lr, and changes a parameter by its gradient. SLOTS says how many numbers it remembers of each.
namespace optimizers {
struct sgd {
    static constexpr int SLOTS = 0;
    float lr;
    sgd(const double *, long, double lr) : lr(lr) {}
    INLINE void update(float &parameter, float gradient, float &, float &) const {
        parameter -= lr * gradient;
    }
};

struct momentum {  // numbers: momentum
    static constexpr int SLOTS = 1;
    float kept, lr;
    momentum(const double *numbers, long, double lr) : kept(numbers[0]), lr(lr) {}
    INLINE void update(float &parameter, float gradient, float &velocity, float &) const {
        velocity = kept * velocity + gradient;
        parameter -= lr * velocity;
    }
};

struct nesterov : momentum {
    using momentum::momentum;
    INLINE void update(float &parameter, float gradient, float &velocity, float &) const {
        velocity = kept * velocity + gradient;
        parameter -= lr * (gradient + kept * velocity);
    }
};

struct adam {  // numbers: beta1, beta2, epsilon
    static constexpr int SLOTS = 2;
    float taken1, kept2, taken2, root, epsilon, lr;
    adam(const double *numbers, long step, double lr)
        : taken1(1 - numbers[0]), kept2(numbers[1]), taken2(1 - numbers[1]),
          root(__builtin_sqrt(1 - __builtin_pow(numbers[1], step))), epsilon(numbers[2]),
          lr(lr / (1 - __builtin_pow(numbers[0], step))) {}
    INLINE void update(float &parameter, float gradient, float &mean, float &square) const {
        mean += taken1 * (gradient - mean);
        square = kept2 * square + taken2 * (gradient * gradient);
        parameter -= lr * (mean / (__builtin_sqrtf(square) / root + epsilon));
    }
};

struct adamw : adam {  // numbers: adam's, decoupled weight decay
    float shrunk;
    adamw(const double *numbers, long step, double lr)
        : adam(numbers, step, lr), shrunk(1 - lr * numbers[3]) {}
    INLINE void update(float &parameter, float gradient, float &mean, float &square) const {
        parameter *= shrunk;
        adam::update(parameter, gradient, mean, square);
    }
};
}  // namespace optimizers

using Optimizer = optimizers::OPTIMIZER;

struct Penalties {
    float l1_weight, weight_decay;
};

// Change one tensor of the network; the L1 penalty is of the mean over it. A slot has as many
// numbers as the network has parameters.
void update(float *__restrict parameters, const float *__restrict gradients, int size,
            float *__restrict first, float *__restrict second, const Optimizer &optimizer,
            Penalties penalties) {
    const float l1 = penalties.l1_weight / size;
    const Optimizer own = optimizer;
    for (int k = 0; k < size; k++) {
        float p = parameters[k], g = gradients[k], unused = 0;
        g += l1 * ((p > 0) - (p < 0));
        g += penalties.weight_decay * p;
        own.update(p, g, Optimizer::SLOTS > 0 ? first[k] : unused,
                   Optimizer::SLOTS > 1 ? second[k] : unused);
        parameters[k] = p;
    }
}

constexpr int weights_at(int layer) {
    int at = 0;
    for (int l = 0; l < layer; l++) at += (WIDTH[l] + 1) * WIDTH[l + 1];
    return at;
}
constexpr int biases_at(int layer) {
    return weights_at(layer) + WIDTH[layer] * WIDTH[layer + 1];
}
constexpr int PARAMETERS = weights_at(LAYERS);

constexpr int FEATURES = WIDTH[0];
constexpr int widest() {
    int width = 0;
    for (int l = 1; l <= LAYERS; l++) width = WIDTH[l] > width ? WIDTH[l] : width;
    return width;
}
constexpr int outputs() {
    int units = 0;
    for (int l = 1; l <= LAYERS; l++) units += WIDTH[l];
    return units;
}
// The rows of a pass: features, labels, features after dropout, outputs; slopes, deltas.
constexpr int ROWS_FORWARD = 2 * FEATURES + 1 + outputs();
constexpr int ROWS_BACKWARD = SLOPES * outputs() + 2 * widest();
// More points than this go through the network in blocks, which stay in a core's cache.
constexpr long CACHED = 1 << 19;
constexpr long FITTING = CACHED / long(sizeof(float)) / (ROWS_FORWARD + ROWS_BACKWARD) / 64 * 64;
constexpr long BLOCK = FITTING < 256 ? 256 : FITTING > 4096 ? 4096 : FITTING;

constexpr int AHEAD = 24, LINE = 64 / sizeof(float);  // points; floats in a line of the cache

constexpr long vectors_of(long points) { return (points + LANES - 1) / LANES; }
constexpr long minimum(long a, long b) { return a < b ? a : b; }

struct Split {
    long points;
    const float *x, *y;  // (points, features), (points)
};

// Points on their way through the network, in rows of `stride` vectors.
struct Pass {
    long stride;
    long points, vectors;  // of the block that is laid out
    V *x, *y;
    V *inputs;           // the features after dropout
    V *outputs[LAYERS];  // of each layer
    V *slopes[LAYERS];   // of the activation behind it, in training
    V *deltas[2];        // by which the loss grows with a layer's outputs, of a layer and the next
    float rate;

    // Odd, so that neighbouring rows don't meet in the same lines of the cache.
    explicit Pass(long most, float rate)
        : stride(vectors_of(minimum(most, BLOCK)) | 1), points(0), vectors(0), rate(rate) {}
    // Take vectors of a room; return what is left of it.
    V *settle(V *room, bool trains) {
        const auto take = [&room, this](int units) {
            V *const taken = room;
            room += units * stride;
            return taken;
        };
        x = take(FEATURES);
        y = take(1);
        inputs = take(FEATURES);
        for (int l = 0; l < LAYERS; l++) outputs[l] = take(WIDTH[l + 1]);
        for (V *&delta : deltas) delta = trains ? take(widest()) : nullptr;
        for (int l = 0; l < LAYERS; l++)
            slopes[l] = SLOPES && trains ? take(WIDTH[l + 1]) : nullptr;
        return room;
    }
};

// Lay points out in rows, filled up with copies of the first: those whose numbers are `chosen`, or
// else all from `first` on.
void lay_out(Pass &pass, const Split &split, const int64_t *chosen, long first, long points) {
    pass.points = points;
    pass.vectors = vectors_of(points);
    const auto number = [=](long n) { return chosen ? long(chosen[first + n]) : first + n; };
    float *const x = (float *)pass.x, *const y = (float *)pass.y;
    for (long n = 0; n < pass.vectors * LANES; n++) {
        if (chosen && n + AHEAD < points) {  // points all over the memory take a while to come
            const long soon = number(n + AHEAD);
            for (int i = 0; i < FEATURES; i += LINE)
                __builtin_prefetch(split.x + soon * FEATURES + i);
            __builtin_prefetch(split.x + soon * FEATURES + FEATURES - 1);
            __builtin_prefetch(split.y + soon);
        }
        const long point = number(n < points ? n : 0);
        for (int i = 0; i < FEATURES; i++)
            x[i * pass.stride * LANES + n] = split.x[point * FEATURES + i];
        y[n] = split.y[point];
    }
}

// Draws of a layer's dropout: one for each point of a step and each unit, points first.
struct Draws {
    const float *numbers;  // none where nothing is dropped
    long first, points;    // the block's first point; how many the step has
};

// Mask rows by the draws, and the slopes behind them; or scale the rows if there are none.
template <int UNITS>
void drop(const Pass &pass, const V *in, V *out, V *slopes, Draws draws) {
    const long stride = pass.stride;
    if (!draws.numbers) {
        const V kept = splat(1 - pass.rate);
        for (int i = 0; i < UNITS; i++)
            for (long n = 0; n < pass.vectors; n++) out[i * stride + n] = in[i * stride + n] * kept;
        return;
    }
    const float *const drawn = draws.numbers + draws.first * UNITS;
    for (int i = 0; i < UNITS; i++) {
        const float *const from = (const float *)(in + i * stride);
        float *const to = (float *)(out + i * stride);
        for (long n = 0; n < pass.points; n++)
            to[n] = from[n] * float(drawn[n * UNITS + i] > pass.rate);
        for (long n = pass.points; n < pass.vectors * LANES; n++) to[n] = from[n];
        if (!slopes) continue;
        float *const slope = (float *)(slopes + i * stride);
        for (long n = 0; n < pass.points; n++) slope[n] *= float(drawn[n * UNITS + i] > pass.rate);
    }
}

template <int LAYER>
const V *layer_inputs(const Pass &pass) {
    if constexpr (LAYER) return pass.outputs[LAYER - 1];
    return DROP[0] ? pass.inputs : pass.x;
}

template <class A>
void activate(V *outputs, V *slopes, int units, long stride, long vectors) {
    if constexpr (SLOPES) {
        for (int j = 0; j < units; j++) {
            V *const row = outputs + j * stride, unused;
            if (slopes)
                for (long n = 0; n < vectors; n++) row[n] = A::output(row[n], slopes[j * stride + n]);
            else
                for (long n = 0; n < vectors; n++) row[n] = A::output(row[n], unused);
        }
    }
}

template <int LAYER = 0>
void forward(const Pass &pass, const float *parameters, Draws draws) {
    constexpr int I = WIDTH[LAYER], J = WIDTH[LAYER + 1], BEFORE = LAYER ? LAYER - 1 : 0;
    if constexpr (DROP[LAYER]) {
        V *const dropped = LAYER ? pass.outputs[BEFORE] : pass.inputs;
        drop<I>(pass, LAYER ? dropped : pass.x, dropped,
                LAYER ? pass.slopes[BEFORE] : nullptr, draws);
        if (draws.numbers) draws.numbers += I * draws.points;
    }
    constexpr bool last = LAYER == LAYERS - 1;
    product<last || SLOPES ? LINEAR : RELU, J, I, 1, J>(
        parameters + weights_at(LAYER), parameters + biases_at(LAYER), layer_inputs<LAYER>(pass),
        nullptr, pass.outputs[LAYER], pass.stride, pass.vectors);
    if constexpr (!last) {
        activate<Activation>(pass.outputs[LAYER], pass.slopes[LAYER], J, pass.stride, pass.vectors);
        forward<LAYER + 1>(pass, parameters, draws);
    }
}

// Turn predictions into errors; return the sum of their squares.
float squared_error(const Pass &pass) {
    V *const row = pass.outputs[LAYERS - 1], sum = {};
    const long whole = pass.points / LANES;
    for (long n = 0; n < pass.vectors; n++) {
        V error = row[n] - pass.y[n];
        if (n == whole)
            for (int l = pass.points % LANES; l < LANES; l++) error[l] = 0;
        sum += error * error;
        row[n] = error;
    }
    return total(sum);
}

// Leave the gradient of a layer and of those below, from what the loss grows by with its outputs.
template <int LAYER = LAYERS - 1>
void backward(const Pass &pass, const float *parameters, float *gradient, const V *delta) {
    constexpr int I = WIDTH[LAYER], J = WIDTH[LAYER + 1];
    const V *const in = layer_inputs<LAYER>(pass);
    weight_gradient<I, J>(in, delta, pass.stride, pass.vectors, gradient + weights_at(LAYER));
    bias_gradient<J>(delta, pass.stride, pass.vectors, gradient + biases_at(LAYER));
    if constexpr (LAYER) {
        // Behind a ReLU, an input that dropout masked is 0 as well, and lets no gradient through.
        V *const below = pass.deltas[LAYER % 2];
        product<SLOPES ? TIMES : WHERE_POSITIVE, I, J, J, 1>(
            parameters + weights_at(LAYER), nullptr, delta, SLOPES ? pass.slopes[LAYER - 1] : in,
            below, pass.stride, pass.vectors);
        backward<LAYER - 1>(pass, parameters, gradient, below);
    }
}

// Take `points` points of a split through the network, in blocks as equal as can be, and call
// `each(first, pass)` behind the forward pass of each; return the mean squared error.
template <class Each>
float mean_squared_error(Pass &pass, const float *parameters, const Split &split,
                         const int64_t *chosen, long points, const float *draws, Each each) {
    const long blocks = (points + BLOCK - 1) / BLOCK;
    const long size = vectors_of((points + blocks - 1) / blocks) * LANES;
    double squares = 0;
    for (long first = 0; first < points; first += size) {
        const bool stays = blocks == 1 && !chosen && pass.points;
        if (!stays) lay_out(pass, split, chosen, first, minimum(size, points - first));
        forward(pass, parameters, Draws{draws, first, points});
        squares += squared_error(pass);
        each(first);
    }
    return blocks == 1 ? float(squares) / points : float(squares / points);
}

}  // namespace

// What a call does. `parameters` holds each layer's weights (inputs, outputs) and biases, `slots`
// as many numbers for each of the optimiser's, `numbers` what the optimiser is made with.
struct Call {
    int64_t steps, done, updates;  // how many to do; how many were done, by this optimiser
    float *parameters, *slots;
    const double *lrs;  // of each step
    double numbers[4];
    double l1_weight, weight_decay;
    // With dropout, `draws` has a number for every input that it goes over, for each step: of each
    // layer (points, inputs).
    double rate;
    const float *draws;
    // Points in a batch, all of them if it is 0; the points' numbers in the order of each epoch
    // that the steps are of, one after the other.
    int64_t batch;
    const int64_t *order;
    int64_t validate_every;
    double validation;  // the last loss that was measured
    int64_t train_points;
    const float *train_x, *train_y;
    int64_t val_points;
    const float *val_x, *val_y;
    float *train_losses, *val_losses;  // of each step
};

// Do steps, and write the training and validation loss of each. Returns 0, or 1 if there is not
// enough memory: then nothing has changed.
extern "C" int advance(Call *call) {
    const Split train{call->train_points, call->train_x, call->train_y};
    const Split val{call->val_points, call->val_x, call->val_y};
    const long batch = call->batch ? call->batch : train.points;
    const long batches = (train.points + batch - 1) / batch, epoch = call->done / batches;
    Pass training(batch, call->rate), validation(val.points, call->rate);
    const long numbers = PARAMETERS + LANES;  // of a gradient
    const long vectors = (ROWS_FORWARD + ROWS_BACKWARD) * training.stride +
                         ROWS_FORWARD * validation.stride + 2 * vectors_of(numbers);
    V *const room = (V *)aligned_alloc(sizeof(V), vectors * sizeof(V));
    if (!room) return 1;
    V *const left = validation.settle(training.settle(room, true), false);
    float *const gradient = (float *)left, *const part = (float *)(left + vectors_of(numbers));
    float *const parameters = call->parameters;
    float *const first_slot = call->slots, *const second_slot = first_slot + PARAMETERS;
    const Penalties penalties{float(call->l1_weight), float(call->weight_decay)};
    long drawn = 0;
    for (int l = 0; l < LAYERS; l++) drawn += DROP[l] ? WIDTH[l] : 0;
    const float *draws = drawn ? call->draws : nullptr;

    for (long s = 0; s < call->steps; s++) {
        const long step = call->done + s, first = step % batches * batch;
        const long points = minimum(batch, train.points - first);
        const int64_t *const chosen =
            call->batch ? call->order + (step / batches - epoch) * train.points + first : nullptr;
        const V scale = splat(2.0f / points);
        call->train_losses[s] = mean_squared_error(
            training, parameters, train, chosen, points, draws, [&](long from) {
                V *const delta = training.outputs[LAYERS - 1];
                for (long n = 0; n < training.vectors; n++) delta[n] *= scale;
                backward(training, parameters, from ? part : gradient, delta);
                for (int k = 0; k < PARAMETERS && from; k++) gradient[k] += part[k];
            });
        if (draws) draws += drawn * points;
        const Optimizer optimizer(call->numbers, call->updates + s + 1, call->lrs[s]);
        for (int l = 0; l < LAYERS; l++) {
            const int tensors[] = {weights_at(l), biases_at(l), weights_at(l + 1)};
            for (int t = 0; t < 2; t++) {
                const int at = tensors[t];
                update(parameters + at, gradient + at, tensors[t + 1] - at, first_slot + at,
                       second_slot + at, optimizer, penalties);
            }
        }
        if (step == 0 || (step + 1) % call->validate_every == 0)
            call->validation = mean_squared_error(validation, parameters, val, nullptr, val.points,
                                                  nullptr, [](long) {});
        call->val_losses[s] = call->validation;
    }
    free(room);
    return 0;
}
