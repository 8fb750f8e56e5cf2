/* Complex transforms of REAL, of as many rows at once as a vector holds: entry j of all of them is
x[j]. No step moves a number within a vector.

There, with e^(-2 pi i j k / n), by decimation in frequency, radix by radix, in place: what comes
out is in the order of reversed digits, which does not matter to a product of two transforms. Back
again by the same steps the other way round. Neither is scaled. Where a part of the array no longer
fits the first cache, a level's parts are done one by one, each to its end.

Source: Van Loan, Computational Frameworks for the Fast Fourier Transform, 1992, chapter 2.
*/

typedef REAL V __attribute__((vector_size(WIDTH)));
typedef struct {
  V re, im;
} C;
typedef struct {
  REAL re, im;
} W;
#define LANES ((ix)(WIDTH / sizeof(REAL)))

/* Entries of a part that fits the first cache. */
#define NEAR ((ix)((1 << 15) / sizeof(C)))

INLINE C add(C a, C b) { return (C){a.re + b.re, a.im + b.im}; }
INLINE C sub(C a, C b) { return (C){a.re - b.re, a.im - b.im}; }
/* times w, and times its conjugate */
INLINE C mul(C a, W w) { return (C){a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re}; }
INLINE C mul_conj(C a, W w) { return (C){a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im}; }
/* times i, or -i */
INLINE C turned(C a, int sign) { return sign > 0 ? (C){-a.im, a.re} : (C){a.im, -a.re}; }

INLINE void dft2(C* x) {
  C a = x[0], b = x[1];
  x[0] = add(a, b);
  x[1] = sub(a, b);
}

INLINE void dft3(C* x, int sign) {
  const REAL half = (REAL)0.5, s = (REAL)(sign * 0.86602540378443864676);
  C a = add(x[1], x[2]), b = sub(x[1], x[2]);
  C even = {x[0].re - half * a.re, x[0].im - half * a.im}, odd = {-s * b.im, s * b.re};
  x[0] = add(x[0], a);
  x[1] = add(even, odd);
  x[2] = sub(even, odd);
}

INLINE void dft4(C* x, int sign) {
  C a = add(x[0], x[2]), b = sub(x[0], x[2]), c = add(x[1], x[3]);
  C d = turned(sub(x[1], x[3]), sign);
  x[0] = add(a, c);
  x[1] = add(b, d);
  x[2] = sub(a, c);
  x[3] = sub(b, d);
}

INLINE void dft5(C* x, int sign) {
  const REAL c1 = (REAL)0.30901699437494742410, c2 = (REAL)-0.80901699437494742410;
  const REAL s1 = (REAL)(sign * 0.95105651629515357212), s2 = (REAL)(sign * 0.58778525229247312917);
  C a = add(x[1], x[4]), b = sub(x[1], x[4]);
  C c = add(x[2], x[3]), d = sub(x[2], x[3]), o = x[0];
  C even1 = {o.re + c1 * a.re + c2 * c.re, o.im + c1 * a.im + c2 * c.im};
  C even2 = {o.re + c2 * a.re + c1 * c.re, o.im + c2 * a.im + c1 * c.im};
  C odd1 = {-s1 * b.im - s2 * d.im, s1 * b.re + s2 * d.re};
  C odd2 = {s1 * d.im - s2 * b.im, s2 * b.re - s1 * d.re};
  x[0] = add(o, add(a, c));
  x[1] = add(even1, odd1);
  x[2] = add(even2, odd2);
  x[3] = sub(even2, odd2);
  x[4] = sub(even1, odd1);
}

INLINE void dft8(C* x, int sign) {
  const REAL root = (REAL)0.70710678118654752440;
  C even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
  dft4(even, sign);
  dft4(odd, sign);
  C one = add(odd[1], turned(odd[1], sign));
  C three = sub(turned(odd[3], sign), odd[3]);
  odd[1] = (C){root * one.re, root * one.im};
  odd[2] = turned(odd[2], sign);
  odd[3] = (C){root * three.re, root * three.im};
  for (int i = 0; i < 4; i++) {
    x[i] = add(even[i], odd[i]);
    x[i + 4] = sub(even[i], odd[i]);
  }
}

INLINE void dft(C* x, int r, int sign) {
  if (r == 2)
    dft2(x);
  else if (r == 3)
    dft3(x, sign);
  else if (r == 4)
    dft4(x, sign);
  else if (r == 5)
    dft5(x, sign);
  else
    dft8(x, sign);
}

/* One level of a part of r m entries. */
INLINE void level_there(C* x, ix m, int r, const W* w) {
  C a[8];
  for (ix j = 0; j < m; j++, w += r - 1) {
    for (int k = 0; k < r; k++) a[k] = x[j + k * m];
    dft(a, r, -1);
    x[j] = a[0];
    for (int k = 1; k < r; k++) x[j + k * m] = m > 1 ? mul(a[k], w[k - 1]) : a[k];
  }
}

INLINE void level_back(C* x, ix m, int r, const W* w) {
  C a[8];
  for (ix j = 0; j < m; j++, w += r - 1) {
    a[0] = x[j];
    for (int k = 1; k < r; k++) a[k] = m > 1 ? mul_conj(x[j + k * m], w[k - 1]) : x[j + k * m];
    dft(a, r, 1);
    for (int k = 0; k < r; k++) x[j + k * m] = a[k];
  }
}

/* The same level of all parts of `total` entries; m = 1 is the last one, without factors. */
#define LEVELS(level, m, r)                                  \
  if (m == 1)                                                \
    for (ix i = 0; i < total; i += r) level(x + i, 1, r, w); \
  else                                                       \
    for (ix i = 0; i < total; i += r * m) level(x + i, m, r, w)
#define RADICES(level, r, m) \
  switch (r) {               \
    case 2:                  \
      LEVELS(level, m, 2);   \
      break;                 \
    case 3:                  \
      LEVELS(level, m, 3);   \
      break;                 \
    case 4:                  \
      LEVELS(level, m, 4);   \
      break;                 \
    case 5:                  \
      LEVELS(level, m, 5);   \
      break;                 \
    default:                 \
      LEVELS(level, m, 8);   \
  }

/* `total` entries in parts of n each, from here on by these radices. */
static void there(C* x, ix n, ix total, const ix* radices, const W* w) {
  if (n == 1) return;
  ix r = *radices, m = n / r;
  RADICES(level_there, r, m)
  const W* next = w + m * (r - 1);
  if (n == total && n > NEAR)
    for (ix k = 0; k < r; k++) there(x + k * m, m, m, radices + 1, next);
  else
    there(x, m, total, radices + 1, next);
}

static void back(C* x, ix n, ix total, const ix* radices, const W* w) {
  if (n == 1) return;
  ix r = *radices, m = n / r;
  const W* next = w + m * (r - 1);
  if (n == total && n > NEAR)
    for (ix k = 0; k < r; k++) back(x + k * m, m, m, radices + 1, next);
  else
    back(x, m, total, radices + 1, next);
  RADICES(level_back, r, m)
}
