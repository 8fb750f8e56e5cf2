/* The forward: one group of features at a time goes through everything, row by row, so that its
arrays stay in the second cache.

The long convolutions are products of polynomials modulo x^N - i, the right-angle convolution: two
sequences of L <= N numbers have a product of 2L - 1 <= 2N, of which the first N come out as the
real and the rest as the imaginary parts. With w = e^(i pi / 2N), x_j w^j is transformed by N
complex numbers, where zeros behind the x_j would make it 2N real ones. Entry N + j of a sequence
that is longer is the imaginary part of entry j. A product of more than 2N numbers wraps around:
its first entries, and of a correlation the last, are summed directly.

Source: Nussbaumer, Fast Fourier Transform and Convolution Algorithms, 1982.
*/

/* x_t w^t into its place; those from N on are to come after the others. */
INLINE void twist(const Operator* a, C* z, ix t, V x) {
  const W* w = a->twist;
  if (t < a->size) {
    z[t] = (C){x * w[t].re, x * w[t].im};
  } else {
    t -= a->size;
    z[t].re -= x * w[t].im;
    z[t].im += x * w[t].re;
  }
}

/* Zeros behind the entries. */
INLINE void fill(const Operator* a, C* z) {
  if (a->steps < a->size) memset(z + a->steps, 0, (size_t)(a->size - a->steps) * sizeof *z);
}

/* x_t out of z_j w^-j. */
INLINE V untwist(const Operator* a, const C* z, ix t) {
  const W* w = a->twist;
  if (t < a->size) return z[t].re * w[t].re + z[t].im * w[t].im;
  t -= a->size;
  return z[t].im * w[t].re - z[t].re * w[t].im;
}

/* Memory of a thread, as vectors one behind the other. */
typedef struct {
  V* at;
} Pool;

INLINE V* take(Pool* pool, ix vectors) {
  V* at = pool->at;
  pool->at += vectors;
  return at;
}
#define TAKE(vectors) take(&pool, vectors)
#define TAKE_COMPLEX(number) ((C*)TAKE(2 * (number)))
/* so many of a type that holds vectors */
#define VECTORS(type) ((ix)(sizeof(type) / sizeof(V)))
#define TAKE_ONE(type) ((type*)TAKE(VECTORS(type)))

/* The transforms of the filters of a group and convolution, over N: H + conj R, r_0 without part. */
static void filters(const Operator* a, ix o, Group group, C* H, C* R) {
  const REAL* h = NUMBERS(h) + o * a->h_convolution + group.first;
  for (ix t = 0; t < a->steps; t++) twist(a, H, t, LOAD_STEP(h + t * a->h_step, a->h_step));
  fill(a, H);
  there(H, a->size, a->size, a->radices, a->twiddles);
  REAL scale = (REAL)1 / (REAL)a->size;
  if (a->r) {
    const REAL* r = NUMBERS(r) + o * a->h_convolution + group.first;
    twist(a, R, 0, (V){0});
    for (ix t = 1; t < a->steps; t++) twist(a, R, t, LOAD_STEP(r + t * a->h_step, a->h_step));
    fill(a, R);
    there(R, a->size, a->size, a->radices, a->twiddles);
    for (ix k = 0; k < a->size; k++) H[k] = (C){H[k].re + R[k].re, H[k].im - R[k].im};
  }
  for (ix k = 0; k < a->size; k++) H[k] = (C){H[k].re * scale, H[k].im * scale};
}

/* What makes u^o of a row and group. */
typedef struct {
  Stream value, gate;
  const REAL *v, *real, *noise; /* v^o for o > 0 */
  ix v_step;
} Factors;

static void open_factors(const Operator* a, Factors* x, ix o, ix row, Group group, const REAL* v,
                         ix v_step) {
  ix numbers = a->steps * a->features;
  x->v = v;
  x->v_step = v_step;
  if (!o) open_stream(a, &x->value, a->convolutions + 1, row, group);
  open_stream(a, &x->gate, a->convolutions - o, row, group);
  x->real = a->real ? NUMBERS(real) + row * a->steps : NULL;
  x->noise = a->noise ? NUMBERS(noise) + (o * a->rows + row) * numbers + group.first : NULL;
}

/* v^o_t. */
INLINE V value_at(const Factors* x, ix t, ix K, int early, Group group) {
  return x->v ? LOAD_STEP(x->v + t * x->v_step, x->v_step)
              : short_at(&x->value, t, K, early, group);
}

/* u_t times what masks it. */
INLINE V masked(const Operator* a, const Factors* x, ix t, V u, Group group) {
  if (x->real) u *= x->real[t];
  if (x->noise) u *= LOAD_STEP(x->noise + t * a->features, a->features);
  return u;
}

INLINE void enter_step(const Operator* a, const Factors* x, V* u, C* z, ix t, ix K, int early,
                       Group group) {
  V product = value_at(x, t, K, early, group);
  product *= short_at(&x->gate, t, K, early, group);
  u[t] = masked(a, x, t, product, group);
  twist(a, z, t, u[t]);
}

INLINE void enter_taps(const Operator* a, const Factors* x, V* u, C* z, ix K, Group group) {
  EACH_STEP(enter_step, a, x, u, z);
  fill(a, z);
}

/* u = v * gate, masked, and its twist. */
static void enter(const Operator* a, const Factors* x, V* u, C* z, Group group) {
  TAPS_KNOWN(enter_taps, a, x, u, z);
}

/* sum_{j <= t} h_j u_{t-j} for the first steps. */
INLINE V head(const Operator* a, const REAL* h, const V* u, ix t, Group group) {
  V v = {0};
  for (ix j = 0; j <= t; j++) v += LOAD(h + j * a->h_step) * u[t - j];
  return v;
}

/* sum_j h_j d_{t+j} for the last steps. */
INLINE V tail(const Operator* a, const REAL* h, const V* d, ix t, Group group) {
  V v = {0};
  for (ix j = 0; t + j < a->steps; j++) v += LOAD(h + j * a->h_step) * d[t + j];
  return v;
}

/* How v^{o+1} of a row and group comes about, and where it goes, and y behind the last one. */
typedef struct {
  const REAL* h;
  V s;
  REAL *v, *y;
  ix v_step;
  Stream gate;
} Outlet;

INLINE void leave_step(const Operator* a, const Outlet* x, const C* z, const V* u, ix t, ix K,
                       int early, Group group) {
  V v;
  if (t < a->apart)
    v = head(a, x->h, u, t, group);
  else
    v = untwist(a, z, t);
  v += x->s * u[t];
  if (x->v) STORE_STEP(x->v + t * x->v_step, x->v_step, v);
  if (x->y)
    STORE_STEP(x->y + t * a->features, a->features, v * short_at(&x->gate, t, K, early, group));
}

INLINE void leave_taps(const Operator* a, const Outlet* x, const C* z, const V* u, ix K,
                       Group group) {
  EACH_STEP(leave_step, a, x, z, u);
}

/* v^{o+1} = long + s u, and y = v * gate behind the last one. */
static void leave(const Operator* a, const Outlet* x, const C* z, const V* u, Group group) {
  TAPS_KNOWN(leave_taps, a, x, z, u);
}

INLINE ix groups_of(const Operator* a) { return (a->features + LANES - 1) / LANES; }

static int some_spectra(const Operator* a, ix first, ix last) {
  ix N = a->size;
  C* R = NULL;
  if (a->r && posix_memalign((void**)&R, 64, (size_t)N * sizeof *R)) return -1;
  for (ix g = first; g < last; g++)
    for (ix o = 0; o < a->convolutions; o++)
      filters(a, o, group_of(a, g), (C*)a->spectra + (o * groups_of(a) + g) * N, R);
  free(R);
  return 0;
}

static int spectra(const Operator* a) {
  return spread(some_spectra, a, groups_of(a), 2 * a->size * (ix)sizeof(V));
}

/* Memory of a thread. */
typedef struct {
  V *u, *v;
  C *z, *H, *R; /* H where there are no spectra */
  Factors* x;
  Outlet* outlet;
} ForwardMemory;

static ix forward_bytes(const Operator* a) {
  ix N = a->size, M = a->convolutions;
  ix vectors = 2 * a->steps + 2 * N + (a->spectra ? 0 : 2 * N * M) + (a->r ? 2 * N : 0);
  return (vectors + VECTORS(Factors) + VECTORS(Outlet)) * (ix)sizeof(V);
}

static void row_forward(const Operator* a, ForwardMemory* m, ix g, ix row) {
  Group group = group_of(a, g);
  ix N = a->size, M = a->convolutions, numbers = a->steps * a->features;
  Outlet* outlet = m->outlet;
  const REAL* v = NULL;
  outlet->v_step = a->v ? a->features : LANES;
  for (ix o = 0; o < M; o++) {
    int end = o == M - 1;
    open_factors(a, m->x, o, row, group, v, outlet->v_step);
    enter(a, m->x, m->u, m->z, group);
    there(m->z, N, N, a->radices, a->twiddles);
    const C* H = m->H ? m->H + o * N : (const C*)a->spectra + (o * groups_of(a) + g) * N;
    for (ix k = 0; k < N; k++) {
      C z = m->z[k], h = H[k];
      m->z[k] = (C){z.re * h.re - z.im * h.im, z.re * h.im + z.im * h.re};
    }
    back(m->z, N, N, a->radices, a->twiddles);
    REAL* next = a->v ? RESULTS(v) + (o * a->rows + row) * numbers + group.first : (REAL*)m->v;
    outlet->h = NUMBERS(h) + o * a->h_convolution + group.first;
    outlet->s = LOAD(NUMBERS(s) + o * a->features + group.first);
    /* nobody reads the last one, unless it is kept */
    outlet->v = end && !a->v ? NULL : next;
    outlet->y = end ? RESULTS(y) + row * numbers + group.first : NULL;
    if (end) open_stream(a, &outlet->gate, 0, row, group);
    leave(a, outlet, m->z, m->u, group);
    v = next;
  }
}

/* A piece is a row of a group. */
static int some_forward(const Operator* a, ix first, ix last) {
  ix N = a->size, M = a->convolutions;
  Pool pool;
  void* memory;
  if (posix_memalign(&memory, 64, (size_t)forward_bytes(a))) return -1;
  pool.at = memory;
  ForwardMemory m = {.u = TAKE(a->steps), .v = TAKE(a->steps)};
  m.z = TAKE_COMPLEX(N);
  m.H = a->spectra ? NULL : TAKE_COMPLEX(N * M);
  m.R = a->r ? TAKE_COMPLEX(N) : NULL;
  m.x = TAKE_ONE(Factors);
  m.outlet = TAKE_ONE(Outlet);
  for (ix i = first; i < last; i++) {
    ix g = i / a->rows, row = i % a->rows;
    if (m.H && (i == first || !row))
      for (ix o = 0; o < M; o++) filters(a, o, group_of(a, g), m.H + o * N, m.R);
    row_forward(a, &m, g, row);
  }
  free(memory);
  return 0;
}

static int forward(const Operator* a) {
  return spread(some_forward, a, groups_of(a) * a->rows, forward_bytes(a));
}
