/* The backward: what `_gated_scan` has for its equations, group by group and row by row. */

/* Memory of a thread. */
typedef struct {
  V *u, *d, *late;  /* u^o; d/dv^{o+1}; the dh that are summed directly */
  C *U, *D, *H, *P; /* transforms of u and d, of all filters, and of their gradients */
  Factors* x;
  Stream* gate;
  Sums* sums;
} BackwardMemory;

INLINE void leave_back_step(const Operator* a, BackwardMemory* m, Three* three, const REAL* dy,
                            const REAL* v, ix row, ix t, ix K, int early, Group group) {
  V given = LOAD_STEP(dy + t * a->features, a->features);
  m->d[t] = given * short_at(m->gate, t, K, early, group);
  twist(a, m->D, t, m->d[t]);
  V dg = given * LOAD_STEP(v + t * a->features, a->features);
  push(a, m->gate, m->sums, three, row, t, dg, K, early, group);
  if (t % PIECE == PIECE - 1) gather(m->sums, three, K);
}

/* Of y = v * gate: d = dy * gate and its twist; the gradients of the gate. */
INLINE void leave_back(const Operator* a, BackwardMemory* m, const REAL* dy, const REAL* v, ix row,
                       ix K, Group group) {
  Three three;
  clear(m->sums, &three, K);
  EACH_STEP(leave_back_step, a, m, &three, dy, v, row);
  fill(a, m->D);
  finish(a, m->gate, m->sums, &three, row, K, group);
}

INLINE void enter_back_step(const Operator* a, BackwardMemory* m, Three* three, const V* last,
                            ix start, V s, ix row, ix t, ix K, int early, Group group) {
  const Factors* x = m->x;
  V du = s * m->d[t];
  if (t < start)
    du += untwist(a, m->D, t);
  else
    du += last[t - start];
  du = masked(a, x, t, du, group);
  V dg = du * value_at(x, t, K, early, group);
  V dv = du * short_at(&x->gate, t, K, early, group);
  push(a, &x->gate, &m->sums[0], &three[0], row, t, dg, K, early, group);
  if (x->v) {
    m->d[t] = dv;
    twist(a, m->D, t, dv);
  } else {
    push(a, &x->value, &m->sums[1], &three[1], row, t, dv, K, early, group);
  }
  if (t % PIECE == PIECE - 1) {
    gather(&m->sums[0], &three[0], K);
    gather(&m->sums[1], &three[1], K);
  }
}

/* Of u = v * gate, from du = long + s d: the gradients of the gate; d = du * gate and its twist, or
the gradients of the value where it is a stream. */
INLINE void enter_back(const Operator* a, BackwardMemory* m, const REAL* h, V s, ix row, ix K,
                       Group group) {
  /* first, as their d is written over; what lies past N is always among them */
  V last[APART];
  ix start = a->steps - a->apart;
  for (ix t = start; t < a->steps; t++) last[t - start] = tail(a, h, m->d, t, group);
  Three three[2];
  clear(&m->sums[0], &three[0], K);
  clear(&m->sums[1], &three[1], K);
  EACH_STEP(enter_back_step, a, m, three, last, start, s, row);
  finish(a, &m->x->gate, &m->sums[0], &three[0], row, K, group);
  if (m->x->v)
    fill(a, m->D);
  else
    finish(a, &m->x->value, &m->sums[1], &three[1], row, K, group);
}

/* Gradients of a long convolution of one row and group: of the filters, added to P and `late`, and
of the skip; D from the twist of d to that of du. */
static void long_back(const Operator* a, BackwardMemory* m, ix o, ix row, Group group) {
  ix N = a->size;
  C* H = m->H + o * N;
  enter(a, m->x, m->u, m->U, group);
  double sums[LANES_MOST] = {0};
  for (ix low = 0; low < a->steps; low += PIECE) {
    V sum = {0};
    for (ix t = low; t < a->steps && t < low + PIECE; t++) sum += m->d[t] * m->u[t];
    for (ix l = 0; l < group.n; l++) sums[l] += sum[l];
  }
  for (ix l = 0; l < group.n; l++) RESULTS(ds)[o * a->features + group.first + l] += (REAL)sums[l];
  there(m->D, N, N, a->radices, a->twiddles);
  if (a->dh) {
    C* P = m->P + o * N;
    there(m->U, N, N, a->radices, a->twiddles);
    for (ix k = 0; k < N; k++) {
      C u = m->U[k], d = m->D[k];
      P[k] = (C){P[k].re + u.re * d.re + u.im * d.im, P[k].im + u.re * d.im - u.im * d.re};
    }
    V* late = m->late + o * APART;
    for (ix i = 0; i < a->apart; i++) {
      for (ix t = a->steps - a->apart + i; t < a->steps; t++)
        late[i] += m->d[t] * m->u[t - (a->steps - a->apart + i)];
    }
  }
  for (ix k = 0; k < N; k++) {
    C h = H[k], d = m->D[k];
    m->D[k] = (C){h.re * d.re + h.im * d.im, h.re * d.im - h.im * d.re};
  }
  back(m->D, N, N, a->radices, a->twiddles);
}

/* The gradients of the filters of a group, from the transforms of all rows' correlations. */
static void filters_back(const Operator* a, BackwardMemory* m, ix o, Group group) {
  ix N = a->size, step = a->convolutions * a->features, at = o * a->features + group.first;
  C *P = m->P + o * N, *Q = m->U;
  REAL scale = (REAL)1 / (REAL)N;
  if (a->dr) {
    for (ix k = 0; k < N; k++) Q[k] = (C){P[k].re, -P[k].im};
    back(Q, N, N, a->radices, a->twiddles);
    STORE(RESULTS(dr) + at, ((V){0}));
    for (ix t = 1; t < a->steps; t++)
      STORE_STEP(RESULTS(dr) + t * step + at, step, untwist(a, Q, t) * scale);
  }
  back(P, N, N, a->radices, a->twiddles);
  for (ix t = 0; t < a->steps; t++) {
    ix i = t - (a->steps - a->apart);
    V dh;
    if (i < 0)
      dh = untwist(a, P, t) * scale;
    else
      dh = m->late[o * APART + i];
    STORE_STEP(RESULTS(dh) + t * step + at, step, dh);
  }
}

static void row_back(const Operator* a, BackwardMemory* m, ix row, Group group) {
  ix M = a->convolutions, numbers = a->steps * a->features, at = row * numbers + group.first;
  const REAL *v = NUMBERS(v) + at, *dy = NUMBERS(dy) + at;
  ix between = a->rows * numbers;
  open_stream(a, m->gate, 0, row, group);
  const REAL* last = v + (M - 1) * between;
  TAPS_KNOWN(leave_back, a, m, dy, last, row);
  for (ix o = M - 1; o >= 0; o--) {
    const REAL* h = NUMBERS(h) + o * a->h_convolution + group.first;
    V s = LOAD(NUMBERS(s) + o * a->features + group.first);
    open_factors(a, m->x, o, row, group, o ? v + (o - 1) * between : NULL, a->features);
    long_back(a, m, o, row, group);
    TAPS_KNOWN(enter_back, a, m, h, s, row);
  }
}

/* The memory that a thread of the backward takes. */
static ix backward_bytes(const Operator* a) {
  ix N = a->size, M = a->convolutions;
  ix vectors = 2 * a->steps + M * APART + 2 * N * (2 + M * (a->dh ? 2 : 1));
  return (vectors + VECTORS(Factors) + VECTORS(Stream) + 2 * VECTORS(Sums)) * (ix)sizeof(V);
}

/* A piece is a group. */
static int some_backward(const Operator* a, ix first, ix last) {
  ix N = a->size, M = a->convolutions;
  Pool pool;
  void* memory;
  if (posix_memalign(&memory, 64, (size_t)backward_bytes(a))) return -1;
  pool.at = memory;
  BackwardMemory m = {.u = TAKE(a->steps), .d = TAKE(a->steps), .late = TAKE(M * APART)};
  m.U = TAKE_COMPLEX(N);
  m.D = TAKE_COMPLEX(N);
  m.H = TAKE_COMPLEX(N * M);
  m.P = a->dh ? TAKE_COMPLEX(N * M) : NULL;
  m.x = TAKE_ONE(Factors);
  m.gate = TAKE_ONE(Stream);
  m.sums = (Sums*)TAKE(2 * VECTORS(Sums));
  for (ix g = first; g < last; g++) {
    Group group = group_of(a, g);
    for (ix o = 0; o < M; o++) filters(a, o, group, m.H + o * N, m.U);
    if (m.P) memset(m.P, 0, (size_t)(M * N) * sizeof *m.P);
    memset(m.late, 0, (size_t)(M * APART) * sizeof *m.late);
    for (ix row = 0; row < a->rows; row++) row_back(a, &m, row, group);
    for (ix o = 0; o < M && a->dh; o++) filters_back(a, &m, o, group);
  }
  free(memory);
  return 0;
}

static int backward(const Operator* a) {
  return spread(some_backward, a, groups_of(a), backward_bytes(a));
}
