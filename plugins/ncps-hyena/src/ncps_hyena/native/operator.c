/* `operator.h` for one kind of processor and of number, which the compiler is told: -DREAL=float or
double, -DWIDTH=the bytes of a vector, the flags that allow its instructions, and -DKIND=a name for
both. */

#include "operator.h"

#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
/* Steps after which sums that were kept in REAL go into a double. */
#define PIECE 256
/* Steps that are fetched before they are needed. */
#define AHEAD 16
/* Numbers of a thread: several times as many as could be done while one is started. */
#define GRAIN 65536
#define THREADS 64
/* Bytes that all threads together may take if they are more than one, or those of z if more. */
#define MEMORY_MOST ((ix)1 << 30)
/* Numbers in the widest vector. */
#define LANES_MOST (WIDTH / 4)

/* Pieces first to last (excluded) of the work of a call. */
typedef int (*Work)(const Operator* a, ix first, ix last);

typedef struct {
  Work work;
  const Operator* a;
  ix first, last;
  int result;
} Share;

static void* share(void* given) {
  Share* own = given;
  own->result = own->work(own->a, own->first, own->last);
  return NULL;
}

static ix least(ix a, ix b) { return a < b ? a : b; }

/* Share pieces out among threads, each of which takes a run of them, and `bytes` of memory. */
static int spread(Work work, const Operator* a, ix pieces, ix bytes) {
  pthread_t started[THREADS];
  Share shares[THREADS];
  ix numbers = a->rows * a->features * a->steps;
  ix most = numbers * (a->convolutions + 2) * (ix)sizeof(REAL);
  ix threads = least(a->threads, numbers / GRAIN);
  threads = least(threads, (most > MEMORY_MOST ? most : MEMORY_MOST) / bytes);
  threads = least(threads, least(pieces, THREADS));
  if (threads < 1) threads = 1;
  for (ix i = 0; i < threads; i++)
    shares[i] = (Share){work, a, i * pieces / threads, (i + 1) * pieces / threads, 0};
  ix running = 1;
  while (running < threads && !pthread_create(&started[running], NULL, share, &shares[running]))
    running++;
  share(&shares[0]);
  /* those that the system did not let start */
  for (ix i = running; i < threads; i++) share(&shares[i]);
  int result = 0;
  for (ix i = 1; i < running; i++) pthread_join(started[i], NULL);
  for (ix i = 0; i < threads; i++) result |= shares[i].result;
  return result;
}

#include "fft.h"
#include "streams.h"
#include "forward.h"
#include "backward.h"

#define JOINED(a, b) a##b
#define NAMED(prefix, kind) JOINED(prefix, kind)

const Functions NAMED(ncps_hyena_, KIND) = {spectra, forward, backward};
