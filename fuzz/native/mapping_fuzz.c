// sources: src/native/mapping.c src/native/faults.c src/native/signal_chain.c src/native/handle.c src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c src/native/copy.c src/native/output.c

/*
 * Little programs over a file and the mappings of it: open, read, write, cut,
 * grow, swap the file under its path, hints, copies, windows, close. A model
 * knows what each byte has to be; every range goes through range_check first, as
 * the addon's do, with numbers from the edges of 32, 53 and 63 bits.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "copy.h"
#include "handle.h"
#include "input.h"
#include "mapping_model.h"

static struct place places[PLACES];
static struct state *state;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  files_make();
  return 0;
}

static void
open_place(struct place *place, struct input *input)
{
  uint8_t head[100];
  const size_t head_nbytes = 1 + input_below(input, sizeof(head));
  const enum mapping_mode mode = (enum mapping_mode)input_below(input, 3);
  if (place->handle != NULL || swapped)
    return;
  memset(place, 0, sizeof(*place));
  memset(head, 0, sizeof(head));
  MUST(handle_open(&place->handle, state, path, mode, head, head_nbytes) == 0);
  place->mode = mode;
  place->nbytes = now_nbytes;
  /* As for a file of another user: mincore would not tell. */
  if (input_one_in(input, 4))
    place->handle->mapping.pages_told = false;
  MUST(place->handle->mapping.nbytes == now_nbytes);
  MUST(memcmp(head, now, head_nbytes) == 0);
  const uint8_t *base = place->handle->mapping.base;
  MUST((base == NULL) == (now_nbytes == 0));
  if (base != NULL)
    MUST(handle_at(state, base + now_nbytes - 1) == place->handle &&
         handle_at(state, base + now_nbytes) != place->handle);
}

/* Nobody is left: the last drop freed it. */
static void
forget_if_gone(struct place *place)
{
  bool owned = !place->closed || place->holds > 0;
  for (int i = 0; i < WINDOWS; i++)
    owned |= place->windows[i] != NULL;
  if (!owned)
    place->handle = NULL;
  else if (!has_memory(place))
    MUST(place->handle->mapping.base == NULL);
}

/* ---- steps ---- */

/* A range as a caller would give it: often too far. Then false. */
static bool
range_take(struct input *input, const struct place *place, uint64_t *at,
           uint64_t *nbytes)
{
  const uint64_t length = place->nbytes;
  const bool inside = !input_one_in(input, 4);
  *at = input_number(input);
  *nbytes = input_number(input);
  if (inside) {
    *at %= length + 1;
    *nbytes %= length - *at + 1;
  }
  __extension__ const unsigned __int128 end = (unsigned __int128)*at + *nbytes;
  MUST((range_check(*at, *nbytes, length) == 0) == (end <= length));
  return end <= length;
}

static void
look(struct place *place, struct input *input)
{
  uint64_t at, nbytes;
  if (!range_take(input, place, &at, &nbytes))
    return;
  const volatile uint8_t *base = place->handle->mapping.base;
  for (uint64_t i = 0; i < nbytes; i += nbytes / 16 + 1)
    must_hold(place, at + i, base[at + i]);
}

/* A copy out of the mapping, every second byte from its end. */
static void
copy_out(struct place *place, struct input *input)
{
  static uint8_t into[FILE_NBYTES];
  static struct copy copy;
  uint64_t at, nbytes;
  const bool fits = range_take(input, place, &at, &nbytes);
  const uint64_t n = (nbytes + 1) / 2;
  const double packed[] = {1, 1, 1, (double)n, 1, -2};
  if (copy_unpack(&copy, packed, 6) != 0 || n == 0)
    return;
  copy.threads = 1;
  copy.dst = (struct copy_side){.base = into, .nbytes = sizeof(into)};
  copy.src = (struct copy_side){.base = place->handle->mapping.base,
                                .nbytes = place->nbytes,
                                .byte_offset = (int64_t)(at + 2 * (n - 1))};
  const int error = copy_check(&copy);
  MUST(error == 0 || error == -ERANGE);
  MUST(error == 0 || !fits);
  if (error != 0)
    return;
  MUST(copy_run(&copy) == 0);
  for (uint64_t i = 0; i < n; i++)
    must_hold(place, at + 2 * (n - 1 - i), into[i]);
}

/* Into the file, into memory of its own, or where nobody may: reported, undone. */
static void
write_byte(struct place *place, struct input *input)
{
  struct mapping *mapping = &place->handle->mapping;
  struct mapping_fault fault;
  const uint8_t value = (uint8_t)input_take(input, 1);
  if (place->nbytes == 0)
    return;
  const size_t at = input_below(input, 65536) % place->nbytes;
  const uint32_t before = state->fault_counter;
  *(volatile uint8_t *)(mapping->base + at) = value;
  if (place->mode == MAPPING_SHARED) {
    read_again();
    MUST(place->was_cut || now[at] == value);
    return;
  }
  if (place->mode == MAPPING_PRIVATE || place->was_cut) {
    const size_t page = at / PAGE * PAGE;
    if (!place->owns[at / PAGE])
      memcpy(place->own + page, now + page, PAGE);
    place->owns[at / PAGE] = true;
    place->own[at] = value;
    return;
  }
  MUST(state->fault_counter == before + 1);
  MUST(mapping->base[at] == value);
  mapping_take_fault(mapping, &fault);
  MUST(fault.kind == MAPPING_FAULT_WRITE && fault.byte_offset == at);
  MUST(fault.error == 0 && mapping->base[at] == now[at]);
  mapping_take_fault(mapping, &fault);
  MUST(fault.kind == MAPPING_FAULT_NONE);
}

static void
hint(struct place *place, struct input *input)
{
  const struct mapping *mapping = &place->handle->mapping;
  const uint64_t what = input_below(input, 9);
  uint64_t at, nbytes, resident = 1;
  if (!range_take(input, place, &at, &nbytes))
    return;
  if (what < 5) {
    const bool refused = what == MAPPING_DONTNEED && nbytes > 0 &&
                         place->mode == MAPPING_PRIVATE;
    MUST(mapping_advise(mapping, at, nbytes, (enum mapping_advice)what) ==
         (refused ? -EINVAL : 0));
  } else if (what == 5) {
    MUST(mapping_populate(mapping, at, nbytes) == 0);
    const uint64_t pages = (at + nbytes + PAGE - 1) / PAGE - at / PAGE;
    MUST(mapping_resident(mapping, at, nbytes, &resident) == 0);
    MUST(resident == (nbytes == 0 ? 0 : pages * PAGE));
    if (nbytes > 0)
      MUST(mapping_has_pages(mapping, &at, 1));
  } else if (what == 6) {
    MUST(mapping_flush(mapping, at, nbytes) == 0);
  } else if (what == 7) {
    if (nbytes > 0)
      mapping_want(mapping, at, nbytes);
  } else {
    MUST(mapping_resident(mapping, at, nbytes, &resident) == 0);
    MUST(resident % PAGE == 0 && resident <= nbytes / PAGE * PAGE + 2 * PAGE);
  }
}

/* With a descriptor of its own, and the size of the file looked at. */
static void
peek(struct place *place, struct input *input)
{
  uint8_t bytes[256];
  uint64_t at, nbytes;
  struct mapping *mapping = &place->handle->mapping;
  const bool only_size = input_one_in(input, 2);
  if (!range_take(input, place, &at, &nbytes) || place->mode == MAPPING_PRIVATE)
    return;
  MUST(mapping_is_file(mapping, path) == !swapped);
  const bool lost = mapping_is_lost(mapping);
  if (only_size) {
    mapping_check_size(mapping, at + nbytes);
    if (!swapped)
      MUST(mapping_is_lost(mapping) == (lost || at + nbytes > now_nbytes));
    return;
  }
  nbytes %= sizeof(bytes);
  const int error = mapping_peek(mapping, at, bytes, nbytes);
  if (swapped) {
    MUST(error == -ESTALE);
  } else if (nbytes > 0 && at + nbytes > now_nbytes) {
    MUST(error == -ENODATA && mapping_is_lost(mapping));
  } else {
    MUST(error == 0 && memcmp(bytes, now + at, nbytes) == 0);
    MUST(mapping_is_lost(mapping) == lost);
  }
}

static void
take_fault(struct place *place)
{
  struct mapping_fault fault;
  struct mapping *mapping = &place->handle->mapping;
  const bool lost = mapping_is_lost(mapping);
  MUST(!lost || place->was_cut);
  mapping_take_fault(mapping, &fault);
  MUST((fault.kind == MAPPING_FAULT_TRUNCATED) == lost && fault.error == 0);
  MUST(mapping_is_lost(mapping) == lost);
  MUST(!lost || fault.byte_offset < place->nbytes);
}

static void
hold_or_close(struct place *place, struct input *input)
{
  const uint64_t what = input_below(input, 5);
  const size_t i = input_below(input, WINDOWS);
  if (what == 0 && !place->closed) {
    handle_abandon(place->handle);
    place->closed = true;
  } else if (what == 1 && has_memory(place) && place->holds < 5) {
    handle_hold(place->handle);
    place->holds++;
  } else if (what == 2 && place->holds > 0) {
    handle_drop(place->handle);
    place->holds--;
  } else if (what == 3 && !place->closed && place->windows[i] == NULL) {
    place->windows[i] = window_new(place->handle);
    place->released[i] = false;
    MUST(place->windows[i] != NULL);
  } else if (what == 4 && place->windows[i] != NULL) {
    /* Detached first, and collected; or collected as it is. */
    if (!place->released[i] && input_one_in(input, 2)) {
      place->released[i] = true;
      window_release(place->windows[i]);
    } else {
      window_drop(place->windows[i]);
      place->windows[i] = NULL;
    }
  }
  forget_if_gone(place);
}

static void
step(struct input *input)
{
  const uint64_t what = input_below(input, 16);
  struct place *place = &places[input_below(input, PLACES)];
  if (what == 0)
    resize(places, input_below(input, 65536) % (FILE_NBYTES + 1));
  else if (what == 1)
    rewrite(input);
  else if (what == 2)
    swap_file(input_one_in(input, 2));
  else if (what < 6)
    open_place(place, input);
  else if (place->handle == NULL)
    return;
  else if (what < 8)
    hold_or_close(place, input);
  else if (!has_memory(place))
    return;
  else if (what < 10)
    look(place, input);
  else if (what < 11)
    copy_out(place, input);
  else if (what < 12)
    write_byte(place, input);
  else if (what < 14)
    hint(place, input);
  else if (what < 15)
    peek(place, input);
  else
    take_fault(place);
}

static void
close_all(void)
{
  for (int i = 0; i < PLACES; i++) {
    struct place *place = &places[i];
    for (int j = 0; j < WINDOWS && place->handle != NULL; j++)
      if (place->windows[j] != NULL)
        window_drop(place->windows[j]);
    for (; place->handle != NULL && place->holds > 0; place->holds--)
      handle_drop(place->handle);
    if (place->handle != NULL && !place->closed)
      handle_abandon(place->handle);
  }
  memset(places, 0, sizeof(places));
  MUST(state->handles == NULL && state->owners == 1);
  state_drop(state);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  state = calloc(1, sizeof(*state));
  MUST(state != NULL);
  state->owners = 1;
  swap_file(false);
  resize(places, 0);
  resize(places, input_below(&input, 65536) % (FILE_NBYTES + 1));
  for (int i = 0; i < 3; i++)
    rewrite(&input);
  for (int i = 0; i < STEPS && input.nbytes > 0; i++)
    step(&input);
  close_all();
  return 0;
}
