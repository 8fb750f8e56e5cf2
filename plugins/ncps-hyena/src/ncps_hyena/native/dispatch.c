/* The functions for the processor at hand. */

#include "operator.h"

/* For float and for double. */
extern const Functions ncps_hyena_avx2_float, ncps_hyena_avx2_double;
extern const Functions ncps_hyena_avx512_float, ncps_hyena_avx512_double;

/* Bytes of the widest vectors that there are functions for on this processor; 0 for none. */
ix ncps_hyena_widest(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return wide ? 64 : 32;
}

/* What tells the sources that this was compiled from. */
const char* ncps_hyena_sources(void) { return SOURCES; }

static const Functions* functions(const Operator* a, int doubles) {
  if (a->width == 64) return doubles ? &ncps_hyena_avx512_double : &ncps_hyena_avx512_float;
  return doubles ? &ncps_hyena_avx2_double : &ncps_hyena_avx2_float;
}

/* Write `spectra`. */
int ncps_hyena_spectra(const Operator* a, int doubles) { return functions(a, doubles)->spectra(a); }

/* Write y, and v if there is one. */
int ncps_hyena_forward(const Operator* a, int doubles) { return functions(a, doubles)->forward(a); }

/* Write or add to all gradients. */
int ncps_hyena_backward(const Operator* a, int doubles) {
  return functions(a, doubles)->backward(a);
}
