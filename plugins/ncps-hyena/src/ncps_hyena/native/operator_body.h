/* The operator for numbers of the type REAL. One feature group at a time goes through everything,
row by row, so that its arrays stay in the second cache.

The long convolutions are products of polynomials modulo x^N - i, the right-angle convolution: two
sequences of L <= N numbers have a product of 2L - 1 <= 2N, of which the first N come out as the
real and the rest as the imaginary parts. With w = e^(i pi / 2N), x_j w^j is transformed by N
complex numbers, where zeros behind the x_j would make it 2N real ones. Entry N + j of a sequence
that is longer is the imaginary part of entry j. A product of more than 2N numbers wraps around:
its first entries, and of a correlation the last, are summed directly.

Source: Nussbaumer, Fast Fourier Transform and Convolution Algorithms, 1982.
*/

#define NUMBERS(name) ((const REAL *)a->name)
#define RESULTS(name) ((REAL *)a->name)

/* The features of a group: `n` of them from `first` on. */
typedef struct {
  ix first, n;
} NAME(group);
#define GROUP NAME(group)

INLINE GROUP NAME(group_of)(const Operator *a, ix g) {
  ix left = a->features - g * LANES;
  return (GROUP){g * LANES, left < LANES ? left : LANES};
}

/* Not inlined: code for whole groups is to keep its vectors in registers. */
static __attribute__((noinline)) V NAME(load_some)(const REAL *p, ix n) {
  V v = {0};
  for (ix i = 0; i < n; i++) v[i] = p[i];
  return v;
}

static __attribute__((noinline)) void NAME(store_some)(REAL *p, V v, ix n) {
  for (ix i = 0; i < n; i++) p[i] = v[i];
}

INLINE V NAME(load)(const REAL *p, ix n) {
  if (n != LANES) return NAME(load_some)(p, n);
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

INLINE void NAME(store)(REAL *p, V v, ix n) {
  if (n == LANES)
    memcpy(p, &v, sizeof v);
  else
    NAME(store_some)(p, v, n);
}
/* From arrays of which every step lies `step` numbers behind the last one: no processor sees by
itself what comes next, when steps are a page apart. */
INLINE V NAME(load_step)(const REAL *p, ix step, ix n) {
  __builtin_prefetch(p + AHEAD * step, 0);
  return NAME(load)(p, n);
}

INLINE void NAME(store_step)(REAL *p, ix step, V v, ix n) {
  __builtin_prefetch(p + AHEAD * step, 1);
  NAME(store)(p, v, n);
}
#define LOAD_STEP(p, step) NAME(load_step)(p, step, group.n)
#define STORE_STEP(p, step, v) NAME(store_step)(p, step, v, group.n)
#define LOAD(p) NAME(load)(p, group.n)
#define STORE(p, v) NAME(store)(p, v, group.n)

/* A stream of a row and group: what its short convolution reads, from step 0 on. */
typedef struct {
  const REAL *z;
  ix step, channel;
  V w[TAPS], b;
} NAME(stream);
#define STREAM NAME(stream)

INLINE void NAME(open)(const Operator *a, STREAM *s, ix i, ix row, GROUP group) {
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
INLINE V NAME(short_at)(const STREAM *s, ix t, ix K, int early, GROUP group) {
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
} NAME(sums);
#define SUMS NAME(sums)

/* The same of three taps, which HyenaDNA has, for registers. */
typedef struct {
  V d1, d2, w0, w1, w2, b;
} NAME(three);
#define THREE NAME(three)

INLINE void NAME(clear)(SUMS *s, THREE *three, ix K) {
  V none = {0};
  *three = (THREE){none, none, none, none, none, none};
  memset(s->d, 0, (size_t)K * sizeof(V));
  memset(s->w, 0, (size_t)(K + 1) * sizeof(V));
  memset(s->sums, 0, (size_t)(K + 1) * sizeof s->sums[0]);
}

/* What was summed so far goes into doubles. */
INLINE void NAME(gather)(SUMS *s, THREE *three, ix K) {
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
INLINE void NAME(push)(const Operator *a, const STREAM *s, SUMS *sums, THREE *three, ix row, ix t,
                       V d, ix K, int early, GROUP group) {
  REAL *dz = RESULTS(dz) + (row * a->steps + t - K + 1) * s->step + s->channel;
  const REAL *z = s->z + (t - K + 1) * s->step;
  if (K == 3) {
    if (!early || t >= K - 1)
      STORE_STEP(dz, s->step, s->w[0] * d + s->w[1] * three->d1 + s->w[2] * three->d2);
    three->d2 = three->d1;
    three->d1 = d;
    three->b += d;
    if (!early || t >= 2) three->w0 += d * LOAD(z);
    if (!early || t >= 1) three->w1 += d * LOAD(z + s->step);
    three->w2 += d * LOAD(z + 2 * s->step);
    return;
  }
  for (ix k = K - 1; k > 0; k--) sums->d[k] = sums->d[k - 1];
  sums->d[0] = d;
  if (t >= K - 1) {
    V sum = {0};
    for (ix k = 0; k < K; k++) sum += s->w[k] * sums->d[k];
    STORE_STEP(dz, s->step, sum);
  }
  sums->w[K] += d;
  for (ix k = t < K - 1 ? K - 1 - t : 0; k < K; k++) sums->w[k] += d * LOAD(z + k * s->step);
}

/* The last dz, and the sums into dw and db. */
INLINE void NAME(finish)(const Operator *a, const STREAM *s, SUMS *sums, THREE *three, ix row,
                         ix K, GROUP group) {
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
  NAME(gather)(sums, three, K);
  for (ix l = 0; l < group.n; l++) {
    for (ix k = 0; k < K; k++)
      RESULTS(dw)[(s->channel + l) * K + k] += (REAL)sums->sums[k][l];
    RESULTS(db)[s->channel + l] += (REAL)sums->sums[K][l];
  }
}

/* All steps, of which the first have fewer than K - 1 before them. */
#define EACH_STEP(function, ...)                                              \
  do {                                                                        \
    ix t = 0;                                                                 \
    for (; t < K - 1 && t < a->steps; t++) NAME(function)(__VA_ARGS__, t, K, 1, group); \
    for (; t < a->steps; t++) NAME(function)(__VA_ARGS__, t, K, 0, group);    \
  } while (0)
/* Three taps are known to the compiler. */
#define TAPS_KNOWN(function, ...)               \
  do {                                          \
    if (a->taps == 3)                           \
      NAME(function)(__VA_ARGS__, 3, group);    \
    else                                        \
      NAME(function)(__VA_ARGS__, a->taps, group); \
  } while (0)

/* x_t w^t into its place; those from N on are to come after the others. */
INLINE void NAME(twist)(const Operator *a, C *z, ix t, V x) {
  const W *w = a->twist;
  if (t < a->size) {
    z[t] = (C){x * w[t].re, x * w[t].im};
  } else {
    t -= a->size;
    z[t].re -= x * w[t].im;
    z[t].im += x * w[t].re;
  }
}

/* Zeros behind the entries. */
INLINE void NAME(fill)(const Operator *a, C *z) {
  if (a->steps < a->size) memset(z + a->steps, 0, (size_t)(a->size - a->steps) * sizeof *z);
}

INLINE V NAME(untwist)(const Operator *a, const C *z, ix t) {
  const W *w = a->twist;
  if (t < a->size) return z[t].re * w[t].re + z[t].im * w[t].im;
  t -= a->size;
  return z[t].im * w[t].re - z[t].re * w[t].im;
}

/* Memory of a thread, as vectors one behind the other. */
typedef struct {
  V *at;
} NAME(pool);
#define POOL NAME(pool)

INLINE V *NAME(take)(POOL *pool, ix vectors) {
  V *at = pool->at;
  pool->at += vectors;
  return at;
}
#define TAKE(vectors) NAME(take)(&pool, vectors)
#define TAKE_COMPLEX(number) ((C *)TAKE(2 * (number)))
/* so many of a type that holds vectors */
#define VECTORS(type) ((ix)(sizeof(type) / sizeof(V)))
#define TAKE_ONE(type) ((type *)TAKE(VECTORS(type)))

/* The transforms of the filters of a group and convolution, over N: H + conj R, r_0 without part. */
static void NAME(filters)(const Operator *a, ix o, GROUP group, C *H, C *R) {
  const REAL *h = NUMBERS(h) + o * a->h_convolution + group.first;
  for (ix t = 0; t < a->steps; t++) NAME(twist)(a, H, t, LOAD_STEP(h + t * a->h_step, a->h_step));
  NAME(fill)(a, H);
  NAME(there)(H, a->size, a->size, a->radices, a->twiddles);
  REAL scale = (REAL)1 / (REAL)a->size;
  if (a->r) {
    const REAL *r = NUMBERS(r) + o * a->h_convolution + group.first;
    NAME(twist)(a, R, 0, (V){0});
    for (ix t = 1; t < a->steps; t++) NAME(twist)(a, R, t, LOAD_STEP(r + t * a->h_step, a->h_step));
    NAME(fill)(a, R);
    NAME(there)(R, a->size, a->size, a->radices, a->twiddles);
    for (ix k = 0; k < a->size; k++) H[k] = (C){H[k].re + R[k].re, H[k].im - R[k].im};
  }
  for (ix k = 0; k < a->size; k++) H[k] = (C){H[k].re * scale, H[k].im * scale};
}

/* What makes u^o of a row and group. */
typedef struct {
  STREAM value, gate;
  const REAL *v, *real, *noise; /* v^o for o > 0 */
  ix v_step;
} NAME(factors);
#define FACTORS NAME(factors)

static void NAME(open_factors)(const Operator *a, FACTORS *x, ix o, ix row, GROUP group,
                               const REAL *v, ix v_step) {
  ix numbers = a->steps * a->features;
  x->v = v;
  x->v_step = v_step;
  if (!o) NAME(open)(a, &x->value, a->convolutions + 1, row, group);
  NAME(open)(a, &x->gate, a->convolutions - o, row, group);
  x->real = a->real ? NUMBERS(real) + row * a->steps : NULL;
  x->noise = a->noise ? NUMBERS(noise) + (o * a->rows + row) * numbers + group.first : NULL;
}

INLINE V NAME(value_at)(const FACTORS *x, ix t, ix K, int early, GROUP group) {
  return x->v ? LOAD_STEP(x->v + t * x->v_step, x->v_step) : NAME(short_at)(&x->value, t, K, early, group);
}

INLINE V NAME(masked)(const Operator *a, const FACTORS *x, ix t, V u, GROUP group) {
  if (x->real) u *= x->real[t];
  if (x->noise) u *= LOAD_STEP(x->noise + t * a->features, a->features);
  return u;
}

INLINE void NAME(enter_step)(const Operator *a, const FACTORS *x, V *u, C *z, ix t, ix K,
                             int early, GROUP group) {
  V product = NAME(value_at)(x, t, K, early, group);
  product *= NAME(short_at)(&x->gate, t, K, early, group);
  u[t] = NAME(masked)(a, x, t, product, group);
  NAME(twist)(a, z, t, u[t]);
}

INLINE void NAME(enter_taps)(const Operator *a, const FACTORS *x, V *u, C *z, ix K, GROUP group) {
  EACH_STEP(enter_step, a, x, u, z);
  NAME(fill)(a, z);
}

/* u = v * gate, masked, and its twist. */
static void NAME(enter)(const Operator *a, const FACTORS *x, V *u, C *z, GROUP group) {
  TAPS_KNOWN(enter_taps, a, x, u, z);
}

/* sum_{j <= t} h_j u_{t-j} for the first steps. */
INLINE V NAME(head)(const Operator *a, const REAL *h, const V *u, ix t, GROUP group) {
  V v = {0};
  for (ix j = 0; j <= t; j++) v += LOAD(h + j * a->h_step) * u[t - j];
  return v;
}

/* sum_j h_j d_{t+j} for the last steps. */
INLINE V NAME(tail)(const Operator *a, const REAL *h, const V *d, ix t, GROUP group) {
  V v = {0};
  for (ix j = 0; t + j < a->steps; j++) v += LOAD(h + j * a->h_step) * d[t + j];
  return v;
}

/* Where v^{o+1} of a row and group goes, and y after the last one. */
typedef struct {
  const REAL *h;
  V s;
  REAL *v, *y;
  ix v_step;
  STREAM gate;
} NAME(exit);
#define EXIT NAME(exit)

INLINE void NAME(leave_step)(const Operator *a, const EXIT *x, const C *z, const V *u, ix t, ix K,
                             int early, GROUP group) {
  V v;
  if (t < a->apart)
    v = NAME(head)(a, x->h, u, t, group);
  else
    v = NAME(untwist)(a, z, t);
  v += x->s * u[t];
  if (x->v) STORE_STEP(x->v + t * x->v_step, x->v_step, v);
  if (x->y)
    STORE_STEP(x->y + t * a->features, a->features,
               v * NAME(short_at)(&x->gate, t, K, early, group));
}

INLINE void NAME(leave_taps)(const Operator *a, const EXIT *x, const C *z, const V *u, ix K,
                             GROUP group) {
  EACH_STEP(leave_step, a, x, z, u);
}

/* v^{o+1} = long + s u, and y = v * gate behind the last one. */
static void NAME(leave)(const Operator *a, const EXIT *x, const C *z, const V *u, GROUP group) {
  TAPS_KNOWN(leave_taps, a, x, z, u);
}

/* How many groups there are. */
INLINE ix NAME(groups)(const Operator *a) { return (a->features + LANES - 1) / LANES; }

static int NAME(some_spectra)(const Operator *a, void *out, ix first, ix last) {
  ix groups = NAME(groups)(a), N = a->size;
  C *R = NULL;
  if (a->r && posix_memalign((void **)&R, 64, (size_t)N * sizeof *R)) return -1;
  for (ix g = first; g < last; g++)
    for (ix o = 0; o < a->convolutions; o++)
      NAME(filters)(a, o, NAME(group_of)(a, g), (C *)out + (o * groups + g) * N, R);
  free(R);
  return 0;
}

static int NAME(spectra)(const Operator *a, void *out) {
  return spread(NAME(some_spectra), a, out, NAME(groups)(a), 2 * a->size * (ix)sizeof(V));
}

/* The memory that a thread of the forward takes. */
static ix NAME(forward_bytes)(const Operator *a) {
  ix N = a->size, M = a->convolutions;
  ix vectors = 2 * a->steps + 2 * N + (a->spectra ? 0 : 2 * N * M) + (a->r ? 2 * N : 0);
  return (vectors + VECTORS(FACTORS) + VECTORS(EXIT)) * (ix)sizeof(V);
}

static int NAME(some_forward)(const Operator *a, void *out, ix first, ix last) {
  (void)out;
  ix N = a->size, M = a->convolutions, groups = NAME(groups)(a);
  ix numbers = a->steps * a->features;
  POOL pool;
  void *memory;
  if (posix_memalign(&memory, 64, (size_t)NAME(forward_bytes)(a))) return -1;
  pool.at = memory;
  V *u = TAKE(a->steps), *kept = TAKE(a->steps);
  C *z = TAKE_COMPLEX(N), *own = a->spectra ? NULL : TAKE_COMPLEX(N * M);
  C *R = a->r ? TAKE_COMPLEX(N) : NULL;
  FACTORS *x = TAKE_ONE(FACTORS);
  EXIT *out_of = TAKE_ONE(EXIT);
  for (ix g = first; g < last; g++) {
    GROUP group = NAME(group_of)(a, g);
    for (ix o = 0; o < M && own; o++) NAME(filters)(a, o, group, own + o * N, R);
    for (ix row = 0; row < a->rows; row++) {
      const REAL *v = NULL;
      ix v_step = a->v ? a->features : LANES;
      for (ix o = 0; o < M; o++) {
        NAME(open_factors)(a, x, o, row, group, v, v_step);
        NAME(enter)(a, x, u, z, group);
        NAME(there)(z, N, N, a->radices, a->twiddles);
        const C *H = own ? own + o * N : (const C *)a->spectra + (o * groups + g) * N;
        for (ix k = 0; k < N; k++)
          z[k] = (C){z[k].re * H[k].re - z[k].im * H[k].im, z[k].re * H[k].im + z[k].im * H[k].re};
        NAME(back)(z, N, N, a->radices, a->twiddles);
        REAL *next = a->v ? RESULTS(v) + (o * a->rows + row) * numbers + group.first : (REAL *)kept;
        ix end = o == M - 1;
        out_of->h = NUMBERS(h) + o * a->h_convolution + group.first;
        out_of->s = LOAD(NUMBERS(s) + o * a->features + group.first);
        /* nobody reads the last one, unless it is kept */
        out_of->v = end && !a->v ? NULL : next;
        out_of->v_step = v_step;
        out_of->y = end ? RESULTS(y) + row * numbers + group.first : NULL;
        if (end) NAME(open)(a, &out_of->gate, 0, row, group);
        NAME(leave)(a, out_of, z, u, group);
        v = next;
      }
    }
  }
  free(memory);
  return 0;
}

static int NAME(forward)(const Operator *a, void *out) {
  return spread(NAME(some_forward), a, out, NAME(groups)(a), NAME(forward_bytes)(a));
}

/* Memory of a thread in a backward. */
typedef struct {
  V *u, *d, *late;
  C *U, *D, *H, *P;
  FACTORS *x;
  STREAM *gate;
  SUMS *sums;
} NAME(memory);
#define MEMORY NAME(memory)

INLINE void NAME(leave_back_step)(const Operator *a, MEMORY *m, THREE *three, const REAL *dy,
                                  const REAL *v, ix row, ix t, ix K, int early, GROUP group) {
  V given = LOAD_STEP(dy + t * a->features, a->features);
  m->d[t] = given * NAME(short_at)(m->gate, t, K, early, group);
  NAME(twist)(a, m->D, t, m->d[t]);
  V dg = given * LOAD_STEP(v + t * a->features, a->features);
  NAME(push)(a, m->gate, m->sums, three, row, t, dg, K, early, group);
  if (t % PIECE == PIECE - 1) NAME(gather)(m->sums, three, K);
}

/* Of y = v * gate: d = dy * gate and its twist; the gradients of the gate. */
INLINE void NAME(leave_back)(const Operator *a, MEMORY *m, const REAL *dy, const REAL *v, ix row,
                             ix K, GROUP group) {
  THREE three;
  NAME(clear)(m->sums, &three, K);
  EACH_STEP(leave_back_step, a, m, &three, dy, v, row);
  NAME(fill)(a, m->D);
  NAME(finish)(a, m->gate, m->sums, &three, row, K, group);
}

INLINE void NAME(enter_back_step)(const Operator *a, MEMORY *m, THREE *three, const V *last,
                                  ix start, V s, ix row, ix t, ix K, int early, GROUP group) {
  const FACTORS *x = m->x;
  V du = s * m->d[t];
  if (t < start)
    du += NAME(untwist)(a, m->D, t);
  else
    du += last[t - start];
  du = NAME(masked)(a, x, t, du, group);
  V dg = du * NAME(value_at)(x, t, K, early, group);
  V dv = du * NAME(short_at)(&x->gate, t, K, early, group);
  NAME(push)(a, &x->gate, &m->sums[0], &three[0], row, t, dg, K, early, group);
  if (x->v) {
    m->d[t] = dv;
    NAME(twist)(a, m->D, t, dv);
  } else {
    NAME(push)(a, &x->value, &m->sums[1], &three[1], row, t, dv, K, early, group);
  }
  if (t % PIECE == PIECE - 1) {
    NAME(gather)(&m->sums[0], &three[0], K);
    NAME(gather)(&m->sums[1], &three[1], K);
  }
}

/* Of u = v * gate, from du = long + s d: the gradients of the gate; d = du * gate and its twist, or
the gradients of the value where it is a stream. */
INLINE void NAME(enter_back)(const Operator *a, MEMORY *m, const REAL *h, V s, ix row, ix K,
                             GROUP group) {
  /* what is not to be read from m->D: entries past N would be gone, and d where it is written */
  V last[2 * APART];
  ix start = a->steps - a->apart < a->size ? a->steps - a->apart : a->size;
  for (ix t = start; t < a->steps; t++) {
    if (t < a->steps - a->apart)
      last[t - start] = NAME(untwist)(a, m->D, t);
    else
      last[t - start] = NAME(tail)(a, h, m->d, t, group);
  }
  THREE three[2];
  NAME(clear)(&m->sums[0], &three[0], K);
  NAME(clear)(&m->sums[1], &three[1], K);
  EACH_STEP(enter_back_step, a, m, three, last, start, s, row);
  NAME(finish)(a, &m->x->gate, &m->sums[0], &three[0], row, K, group);
  if (m->x->v)
    NAME(fill)(a, m->D);
  else
    NAME(finish)(a, &m->x->value, &m->sums[1], &three[1], row, K, group);
}

/* Gradients of a long convolution of one row and group: of the filters into P and `late`, of the
skip; z from the twist of d to that of du. */
static void NAME(long_back)(const Operator *a, MEMORY *m, ix o, ix row, GROUP group) {
  ix N = a->size;
  C *H = m->H + o * N, *P = m->P + o * N;
  NAME(enter)(a, m->x, m->u, m->U, group);
  double sums[LANES_MOST] = {0};
  for (ix low = 0; low < a->steps; low += PIECE) {
    V sum = {0};
    for (ix t = low; t < a->steps && t < low + PIECE; t++) sum += m->d[t] * m->u[t];
    for (ix l = 0; l < group.n; l++) sums[l] += sum[l];
  }
  for (ix l = 0; l < group.n; l++) RESULTS(ds)[o * a->features + group.first + l] += (REAL)sums[l];
  NAME(there)(m->D, N, N, a->radices, a->twiddles);
  if (a->dh) {
    NAME(there)(m->U, N, N, a->radices, a->twiddles);
    if (!row) memset(P, 0, (size_t)N * sizeof *P);
    for (ix k = 0; k < N; k++) {
      C u = m->U[k], d = m->D[k];
      P[k] = (C){P[k].re + u.re * d.re + u.im * d.im, P[k].im + u.re * d.im - u.im * d.re};
    }
    V *late = m->late + o * APART;
    for (ix i = 0; i < a->apart; i++) {
      if (!row) late[i] = (V){0};
      for (ix t = a->steps - a->apart + i; t < a->steps; t++)
        late[i] += m->d[t] * m->u[t - (a->steps - a->apart + i)];
    }
  }
  for (ix k = 0; k < N; k++) {
    C h = H[k], d = m->D[k];
    m->D[k] = (C){h.re * d.re + h.im * d.im, h.re * d.im - h.im * d.re};
  }
  NAME(back)(m->D, N, N, a->radices, a->twiddles);
}

/* The gradients of the filters of a group, from the transforms of all rows' correlations. */
static void NAME(filters_back)(const Operator *a, MEMORY *m, ix o, GROUP group) {
  ix N = a->size, step = a->convolutions * a->features, at = o * a->features + group.first;
  C *P = m->P + o * N, *Q = m->U;
  REAL scale = (REAL)1 / (REAL)N;
  if (a->dr) {
    for (ix k = 0; k < N; k++) Q[k] = (C){P[k].re, -P[k].im};
    NAME(back)(Q, N, N, a->radices, a->twiddles);
    STORE(RESULTS(dr) + at, ((V){0}));
    for (ix t = 1; t < a->steps; t++)
      STORE_STEP(RESULTS(dr) + t * step + at, step, NAME(untwist)(a, Q, t) * scale);
  }
  NAME(back)(P, N, N, a->radices, a->twiddles);
  for (ix t = 0; t < a->steps; t++) {
    ix i = t - (a->steps - a->apart);
    V dh;
    if (i < 0)
      dh = NAME(untwist)(a, P, t) * scale;
    else
      dh = m->late[o * APART + i];
    STORE_STEP(RESULTS(dh) + t * step + at, step, dh);
  }
}

static void NAME(row_back)(const Operator *a, MEMORY *m, ix row, GROUP group) {
  ix M = a->convolutions, numbers = a->steps * a->features, at = row * numbers + group.first;
  const REAL *v = NUMBERS(v) + at, *dy = NUMBERS(dy) + at;
  ix between = a->rows * numbers;
  NAME(open)(a, m->gate, 0, row, group);
  const REAL *last = v + (M - 1) * between;
  TAPS_KNOWN(leave_back, a, m, dy, last, row);
  for (ix o = M - 1; o >= 0; o--) {
    const REAL *h = NUMBERS(h) + o * a->h_convolution + group.first;
    V s = LOAD(NUMBERS(s) + o * a->features + group.first);
    NAME(open_factors)(a, m->x, o, row, group, o ? v + (o - 1) * between : NULL, a->features);
    NAME(long_back)(a, m, o, row, group);
    TAPS_KNOWN(enter_back, a, m, h, s, row);
  }
}

/* The memory that a thread of the backward takes. */
static ix NAME(backward_bytes)(const Operator *a) {
  ix N = a->size, M = a->convolutions;
  ix vectors = 2 * a->steps + M * APART + 2 * N * (2 + 2 * M);
  return (vectors + VECTORS(FACTORS) + VECTORS(STREAM) + 2 * VECTORS(SUMS)) * (ix)sizeof(V);
}

static int NAME(some_backward)(const Operator *a, void *out, ix first, ix last) {
  (void)out;
  ix N = a->size, M = a->convolutions;
  POOL pool;
  void *memory;
  if (posix_memalign(&memory, 64, (size_t)NAME(backward_bytes)(a))) return -1;
  pool.at = memory;
  MEMORY m = {.u = TAKE(a->steps), .d = TAKE(a->steps), .late = TAKE(M * APART)};
  m.U = TAKE_COMPLEX(N);
  m.D = TAKE_COMPLEX(N);
  m.H = TAKE_COMPLEX(N * M);
  m.P = TAKE_COMPLEX(N * M);
  m.x = TAKE_ONE(FACTORS);
  m.gate = TAKE_ONE(STREAM);
  m.sums = (SUMS *)TAKE(2 * VECTORS(SUMS));
  for (ix g = first; g < last; g++) {
    GROUP group = NAME(group_of)(a, g);
    for (ix o = 0; o < M; o++) NAME(filters)(a, o, group, m.H + o * N, m.U);
    for (ix row = 0; row < a->rows; row++) NAME(row_back)(a, &m, row, group);
    for (ix o = 0; o < M && a->dh; o++) NAME(filters_back)(a, &m, o, group);
  }
  free(memory);
  return 0;
}

static int NAME(backward)(const Operator *a, void *out) {
  return spread(NAME(some_backward), a, out, NAME(groups)(a), NAME(backward_bytes)(a));
}

#undef GROUP
#undef STREAM
#undef SUMS
#undef POOL
#undef FACTORS
#undef MEMORY
#undef THREE
#undef EXIT
#undef EACH_STEP
#undef TAPS_KNOWN
#undef LOAD
#undef STORE
#undef LOAD_STEP
#undef STORE_STEP
#undef TAKE
#undef TAKE_COMPLEX
#undef TAKE_ONE
#undef VECTORS
#undef NUMBERS
#undef RESULTS
