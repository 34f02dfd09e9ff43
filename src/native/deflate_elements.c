/* See deflate_elements.h. RFC 1951, section 3.2. */
#include "deflate_elements.h"

#include <stdlib.h>
#include <string.h>

#include "deflate_choice.h"
#include "deflate_tokens.h"

enum {
  MOST_TOKENS = 32 * 1024,
  /* Of a section: each element a match with literals before it, what is pending
   * at first, and the last bytes of all. */
  SECTION_TOKENS = 2 * DEFLATE_SECTION_ELEMENTS + 8,
  /* About what the codes of a block take, in bits. */
  HEADER_NBITS = 600,
};

struct work {
  struct deflate_choice choice;
  struct deflate_costs costs;
  struct {
    struct deflate_counts block, section, recent;
    uint32_t lengths[DEFLATE_MAX_MATCH + 1];
  } counts;
  size_t ntokens;
  uint32_t tokens[MOST_TOKENS];
};

static void
add_literals(struct work *work, const uint8_t *bytes, size_t nbytes)
{
  for (size_t i = 0; i < nbytes; i++)
    work->counts.section.litlen[bytes[i]]++;
  if (nbytes > 0)
    work->tokens[work->ntokens++] = (uint32_t)nbytes;
}

static void
add_match(struct work *work, uint32_t token)
{
  unsigned extra_nbits;
  work->counts.lengths[token >> 16]++;
  work->counts.section.dist[deflate_distance_code(token & 0xffff, &extra_nbits)]++;
  work->tokens[work->ntokens++] = token;
}

/* Tokens of what was chosen, from `pending` bytes before the section to as many
 * before its end as it returns. */
static inline size_t
walk_section(struct work *work, const uint8_t *in, size_t begin, size_t n,
     size_t pending, size_t size)
{
  const uint8_t *literals = in + begin * size - pending;
  size_t nliterals = 0;
  for (size_t i = 0; i < n;) {
    const uint32_t choice = work->choice.choices[i][pending];
    const uint32_t nbytes = choice >> 16;
    if (nbytes > 0) {
      const size_t end = i * size - pending + nbytes;
      add_literals(work, literals, nliterals);
      add_match(work, choice);
      literals += nliterals + nbytes;
      nliterals = 0;
      i = (end + size - 1) / size;
      pending = i * size - end;
    } else if (pending > 0) {
      nliterals += pending;
      pending = 0;
    } else {
      nliterals += size - choice;
      pending = choice;
      i++;
    }
  }
  add_literals(work, literals, nliterals);
  return pending;
}

static size_t
walk(struct work *work, const uint8_t *in, size_t begin, size_t n,
     size_t pending, size_t size)
{
  struct deflate_counts *const section = &work->counts.section;
  uint32_t *const lengths = work->counts.lengths;
  /* With a constant size: it divides. */
  pending = size == 8 ? walk_section(work, in, begin, n, pending, 8)
                      : walk_section(work, in, begin, n, pending, 4);
  for (unsigned length = DEFLATE_MIN_MATCH; length <= DEFLATE_MAX_MATCH; length++) {
    unsigned extra_nbits;
    const unsigned code = deflate_length_code(length, &extra_nbits);
    section->litlen[DEFLATE_LENGTH_CODES + code] += lengths[length];
    lengths[length] = 0;
  }
  return pending;
}

static void
halve_counts(struct deflate_counts *counts)
{
  for (int symbol = 0; symbol < DEFLATE_NLITLEN + 2; symbol++)
    counts->litlen[symbol] /= 2;
  for (int symbol = 0; symbol < DEFLATE_NDIST + 2; symbol++)
    counts->dist[symbol] /= 2;
}

/* Tokens of one section, by costs from those before it. The first one is parsed
 * twice: what comes of a guess tells the costs. */
static size_t
parse(struct work *work, const uint8_t *in, size_t begin, size_t n, size_t all,
      size_t pending, size_t size)
{
  const struct deflate_counts none = {{0}, {0}};
  const size_t ntokens = work->ntokens;
  work->counts.section = none;
  if (n == 0)
    return pending;
  deflate_find(&work->choice, in, begin, n, all, size);
  if (begin == 0) {
    deflate_costs_guess(&work->costs);
    deflate_choose(&work->choice, &work->costs, in, begin, n, size);
    walk(work, in, begin, n, pending, size);
    work->counts.recent = work->counts.section;
    work->counts.section = none;
    work->ntokens = ntokens;
  }
  deflate_costs_from(&work->costs, &work->counts.recent);
  deflate_choose(&work->choice, &work->costs, in, begin, n, size);
  pending = walk(work, in, begin, n, pending, size);
  halve_counts(&work->counts.recent);
  deflate_add_counts(&work->counts.recent, &work->counts.section);
  return pending;
}

static bool
put_block(struct work *work, struct deflate_writer *writer, const uint8_t *in,
          size_t ntokens, bool final, const uint8_t *end)
{
  work->counts.block.litlen[DEFLATE_END_OF_BLOCK] = 1;
  return deflate_put_tokens(writer, in, work->tokens, ntokens, &work->counts.block,
                            final, end);
}

static bool
put_all(struct work *work, const uint8_t *in, size_t nbytes, size_t size,
        struct deflate_writer *writer, bool last, const uint8_t *end)
{
  const size_t all = nbytes / size, most = DEFLATE_SECTION_NBYTES / size;
  const uint8_t *block_in = in;
  size_t done = 0, pending = 0;
  float nbits = 0;
  do {
    const size_t n = all - done < most ? all - done : most;
    const size_t before = work->ntokens;
    const uint8_t *const section_in = in + done * size - pending;
    pending = parse(work, in, done, n, all, pending, size);
    done += n;
    if (done == all)
      add_literals(work, in + done * size - pending,
                   nbytes - done * size + pending);
    /* The section goes into the block, unless codes of its own save more. */
    struct deflate_counts sums = work->counts.block;
    deflate_add_counts(&sums, &work->counts.section);
    const float alone = deflate_entropy(&work->counts.section);
    float together = deflate_entropy(&sums);
    if (before > 0 && (together > nbits + alone + HEADER_NBITS ||
                       work->ntokens + SECTION_TOKENS > MOST_TOKENS)) {
      if (!put_block(work, writer, block_in, before, false, end))
        return false;
      work->ntokens -= before;
      memmove(work->tokens, work->tokens + before,
              work->ntokens * sizeof(work->tokens[0]));
      block_in = section_in;
      sums = work->counts.section;
      together = alone;
    }
    work->counts.block = sums;
    nbits = together;
  } while (done < all);
  return put_block(work, writer, block_in, work->ntokens, last, end) &&
         deflate_put_end(writer, last, end);
}

size_t
deflate_elements(const uint8_t *in, size_t nbytes, size_t element_nbytes,
                 bool last, uint8_t *out, size_t room)
{
  const uint8_t *const end = out + room;
  struct deflate_writer writer = {out, 0, 0};
  /* Counts of more bytes would not fit into 32 bits. */
  if (nbytes == 0 || nbytes >= UINT32_MAX)
    return 0;
  struct work *const work = malloc(sizeof(*work));
  if (work == NULL)
    return 0;
  memset(work->choice.heads, 0, sizeof(work->choice.heads));
  memset(&work->counts, 0, sizeof(work->counts));
  work->ntokens = 0;
  const bool good =
      put_all(work, in, nbytes, element_nbytes, &writer, last, end);
  free(work);
  return good ? (size_t)(writer.next - out) : 0;
}
