/* Features side by side in vectors, the short convolutions over them, and their gradients. */

#define NUMBERS(name) ((const REAL*)a->name)
#define RESULTS(name) ((REAL*)a->name)

/* The features of a group: `n` of them from `first` on. */
typedef struct {
  ix first, n;
} Group;

INLINE Group group_of(const Operator* a, ix g) {
  ix left = a->features - g * LANES;
  return (Group){g * LANES, left < LANES ? left : LANES};
}

#if WIDTH == 32
/* The mask of the first n numbers of a vector. */
INLINE __m256i first_of(ix n) {
  static const int64_t table[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
  const char* end = (const char*)(table + 4);
  return _mm256_loadu_si256((const __m256i*)(end - n * (ix)sizeof(REAL)));
}
#endif

/* The first n numbers of a vector. */
INLINE V load_some(const REAL* p, ix n) {
#if WIDTH == 64
  if (sizeof(REAL) == 4) return (V)_mm512_maskz_loadu_ps((__mmask16)((1 << n) - 1), p);
  return (V)_mm512_maskz_loadu_pd((__mmask8)((1 << n) - 1), p);
#else
  if (sizeof(REAL) == 4) return (V)_mm256_maskload_ps((const float*)p, first_of(n));
  return (V)_mm256_maskload_pd((const double*)p, first_of(n));
#endif
}

INLINE void store_some(REAL* p, V v, ix n) {
#if WIDTH == 64
  if (sizeof(REAL) == 4)
    _mm512_mask_storeu_ps(p, (__mmask16)((1 << n) - 1), (__m512)v);
  else
    _mm512_mask_storeu_pd(p, (__mmask8)((1 << n) - 1), (__m512d)v);
#else
  if (sizeof(REAL) == 4)
    _mm256_maskstore_ps((float*)p, first_of(n), (__m256)v);
  else
    _mm256_maskstore_pd((double*)p, first_of(n), (__m256d)v);
#endif
}

INLINE V load(const REAL* p, ix n) {
  if (n != LANES) return load_some(p, n);
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

INLINE void store(REAL* p, V v, ix n) {
  if (n == LANES)
    memcpy(p, &v, sizeof v);
  else
    store_some(p, v, n);
}

/* From arrays of which a step lies `step` numbers behind the one before: that far apart, processors
do not see by themselves what comes next. */
INLINE V load_step(const REAL* p, ix step, ix n) {
  __builtin_prefetch(p + AHEAD * step, 0);
  return load(p, n);
}

INLINE void store_step(REAL* p, ix step, V v, ix n) {
  __builtin_prefetch(p + AHEAD * step, 1);
  store(p, v, n);
}
#define LOAD_STEP(p, step) load_step(p, step, group.n)
#define STORE_STEP(p, step, v) store_step(p, step, v, group.n)
#define LOAD(p) load(p, group.n)
#define STORE(p, v) store(p, v, group.n)

/* A stream of a row and group: what its short convolution reads, from step 0 on. */
typedef struct {
  const REAL* z;
  ix step, channel;
  V w[TAPS], b;
} Stream;

/* Stream i: the gates from 0 on, then the value. */
INLINE void open_stream(const Operator* a, Stream* s, ix i, ix row, Group group) {
  ix K = a->taps;
  s->step = (a->convolutions + 2) * a->features;
  s->channel = i * a->features + group.first;
  s->z = NUMBERS(z) + row * a->steps * s->step + s->channel;
  s->b = LOAD(NUMBERS(b) + s->channel);
  for (ix k = 0; k < K; k++) {
    s->w[k] = (V){0};
    for (ix l = 0; l < group.n; l++) s->w[k][l] = NUMBERS(w)[(s->channel + l) * K + k];
  }
}

/* c_t = b + sum_k w_k z_{t-K+1+k}; `early` where there may be no z before t. */
INLINE V short_at(const Stream* s, ix t, ix K, int early, Group group) {
  V c = s->b;
  __builtin_prefetch(s->z + (t + AHEAD) * s->step, 0);
  for (ix k = early && t < K - 1 ? K - 1 - t : 0; k < K; k++)
    c += s->w[k] * LOAD(s->z + (t - K + 1 + k) * s->step);
  return c;
}

/* The gradients of a stream, while d_t = dc_t come in one by one. */
typedef struct {
  V d[TAPS]; /* d_t, d_{t-1} and so on */
  V w[TAPS + 1];
  double sums[TAPS + 1][LANES_MOST];
} Sums;

/* The same of three taps, which HyenaDNA has, for registers. */
typedef struct {
  V d1, d2, w0, w1, w2, b;
} Three;

INLINE void clear(Sums* s, Three* three, ix K) {
  V none = {0};
  *three = (Three){none, none, none, none, none, none};
  memset(s->d, 0, (size_t)K * sizeof(V));
  memset(s->w, 0, (size_t)(K + 1) * sizeof(V));
  memset(s->sums, 0, (size_t)(K + 1) * sizeof s->sums[0]);
}

/* What was summed so far goes into doubles. */
INLINE void gather(Sums* s, Three* three, ix K) {
  if (K == 3) {
    V none = {0};
    s->w[0] = three->w0;
    s->w[1] = three->w1;
    s->w[2] = three->w2;
    s->w[3] = three->b;
    three->w0 = three->w1 = three->w2 = three->b = none;
  }
  for (ix k = 0; k <= K; k++) {
    for (ix l = 0; l < LANES; l++) s->sums[k][l] += s->w[k][l];
    s->w[k] = (V){0};
  }
}

/* dz_{t-K+1} = sum_k w_k d_{t-k}, and what d_t adds to dw_k = sum_t d_t z_{t-K+1+k} and to db. */
INLINE void push(const Operator* a, const Stream* s, Sums* sums, Three* three, ix row, ix t, V d,
                 ix K, int early, Group group) {
  /* of step 0, as no address may lie before the array */
  REAL* dz = RESULTS(dz) + row * a->steps * s->step + s->channel;
  const REAL* z = s->z;
  ix at = (t - K + 1) * s->step;
  if (K == 3) {
    if (!early || t >= K - 1)
      STORE_STEP(dz + at, s->step, s->w[0] * d + s->w[1] * three->d1 + s->w[2] * three->d2);
    three->d2 = three->d1;
    three->d1 = d;
    three->b += d;
    if (!early || t >= 2) three->w0 += d * LOAD(z + at);
    if (!early || t >= 1) three->w1 += d * LOAD(z + at + s->step);
    three->w2 += d * LOAD(z + at + 2 * s->step);
    return;
  }
  for (ix k = K - 1; k > 0; k--) sums->d[k] = sums->d[k - 1];
  sums->d[0] = d;
  if (t >= K - 1) {
    V sum = {0};
    for (ix k = 0; k < K; k++) sum += s->w[k] * sums->d[k];
    STORE_STEP(dz + at, s->step, sum);
  }
  sums->w[K] += d;
  for (ix k = t < K - 1 ? K - 1 - t : 0; k < K; k++) sums->w[k] += d * LOAD(z + at + k * s->step);
}

/* The last dz, and the sums into dw and db. */
INLINE void finish(const Operator* a, const Stream* s, Sums* sums, Three* three, ix row, ix K,
                   Group group) {
  if (K == 3) {
    sums->d[0] = three->d1;
    sums->d[1] = three->d2;
  }
  for (ix left = 1; left < K; left++) {
    ix t = a->steps - K + left;
    V dz = {0};
    for (ix k = left; k < K; k++) dz += s->w[k] * sums->d[k - left];
    if (t >= 0) STORE(RESULTS(dz) + (row * a->steps + t) * s->step + s->channel, dz);
  }
  gather(sums, three, K);
  for (ix l = 0; l < group.n; l++) {
    for (ix k = 0; k < K; k++) RESULTS(dw)[(s->channel + l) * K + k] += (REAL)sums->sums[k][l];
    RESULTS(db)[s->channel + l] += (REAL)sums->sums[K][l];
  }
}

/* function(..., t, K, early, group) of all steps, `early` where fewer than K - 1 are before them. */
#define EACH_STEP(function, ...)                                                  \
  do {                                                                            \
    ix t = 0;                                                                     \
    for (; t < K - 1 && t < a->steps; t++) function(__VA_ARGS__, t, K, 1, group); \
    for (; t < a->steps; t++) function(__VA_ARGS__, t, K, 0, group);              \
  } while (0)
/* function(..., K, group), where the compiler is to know that taps are three, if they are. */
#define TAPS_KNOWN(function, ...)            \
  do {                                       \
    if (a->taps == 3)                        \
      function(__VA_ARGS__, 3, group);       \
    else                                     \
      function(__VA_ARGS__, a->taps, group); \
  } while (0)
