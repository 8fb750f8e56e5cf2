/* The functions for the processor at hand. */

#include "operator.h"

#include <stddef.h>

extern const Functions ncps_hyena_avx2, ncps_hyena_avx512;

/* Bytes of the widest vectors to be used. */
static ix widest = 64;

static const Functions *chosen(void) {
  __builtin_cpu_init();
  if (widest < 32 || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  if (widest >= 64 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return &ncps_hyena_avx512;
  return &ncps_hyena_avx2;
}

void ncps_hyena_allow(ix bytes) { widest = bytes; }

/* Bytes of the vectors that are used; 0 where no function runs on this processor. */
ix ncps_hyena_width(void) { return chosen() ? chosen()->width : 0; }

ix ncps_hyena_struct(void) { return sizeof(Operator); }

int ncps_hyena_spectra(const Operator *a, int wide, void *out) {
  return chosen()->spectra[wide](a, out);
}

int ncps_hyena_forward(const Operator *a, int wide) { return chosen()->forward[wide](a, NULL); }

int ncps_hyena_backward(const Operator *a, int wide) { return chosen()->backward[wide](a, NULL); }
