/* The functions for the processor at hand. */

#include "operator.h"

#include <stddef.h>

/* For float and for double. */
extern const Functions ncps_hyena_avx2_float, ncps_hyena_avx2_double;
extern const Functions ncps_hyena_avx512_float, ncps_hyena_avx512_double;

/* Bytes of the widest vectors to be used. */
static ix widest = 64;

static const Functions* chosen(int wide) {
  __builtin_cpu_init();
  if (widest < 32 || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  if (widest >= 64 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return wide ? &ncps_hyena_avx512_double : &ncps_hyena_avx512_float;
  return wide ? &ncps_hyena_avx2_double : &ncps_hyena_avx2_float;
}

void ncps_hyena_allow(ix bytes) { widest = bytes; }

/* Bytes of the vectors that are used; 0 where no function runs on this processor. */
ix ncps_hyena_width(void) { return chosen(0) ? chosen(0)->width : 0; }

ix ncps_hyena_struct(void) { return sizeof(Operator); }

/* `wide` where the numbers are doubles. */
int ncps_hyena_spectra(const Operator* a, int wide, void* out) {
  return chosen(wide)->spectra(a, out);
}

int ncps_hyena_forward(const Operator* a, int wide) { return chosen(wide)->forward(a, NULL); }

int ncps_hyena_backward(const Operator* a, int wide) { return chosen(wide)->backward(a, NULL); }
