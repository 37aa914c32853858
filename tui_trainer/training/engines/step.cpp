// Steps of full-batch gradient descent for a row of linear layers and ReLUs, in float32.
//
// Compiled for one network: WIDTHS are its widths from the features to the prediction, DROPS says
// for each layer whether dropout goes before it, OPTIMIZER is one of the structs below. A row holds
// one unit's values, points along vectors; the last vector is filled up with copies of the first
// point, whose errors count as 0.
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

enum Finish { LINEAR, RELU, WHERE_POSITIVE };

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

// The optimisers: each changes a parameter by its gradient. One that remembers something will find
// that behind the parameters, as many numbers for each slot.
struct sgd {
    static INLINE float update(float parameter, float gradient, float lr) {
        return parameter - lr * gradient;
    }
};

struct Penalties {
    float l1_weight, weight_decay;
};

// Change one tensor of the network; the L1 penalty is of the mean over it.
void update(float *parameters, const float *gradients, int size, float lr, Penalties penalties) {
    const float l1 = penalties.l1_weight / size;
    for (int k = 0; k < size; k++) {
        const float p = parameters[k];
        float g = gradients[k];
        g += l1 * ((p > 0) - (p < 0));
        g += penalties.weight_decay * p;
        parameters[k] = OPTIMIZER::update(p, g, lr);
    }
}

// One split: features and labels, in rows.
struct Split {
    long points, vectors;
    V *x, *y;
};

struct Network {
    long stride;           // vectors from one row to the next
    V *inputs;             // the features after dropout
    V *outputs[LAYERS];    // of each layer
    V *deltas[2];          // by which the loss grows with a layer's outputs, of a layer and the next
    float *gradient;
    float rate;
};

constexpr int weights_at(int layer) {
    int at = 0;
    for (int l = 0; l < layer; l++) at += (WIDTH[l] + 1) * WIDTH[l + 1];
    return at;
}
constexpr int biases_at(int layer) {
    return weights_at(layer) + WIDTH[layer] * WIDTH[layer + 1];
}
constexpr int PARAMETERS = weights_at(LAYERS);

constexpr int widest() {
    int width = 0;
    for (int l = 1; l <= LAYERS; l++) width = WIDTH[l] > width ? WIDTH[l] : width;
    return width;
}

// Mask rows by one draw for each point and unit, points first; or scale them if there are none.
template <int UNITS>
void drop(const V *in, V *out, const Split &split, long stride, const float *draws, float rate) {
    if (!draws) {
        const V kept = splat(1 - rate);
        for (int i = 0; i < UNITS; i++)
            for (long n = 0; n < split.vectors; n++) out[i * stride + n] = in[i * stride + n] * kept;
        return;
    }
    for (int i = 0; i < UNITS; i++) {
        const float *const from = (const float *)(in + i * stride);
        float *const to = (float *)(out + i * stride);
        for (long n = 0; n < split.points; n++)
            to[n] = from[n] * float(draws[n * UNITS + i] > rate);
        for (long n = split.points; n < split.vectors * LANES; n++) to[n] = from[n];
    }
}

template <int LAYER>
const V *layer_inputs(const Network &net, const Split &split) {
    if constexpr (LAYER) return net.outputs[LAYER - 1];
    return DROP[0] ? net.inputs : split.x;
}

template <int LAYER = 0>
void forward(const Network &net, const float *parameters, const Split &split, const float *draws) {
    constexpr int I = WIDTH[LAYER], J = WIDTH[LAYER + 1];
    if constexpr (DROP[LAYER]) {
        V *const dropped = LAYER ? net.outputs[LAYER ? LAYER - 1 : 0] : net.inputs;
        drop<I>(LAYER ? dropped : split.x, dropped, split, net.stride, draws, net.rate);
        if (draws) draws += I * split.points;
    }
    constexpr bool last = LAYER == LAYERS - 1;
    product<last ? LINEAR : RELU, J, I, 1, J>(
        parameters + weights_at(LAYER), parameters + biases_at(LAYER),
        layer_inputs<LAYER>(net, split), nullptr, net.outputs[LAYER], net.stride, split.vectors);
    if constexpr (!last) forward<LAYER + 1>(net, parameters, split, draws);
}

// Turn predictions into errors; return the mean of their squares.
float mean_squared_error(const Network &net, const Split &split) {
    V *const row = net.outputs[LAYERS - 1], sum = {};
    const long whole = split.points / LANES;
    for (long n = 0; n < split.vectors; n++) {
        V error = row[n] - split.y[n];
        if (n == whole)
            for (int l = split.points % LANES; l < LANES; l++) error[l] = 0;
        sum += error * error;
        row[n] = error;
    }
    return total(sum) / split.points;
}

// Leave the gradient of a layer and of those below, from what the loss grows by with its outputs.
template <int LAYER = LAYERS - 1>
void backward(const Network &net, const float *parameters, const Split &split, const V *delta) {
    constexpr int I = WIDTH[LAYER], J = WIDTH[LAYER + 1];
    const V *const in = layer_inputs<LAYER>(net, split);
    weight_gradient<I, J>(in, delta, net.stride, split.vectors, net.gradient + weights_at(LAYER));
    bias_gradient<J>(delta, net.stride, split.vectors, net.gradient + biases_at(LAYER));
    if constexpr (LAYER) {
        // An input that dropout masked is 0 as well, and lets no gradient through either.
        V *const below = net.deltas[LAYER % 2];
        product<WHERE_POSITIVE, I, J, J, 1>(parameters + weights_at(LAYER), nullptr, delta, in,
                                            below, net.stride, split.vectors);
        backward<LAYER - 1>(net, parameters, split, below);
    }
}

float train(const Network &net, float *parameters, const Split &split, const float *draws,
            float lr, Penalties penalties) {
    forward(net, parameters, split, draws);
    const float loss = mean_squared_error(net, split);
    const V scale = splat(2.0f / split.points);
    V *const delta = net.outputs[LAYERS - 1];
    for (long n = 0; n < split.vectors; n++) delta[n] *= scale;
    backward(net, parameters, split, delta);
    for (int l = 0; l < LAYERS; l++) {
        const int w = weights_at(l), b = biases_at(l), end = weights_at(l + 1);
        update(parameters + w, net.gradient + w, b - w, lr, penalties);
        update(parameters + b, net.gradient + b, end - b, lr, penalties);
    }
    return loss;
}

// Lay (points, units) out in rows, filled up with copies of the first point.
void lay_out(const float *from, int units, long points, long vectors, long stride, V *rows) {
    for (int i = 0; i < units; i++) {
        float *const row = (float *)(rows + i * stride);
        for (long n = 0; n < vectors * LANES; n++) row[n] = from[(n < points ? n : 0) * units + i];
    }
}

}  // namespace

// Do `steps` steps, and write the training and validation loss of each. `parameters` holds each
// layer's weights (inputs, outputs) and biases, x (points, features), y (points). With dropout,
// `draws` has a number for every input that it goes over, for each step: of each layer (points,
// inputs). Returns 0, or 1 if there is not enough memory: then nothing has changed.
extern "C" int advance(long steps, float *parameters, float lr, float l1_weight, float weight_decay,
                       float rate, const float *draws, long train_points, const float *train_x,
                       const float *train_y, long val_points, const float *val_x,
                       const float *val_y, float *train_losses, float *val_losses) {
    const auto vectors = [](long points) { return (points + LANES - 1) / LANES; };
    Split training{train_points, vectors(train_points), nullptr, nullptr};
    Split validation{val_points, vectors(val_points), nullptr, nullptr};
    // Odd, so that neighbouring rows don't meet in the same lines of the cache.
    const long most = training.vectors > validation.vectors ? training.vectors : validation.vectors;
    const long stride = most | 1;
    long rows = 3 * WIDTH[0] + 2 + 2 * widest();
    for (int l = 1; l <= LAYERS; l++) rows += WIDTH[l];
    const long bytes = rows * stride * sizeof(V) + (PARAMETERS + LANES) * sizeof(float);
    V *const room = (V *)aligned_alloc(sizeof(V), (bytes / sizeof(V) + 1) * sizeof(V));
    if (!room) return 1;

    V *next = room;
    const auto take = [&next, stride](int units) {
        V *const taken = next;
        next += units * stride;
        return taken;
    };
    Network net;
    net.stride = stride;
    net.rate = rate;
    net.inputs = take(WIDTH[0]);
    for (int l = 0; l < LAYERS; l++) net.outputs[l] = take(WIDTH[l + 1]);
    for (V *&delta : net.deltas) delta = take(widest());
    for (Split *split : {&training, &validation}) {
        split->x = take(WIDTH[0]);
        split->y = take(1);
    }
    net.gradient = (float *)next;
    lay_out(train_x, WIDTH[0], train_points, training.vectors, stride, training.x);
    lay_out(train_y, 1, train_points, training.vectors, stride, training.y);
    lay_out(val_x, WIDTH[0], val_points, validation.vectors, stride, validation.x);
    lay_out(val_y, 1, val_points, validation.vectors, stride, validation.y);

    long drawn = 0;
    for (int l = 0; l < LAYERS; l++) drawn += DROP[l] ? WIDTH[l] * train_points : 0;
    for (long s = 0; s < steps; s++) {
        train_losses[s] = train(net, parameters, training, drawn ? draws + s * drawn : nullptr, lr,
                                Penalties{l1_weight, weight_decay});
        forward(net, parameters, validation, nullptr);
        val_losses[s] = mean_squared_error(net, validation);
    }
    free(room);
    return 0;
}
