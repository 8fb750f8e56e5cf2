/* All convolutions of a Hyena operator on a CPU, in plain C over raw pointers: no framework and no
Python. The maths stands in `ncps_hyena.torch.kernels._gated`; held to its plain twin by
`test_torch_native.py`.

Arrays are contiguous, with M long convolutions, D features and K taps, and transforms of N numbers:

    z, dz (B, L, (M + 2) D)     y, dy (B, L, D)     v, noise (M, B, L, D)     real (B, L)
    w, dw ((M + 2) D, K)        b, db ((M + 2) D,)  s, ds (M, D)
    h, r                        lags `h_step` numbers apart, convolutions `h_convolution`
    dh, dr (L, M, D)            spectra (M, groups, N) of complex vectors

A group is as many features as a vector holds. r, real, noise and spectra may be NULL; so may v in
a forward that no backward follows, and dh and dr where no filter has a gradient. dw, db, ds are added to.
*/

#ifndef NCPS_HYENA_OPERATOR_H
#define NCPS_HYENA_OPERATOR_H

#include <stdint.h>

typedef int64_t ix;

/* Most taps, and most entries of a long convolution that are computed apart. */
#define TAPS 64
#define APART 16

typedef struct {
  ix rows, features, steps, taps, convolutions, h_step, h_convolution;
  /* the transforms' length N >= steps - APART / 2, the entries computed apart, N's factors */
  ix size, apart, threads, width; /* width: bytes of a vector */
  const ix* radices;
  /* complex numbers: e^(-2 pi i j k / n) level by level, and e^(i pi j / 2N) for j < N */
  const void *twiddles, *twist;
  const void *z, *w, *b, *h, *s, *r, *real, *noise;
  void *spectra, *y, *v;
  const void* dy;
  void *dz, *dw, *db, *dh, *ds, *dr;
} Operator;

/* Gives 0, or -1 where there is not enough memory. */
typedef int (*Function)(const Operator* a);

/* What was compiled for one kind of processor and of number. */
typedef struct {
  Function spectra, forward, backward;
} Functions;

#endif
