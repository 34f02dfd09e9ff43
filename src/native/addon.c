/*
 * The only file that knows Node-API: unpacks arguments, calls the C below it,
 * packs the result. TypeScript has checked every argument and words every
 * error; here only what would be unsafe for memory is checked again. Functions
 * return 0 (or a value) or a negative errno as a number.
 */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "copy.h"
#include "crc32.h"
#include "gather_run.h"
#include "handle.h"
#include "inflate.h"
#include "mapping.h"
#include "memory.h"
#include "output.h"
#include "zlib_symbols.h"

/* Leaves with NULL and the pending exception when Node-API refuses. */
#define CHECK(call)                                                            \
  do {                                                                         \
    if ((call) != napi_ok)                                                     \
      return failed(env, #call);                                               \
  } while (0)

/* Declares and fetches argc, argv and the function's data. */
#define ARGUMENTS(count)                                                       \
  napi_value argv[count];                                                      \
  size_t argc = count;                                                         \
  void *data;                                                                  \
  CHECK(napi_get_cb_info(env, info, &argc, argv, NULL, &data))

static const napi_type_tag handle_tag = {0x6e70796d61702e68ull,
                                         0x616e646c652e7631ull};
static const napi_type_tag inflater_tag = {0x6e70796d61702e69ull,
                                           0x6e666c6174652e31ull};

static napi_value
failed(napi_env env, const char *call)
{
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
    napi_throw_error(env, "ERR_NAPI", call);
  return NULL;
}

static napi_value
number(napi_env env, double value)
{
  napi_value result;
  CHECK(napi_create_double(env, value, &result));
  return result;
}

static void
handle_finalize(napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  handle_abandon(data);
}

/* An object that owns `data`, also when it fails. */
static napi_value
object_around(napi_env env, void *data, const napi_type_tag *tag,
              napi_finalize finalize)
{
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      napi_wrap(env, object, data, finalize, NULL, NULL) != napi_ok) {
    finalize(env, data, NULL);
    return failed(env, "napi_wrap");
  }
  CHECK(napi_type_tag_object(env, object, tag));
  return object;
}

/* What such an object owns, or NULL for any other value. */
static void *
data_of(napi_env env, napi_value object, const napi_type_tag *tag)
{
  bool tagged = false;
  void *data;
  if (napi_check_object_type_tag(env, object, tag, &tagged) != napi_ok ||
      !tagged || napi_unwrap(env, object, &data) != napi_ok)
    return NULL;
  return data;
}

static bool
handle_get(napi_env env, napi_value value, struct handle **handle)
{
  *handle = data_of(env, value, &handle_tag);
  return *handle != NULL;
}

/* 0, or -EINVAL when the value is not a typed array of this type. */
static int
array_get(napi_env env, napi_value value, napi_typedarray_type wanted,
          void **data, size_t *length)
{
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) !=
          napi_ok ||
      type != wanted)
    return -EINVAL;
  return 0;
}

/* The arguments of every function on a range: handle, byteOffset, nbytes.
 * 0, or a negative errno when there is no such range. */
static int
range_arguments(napi_env env, const napi_value *argv, struct handle **handle,
                uint64_t *byte_offset, uint64_t *nbytes)
{
  int64_t offset, length;
  if (!handle_get(env, argv[0], handle) ||
      napi_get_value_int64(env, argv[1], &offset) != napi_ok ||
      napi_get_value_int64(env, argv[2], &length) != napi_ok || offset < 0 ||
      length < 0)
    return -EINVAL;
  if (!(*handle)->open)
    return -EBADF;
  *byte_offset = (uint64_t)offset;
  *nbytes = (uint64_t)length;
  return range_check(*byte_offset, *nbytes, (*handle)->mapping.nbytes);
}

/* open(path, mode, head) -> handle | -errno. Fills the Uint8Array `head` with
 * the first bytes of the file, as far as it goes. */
static napi_value
addon_open(napi_env env, napi_callback_info info)
{
  ARGUMENTS(3);
  size_t path_nbytes, head_nbytes;
  int32_t mode;
  void *head;
  CHECK(napi_get_value_int32(env, argv[1], &mode));
  CHECK(napi_get_value_string_utf8(env, argv[0], NULL, 0, &path_nbytes));
  CHECK(napi_get_typedarray_info(env, argv[2], NULL, &head_nbytes, &head, NULL,
                                 NULL));
  char *path = malloc(path_nbytes + 1);
  struct handle *handle = NULL;
  int error = path == NULL ? -ENOMEM : 0;
  if (error == 0 &&
      napi_get_value_string_utf8(env, argv[0], path, path_nbytes + 1,
                                 &path_nbytes) != napi_ok)
    error = -EINVAL;
  if (error == 0)
    error = handle_open(&handle, data, path, (enum mapping_mode)mode, head,
                        head_nbytes);
  free(path);
  if (error != 0)
    return number(env, error);
  return object_around(env, handle, &handle_tag, handle_finalize);
}

/* byteLength(handle) -> bytes mapped */
static napi_value
addon_byte_length(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  struct handle *handle;
  if (!handle_get(env, argv[0], &handle))
    return number(env, -EINVAL);
  return number(env, (double)handle->mapping.nbytes);
}

static void
window_finalize(napi_env env, void *data, void *hint)
{
  struct window *window = hint;
  (void)data;
  if (window->buffer != NULL)
    napi_delete_reference(env, window->buffer);
  window_drop(window);
}

/* window(handle, byteOffset, byteLength) -> ArrayBuffer | -errno. TypeScript
 * keeps the buffer and never asks twice for one start. */
static napi_value
addon_window(napi_env env, napi_callback_info info)
{
  ARGUMENTS(3);
  napi_value result, ignored;
  struct handle *handle;
  uint64_t byte_offset, nbytes;
  int error = range_arguments(env, argv, &handle, &byte_offset, &nbytes);
  if (error != 0)
    return number(env, error);
  struct window *window = window_new(handle);
  if (window == NULL)
    return number(env, -ENOMEM);
  napi_status status = napi_create_external_arraybuffer(
      env, handle->mapping.base + byte_offset, (size_t)nbytes, window_finalize,
      window, &result);
  if (status != napi_ok) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    /* A runtime that forbids external memory. */
    if (!pending) {
      window_finalize(env, NULL, window);
      return number(env, -ENOTSUP);
    }
    /* Too long for this one: Node has called the finalizer before it threw. */
    napi_get_and_clear_last_exception(env, &ignored);
    return number(env, -EFBIG);
  }
  napi_ref buffer;
  CHECK(napi_create_reference(env, result, 0, &buffer));
  window->buffer = buffer;
  return result;
}

/* close(handle): detaches every window, then unmaps unless work is in flight. */
static napi_value
addon_close(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  napi_value buffer;
  struct handle *handle;
  if (!handle_get(env, argv[0], &handle))
    return number(env, -EINVAL);
  for (struct window *window = handle->windows; window != NULL;
       window = window->next) {
    bool detached = false;
    if (window->released || window->buffer == NULL)
      continue;
    CHECK(napi_get_reference_value(env, window->buffer, &buffer));
    /* Collected, or somebody transferred it: another buffer may own the memory
     * now, out of our reach, so it stays mapped until that one is collected. */
    if (buffer == NULL)
      continue;
    CHECK(napi_is_detached_arraybuffer(env, buffer, &detached));
    if (detached)
      continue;
    CHECK(napi_detach_arraybuffer(env, buffer));
    window_release(window);
  }
  /* Without its wrap the object is an ordinary one: collecting thousands of
   * closed arrays costs no finalizers. */
  CHECK(napi_remove_wrap(env, argv[0], NULL));
  handle_finalize(env, handle, NULL);
  return number(env, 0);
}

static napi_value
read_bytes(napi_env env, napi_callback_info info, bool peek)
{
  ARGUMENTS(3);
  size_t nbytes;
  int64_t byte_offset;
  void *into;
  struct handle *handle;
  CHECK(napi_get_value_int64(env, argv[1], &byte_offset));
  CHECK(napi_get_typedarray_info(env, argv[2], NULL, &nbytes, &into, NULL,
                                 NULL));
  if (!handle_get(env, argv[0], &handle) || byte_offset < 0)
    return number(env, -EINVAL);
  struct mapping *mapping = &handle->mapping;
  int error = range_check((uint64_t)byte_offset, nbytes, mapping->nbytes);
  if (error != 0 || nbytes == 0)
    return number(env, error);
  if (!peek || mapping->mode != MAPPING_READ ||
      mapping_peek(mapping, (uint64_t)byte_offset, into, nbytes) != 0)
    memcpy(into, mapping->base + byte_offset, nbytes);
  return number(env, 0);
}

/* read(handle, byteOffset, Uint8Array): fills the array. */
static napi_value
addon_read(napi_env env, napi_callback_info info)
{
  return read_bytes(env, info, false);
}

/* peek(handle, byteOffset, Uint8Array): the same, touching no page if it can. */
static napi_value
addon_peek(napi_env env, napi_callback_info info)
{
  return read_bytes(env, info, true);
}

/* A copy, and whose memory it touches. */
struct job {
  struct copy copy;
  struct handle *handles[2]; /* dst, src; also when an array lies in a window */
  bool source_is_mapping;
};

/* One side of a copy: a handle, or a Uint8Array. With a state, an array is
 * looked up among the mappings: whoever works on a thread has to hold its. */
static int
side_get(napi_env env, struct state *state, const napi_value *argv,
         struct copy_side *side, struct handle **handle, bool *is_mapping)
{
  size_t nbytes;
  void *data;
  if (napi_get_value_int64(env, argv[1], &side->byte_offset) != napi_ok)
    return -EINVAL;
  *is_mapping = handle_get(env, argv[0], handle);
  if (*is_mapping) {
    if (!(*handle)->open)
      return -EBADF;
    side->base = (*handle)->mapping.base;
    side->nbytes = (*handle)->mapping.nbytes;
    return 0;
  }
  if (array_get(env, argv[0], napi_uint8_array, &data, &nbytes) != 0)
    return -EINVAL;
  side->base = data;
  side->nbytes = nbytes;
  *handle = state == NULL ? NULL : handle_at(state, data);
  return 0;
}

/* copy(dst, dstByteOffset, src, srcByteOffset, plan): checks it all. */
static int
job_get(napi_env env, struct state *state, const napi_value *argv,
        struct job *job)
{
  int error;
  bool into_mapping;
  size_t length;
  void *packed;
  if ((error = side_get(env, state, argv, &job->copy.dst, &job->handles[0],
                        &into_mapping)) != 0 ||
      (error = side_get(env, state, argv + 2, &job->copy.src, &job->handles[1],
                        &job->source_is_mapping)) != 0)
    return error;
  if (into_mapping && job->handles[0]->mapping.mode == MAPPING_READ)
    return -EROFS;
  if ((error = array_get(env, argv[4], napi_float64_array, &packed, &length)) !=
      0)
    return error;
  if ((error = copy_unpack(&job->copy, packed, length)) != 0)
    return error;
  job->copy.threads = 0;
  return copy_check(&job->copy);
}

/* A source cut in the middle of a page gave zeros and no signal. */
static void
job_check_size(struct job *job)
{
  if (job->source_is_mapping)
    mapping_check_size(&job->handles[1]->mapping, job->copy.src.high);
}

static napi_value
addon_copy(napi_env env, napi_callback_info info)
{
  ARGUMENTS(5);
  struct job job;
  int error = job_get(env, NULL, argv, &job);
  if (error == 0)
    error = copy_run(&job.copy);
  if (error == 0)
    job_check_size(&job);
  return number(env, error);
}

/* take(dst, dstByteOffset, src, srcByteOffset, plan, indices, threads): all but
 * the indices is checked here, they are when they are read. The handles are
 * those of dst and src, as in struct job. */
static int
take_get(napi_env env, struct state *state, const napi_value *argv,
         struct gather *gather, struct job *job, int32_t *threads)
{
  int error;
  bool into_mapping;
  size_t length, count;
  void *packed, *indices;
  if ((error = array_get(env, argv[4], napi_float64_array, &packed, &length)) !=
          0 ||
      (error = gather_unpack(gather, packed, length)) != 0 ||
      (error = side_get(env, state, argv, &gather->dst, &job->handles[0],
                        &into_mapping)) != 0 ||
      (error = side_get(env, state, argv + 2, &gather->src, &job->handles[1],
                        &job->source_is_mapping)) != 0 ||
      (error = array_get(env, argv[5], napi_float64_array, &indices, &count)) !=
          0)
    return error;
  if (into_mapping || napi_get_value_int32(env, argv[6], threads) != napi_ok)
    return -EINVAL;
  gather->indices = indices;
  gather->count = (int64_t)count;
  return 0;
}

static int
take_run(struct gather *gather, struct job *job, int32_t threads,
         const _Atomic int32_t *stop)
{
  const struct mapping *mapping =
      job->source_is_mapping ? &job->handles[1]->mapping : NULL;
  int error = gather_prepare(gather);
  if (error == 0)
    error = gather_run(gather, mapping, threads, stop);
  gather_free(gather);
  job->copy.src.high = gather->src.high;
  return error;
}

static napi_value
addon_take(napi_env env, napi_callback_info info)
{
  ARGUMENTS(7);
  struct gather gather;
  struct job job;
  int32_t threads;
  int error = take_get(env, NULL, argv, &gather, &job, &threads);
  if (error == 0)
    error = take_run(&gather, &job, threads, NULL);
  if (error == 0)
    job_check_size(&job);
  return number(env, error);
}

/* checkSize(handle, neededBytes): a file now shorter becomes a fault. */
static napi_value
addon_check_size(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  int64_t needed_nbytes;
  struct handle *handle;
  CHECK(napi_get_value_int64(env, argv[1], &needed_nbytes));
  if (!handle_get(env, argv[0], &handle) || !handle->open || needed_nbytes < 0)
    return number(env, -EINVAL);
  mapping_check_size(&handle->mapping, (uint64_t)needed_nbytes);
  return number(env, 0);
}

/* takeFault(handle) -> null | [kind, byteOffset, -errno] */
static napi_value
addon_take_fault(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  napi_value result;
  struct handle *handle;
  struct mapping_fault fault;
  if (!handle_get(env, argv[0], &handle))
    return number(env, -EINVAL);
  memset(&fault, 0, sizeof(fault));
  if (handle->open)
    mapping_take_fault(&handle->mapping, &fault);
  if (fault.kind == MAPPING_FAULT_NONE) {
    CHECK(napi_get_null(env, &result));
    return result;
  }
  const double values[] = {(double)fault.kind, (double)fault.byte_offset,
                           (double)fault.error};
  CHECK(napi_create_array_with_length(env, 3, &result));
  for (uint32_t i = 0; i < 3; i++)
    CHECK(napi_set_element(env, result, i, number(env, values[i])));
  return result;
}

/* liesIn(handle | Uint8Array, path): 1 when it is of that file, else 0 */
static napi_value
addon_lies_in(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  struct handle *handle;
  size_t path_nbytes;
  void *bytes;
  if (!handle_get(env, argv[0], &handle)) {
    CHECK(napi_get_typedarray_info(env, argv[0], NULL, NULL, &bytes, NULL,
                                   NULL));
    handle = handle_at(data, bytes);
  }
  CHECK(napi_get_value_string_utf8(env, argv[1], NULL, 0, &path_nbytes));
  char *path = malloc(path_nbytes + 1);
  if (path == NULL)
    return number(env, -ENOMEM);
  napi_status status = napi_get_value_string_utf8(
      env, argv[1], path, path_nbytes + 1, &path_nbytes);
  bool lies = status == napi_ok && handle != NULL &&
              mapping_is_file(&handle->mapping, path);
  free(path);
  return number(env, lies);
}

/* advise(handle, byteOffset, byteLength, advice) */
static napi_value
addon_advise(napi_env env, napi_callback_info info)
{
  ARGUMENTS(4);
  int32_t advice;
  struct handle *handle;
  uint64_t byte_offset, nbytes;
  CHECK(napi_get_value_int32(env, argv[3], &advice));
  int error = range_arguments(env, argv, &handle, &byte_offset, &nbytes);
  if (error == 0 && (advice < MAPPING_NORMAL || advice > MAPPING_DONTNEED))
    error = -EINVAL;
  if (error == 0)
    error = mapping_advise(&handle->mapping, byte_offset, nbytes,
                           (enum mapping_advice)advice);
  return number(env, error);
}

/* resident(handle, byteOffset, byteLength) -> bytes in memory | -errno */
static napi_value
addon_resident(napi_env env, napi_callback_info info)
{
  ARGUMENTS(3);
  struct handle *handle;
  uint64_t byte_offset, nbytes, resident_nbytes = 0;
  int error = range_arguments(env, argv, &handle, &byte_offset, &nbytes);
  if (error == 0)
    error = mapping_resident(&handle->mapping, byte_offset, nbytes,
                             &resident_nbytes);
  return number(env, error != 0 ? error : (double)resident_nbytes);
}

/* preferHugePages(Uint8Array): for memory about to be filled */
static napi_value
addon_prefer_huge_pages(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  size_t nbytes;
  void *bytes;
  CHECK(napi_get_typedarray_info(env, argv[0], NULL, &nbytes, &bytes, NULL,
                                 NULL));
  memory_prefer_huge_pages(bytes, nbytes);
  return number(env, 0);
}

/* reserve(fd, byteLength) */
static napi_value
addon_reserve(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  int32_t fd;
  int64_t nbytes;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int64(env, argv[1], &nbytes));
  return number(env,
                nbytes <= 0 ? -EINVAL : mapping_reserve(fd, (uint64_t)nbytes));
}

/* setDirect(fd, 0 | 1) */
static napi_value
addon_set_direct(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  int32_t fd, direct;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int32(env, argv[1], &direct));
  return number(env, output_set_direct(fd, direct != 0));
}

/* addressModulo(Uint8Array, divisor) -> 0 to divisor - 1 | -errno */
static napi_value
addon_address_modulo(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  uint32_t divisor;
  size_t nbytes;
  void *bytes;
  CHECK(napi_get_value_uint32(env, argv[1], &divisor));
  CHECK(napi_get_typedarray_info(env, argv[0], NULL, &nbytes, &bytes, NULL,
                                 NULL));
  if (divisor == 0)
    return number(env, -EINVAL);
  return number(env, (double)((uintptr_t)bytes % divisor));
}

/* isMapped(Uint8Array) -> 1 | 0 */
static napi_value
addon_is_mapped(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  size_t nbytes;
  void *bytes;
  CHECK(napi_get_typedarray_info(env, argv[0], NULL, &nbytes, &bytes, NULL,
                                 NULL));
  return number(env, handle_at(data, bytes) != NULL);
}

/* lock(fd): exclusive, without waiting */
static napi_value
addon_lock(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  int32_t fd;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  return number(env, output_lock(fd));
}

/* crc32(Uint8Array, seed) -> CRC-32 | -EINVAL */
static napi_value
addon_crc32(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  uint32_t seed;
  size_t nbytes;
  void *bytes;
  if (array_get(env, argv[0], napi_uint8_array, &bytes, &nbytes) != 0 ||
      napi_get_value_uint32(env, argv[1], &seed) != napi_ok)
    return number(env, -EINVAL);
  return number(env, crc32_update(seed, bytes, nbytes));
}

static void
inflater_finalize(napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  inflater_drop(data);
}

/* inflater() -> inflater | -errno */
static napi_value
addon_inflater(napi_env env, napi_callback_info info)
{
  (void)info;
  struct inflater *inflater;
  const struct zlib *zlib = zlib_symbols();
  int error = zlib == NULL ? -ENOTSUP : inflater_new(&inflater, zlib);
  if (error != 0)
    return number(env, error);
  return object_around(env, inflater, &inflater_tag, inflater_finalize);
}

/* 0, or -EINVAL for what is no inflater, -EBUSY while a thread works on it. */
static int
inflater_get(napi_env env, napi_value value, struct inflater **inflater)
{
  *inflater = data_of(env, value, &inflater_tag);
  if (*inflater == NULL)
    return -EINVAL;
  return inflater_is_busy(*inflater) ? -EBUSY : 0;
}

/* inflaterReset(inflater, bits, byte, window) */
static napi_value
addon_inflater_reset(napi_env env, napi_callback_info info)
{
  ARGUMENTS(4);
  struct inflater *inflater;
  uint32_t bits, byte;
  size_t nbytes;
  void *window;
  int error = inflater_get(env, argv[0], &inflater);
  if (error == 0 &&
      (napi_get_value_uint32(env, argv[1], &bits) != napi_ok ||
       napi_get_value_uint32(env, argv[2], &byte) != napi_ok ||
       array_get(env, argv[3], napi_uint8_array, &window, &nbytes) != 0))
    error = -EINVAL;
  if (error == 0)
    error = inflater_reset(inflater, bits, byte, window, nbytes);
  return number(env, error);
}

/* inflaterWindow(inflater, Uint8Array) -> bytes | -errno */
static napi_value
addon_inflater_window(napi_env env, napi_callback_info info)
{
  ARGUMENTS(2);
  struct inflater *inflater;
  size_t nbytes;
  void *into;
  int result = inflater_get(env, argv[0], &inflater);
  if (result == 0)
    result = array_get(env, argv[1], napi_uint8_array, &into, &nbytes);
  if (result == 0)
    result = inflater_window(inflater, into, nbytes);
  return number(env, result);
}

/* A Uint8Array and the [start, end) of it that is meant: three arguments. */
static int
part_get(napi_env env, const napi_value *argv, uint8_t **bytes,
         uint64_t *nbytes)
{
  int64_t start, end;
  size_t length;
  void *data;
  if (array_get(env, argv[0], napi_uint8_array, &data, &length) != 0 ||
      napi_get_value_int64(env, argv[1], &start) != napi_ok ||
      napi_get_value_int64(env, argv[2], &end) != napi_ok || start < 0 ||
      end < start)
    return -EINVAL;
  *nbytes = (uint64_t)(end - start);
  int error = range_check((uint64_t)start, *nbytes, length);
  *bytes = error != 0 || length == 0 ? NULL : (uint8_t *)data + start;
  return error;
}

enum { INFLATE_ARGUMENTS = 10, INFLATE_RESULTS = 5 };

/* inflate(inflater, input, inputStart, inputEnd, output, outputStart,
 * outputEnd, boundaryAfter, withCrc, result): checks it all. */
static int
inflate_get(napi_env env, const napi_value *argv, struct inflater **inflater,
            struct inflate_run *run)
{
  int error;
  double after;
  size_t length;
  void *results;
  uint8_t *input;
  if ((error = inflater_get(env, argv[0], inflater)) != 0 ||
      (error = part_get(env, argv + 1, &input, &run->input_nbytes)) != 0 ||
      (error = part_get(env, argv + 4, &run->output, &run->output_nbytes)) != 0)
    return error;
  run->input = input;
  if (napi_get_value_double(env, argv[7], &after) != napi_ok || !(after >= 0) ||
      napi_get_value_bool(env, argv[8], &run->with_crc) != napi_ok ||
      array_get(env, argv[9], napi_float64_array, &results, &length) != 0 ||
      length < INFLATE_RESULTS)
    return -EINVAL;
  /* No output is 2^63 bytes long. */
  run->boundary_after = after < 0x1p63 ? (uint64_t)after : UINT64_MAX;
  return 0;
}

/* Fills the array, unless it was detached while a thread worked. */
static void
inflate_tell(napi_env env, napi_value array, const struct inflate_run *run)
{
  size_t length;
  void *data;
  if (array_get(env, array, napi_float64_array, &data, &length) != 0 ||
      length < INFLATE_RESULTS)
    return;
  double *results = data;
  results[0] = (double)run->consumed;
  results[1] = (double)run->produced;
  results[2] = run->ended;
  results[3] = run->boundary_bits;
  results[4] = run->crc;
}

static napi_value
addon_inflate(napi_env env, napi_callback_info info)
{
  ARGUMENTS(INFLATE_ARGUMENTS);
  struct inflater *inflater;
  struct inflate_run run;
  int error = inflate_get(env, argv, &inflater, &run);
  if (error == 0) {
    error = inflater_run(inflater, &run);
    inflate_tell(env, argv[9], &run);
  }
  return number(env, error);
}

/* A block to deflate. */
struct deflate_job {
  const uint8_t *in;
  uint64_t in_nbytes;
  int32_t level;
  double min_saving;
  bool last;
  uint8_t *out;
  size_t room;
};

/* deflate(input, inputStart, inputEnd, level, minSaving, last, output) */
enum { DEFLATE_ARGUMENTS = 7 };

static int
deflate_get(napi_env env, const napi_value *argv, struct deflate_job *job)
{
  size_t room;
  void *out;
  uint8_t *in;
  int error = part_get(env, argv, &in, &job->in_nbytes);
  if (error != 0)
    return error;
  job->in = in;
  if (napi_get_value_int32(env, argv[3], &job->level) != napi_ok ||
      napi_get_value_double(env, argv[4], &job->min_saving) != napi_ok ||
      napi_get_value_bool(env, argv[5], &job->last) != napi_ok ||
      array_get(env, argv[6], napi_uint8_array, &out, &room) != 0)
    return -EINVAL;
  job->out = out;
  job->room = room;
  return 0;
}

/* The bytes that it came to, or a negative errno. */
static double
deflate_run(const struct deflate_job *job)
{
  size_t made;
  int error = codec_deflate(job->in, (size_t)job->in_nbytes, job->level,
                            job->min_saving, job->last, job->out, job->room,
                            &made);
  return error != 0 ? error : (double)made;
}

static napi_value
addon_deflate(napi_env env, napi_callback_info info)
{
  ARGUMENTS(DEFLATE_ARGUMENTS);
  struct deflate_job job;
  int error = deflate_get(env, argv, &job);
  return number(env, error != 0 ? error : deflate_run(&job));
}

/* deflateBound(bytes) */
static napi_value
addon_deflate_bound(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  int64_t nbytes;
  CHECK(napi_get_value_int64(env, argv[0], &nbytes));
  if (nbytes < 0)
    return number(env, -EINVAL);
  return number(env, (double)codec_deflate_bound((size_t)nbytes));
}

/* Blocks to inflate, one after the other, and the CRC-32 of each. */
struct blocks_job {
  bool with_crc;
  /* Where they are: in an array, or in a mapping, which is copied from. */
  uint8_t *array;
  struct handle *source;
  const uint8_t *before; /* what a block that continues a stream is behind */
  size_t before_nbytes;
  size_t longest_nbytes; /* of those that are copied */
  uint64_t high; /* where the last of them ends */
  size_t count;
  struct codec_block *blocks; /* one for each entry */
  struct blocks_entry {
    uint64_t start;
    size_t behind_nbytes;
    uint32_t crc;
    bool done;
  } entries[];
};

/* inflateBlocks(input, output, blocks, withCrc, before). Of each block the fifth
 * number says whether a stream begins or ends with it, and comes back as its
 * CRC-32; before one that begins none the last array has to stand. */
enum {
  BLOCKS_ARGUMENTS = 5,
  BLOCK_NUMBERS = 5,
  BLOCK_ENDS = 1,
  BLOCK_BEGINS = 2,
};

/* Bytes [start, end) of so many. */
static int
block_part(const double *range, uint64_t length, uint64_t *start, size_t *nbytes)
{
  /* Not so for NaN. */
  if (!(range[0] >= 0 && range[1] >= range[0] && range[1] < 0x1p53))
    return -EINVAL;
  *start = (uint64_t)range[0];
  *nbytes = (size_t)((uint64_t)range[1] - *start);
  return range_check(*start, *nbytes, length);
}

/* A whole stream is inflated where it is: nothing has to be written behind it, and
 * it may be long. A codec loads each byte of it once, so that it may even change. */
static bool
blocks_stays(const struct blocks_job *job, size_t i)
{
  return job->blocks[i].last && job->entries[i].behind_nbytes == 0;
}

/* 0 with the next entry, or a negative errno. */
static int
blocks_entry_get(struct blocks_job *job, const double *values, uint64_t input_nbytes,
                 uint8_t *output, size_t output_nbytes)
{
  struct blocks_entry *entry = &job->entries[job->count];
  struct codec_block *block = &job->blocks[job->count];
  uint64_t out_start;
  if (block_part(values, input_nbytes, &entry->start, &block->in_nbytes) != 0 ||
      block_part(values + 2, output_nbytes, &out_start, &block->out_nbytes) != 0 ||
      !(values[4] >= 0 && values[4] <= (BLOCK_ENDS | BLOCK_BEGINS)))
    return -EINVAL;
  const unsigned kind = (unsigned)values[4];
  block->out = output == NULL ? NULL : output + out_start;
  block->last = kind & BLOCK_ENDS;
  entry->behind_nbytes = kind & BLOCK_BEGINS ? 0 : job->before_nbytes;
  if (entry->start < entry->behind_nbytes)
    return -EINVAL;
  const size_t after = block->last ? 0 : CODEC_END_NBYTES;
  if (job->source == NULL &&
      range_check(entry->start, block->in_nbytes + after, input_nbytes) != 0)
    return -EINVAL;
  if (!blocks_stays(job, job->count) && block->in_nbytes > job->longest_nbytes)
    job->longest_nbytes = block->in_nbytes;
  if (entry->start + block->in_nbytes > job->high)
    job->high = entry->start + block->in_nbytes;
  job->count++;
  return 0;
}

/* 0 with a new job, or a negative errno. */
static int
blocks_get(napi_env env, const napi_value *argv, struct state *state,
           struct blocks_job **job_ret)
{
  size_t input_length, output_length, length, before_nbytes;
  void *input = NULL, *output, *numbers, *before;
  struct handle *source = NULL;
  bool with_crc;
  if (array_get(env, argv[1], napi_uint8_array, &output, &output_length) != 0 ||
      array_get(env, argv[2], napi_float64_array, &numbers, &length) != 0 ||
      napi_get_value_bool(env, argv[3], &with_crc) != napi_ok ||
      array_get(env, argv[4], napi_uint8_array, &before, &before_nbytes) != 0 ||
      length % BLOCK_NUMBERS != 0)
    return -EINVAL;
  if (handle_get(env, argv[0], &source)) {
    if (!source->open)
      return -EBADF;
    input_length = source->mapping.nbytes;
  } else if (array_get(env, argv[0], napi_uint8_array, &input, &input_length) != 0 ||
             /* It is written to, for a time. */
             handle_at(state, input) != NULL)
    return -EINVAL;
  const size_t count = length / BLOCK_NUMBERS;
  struct blocks_job *job = calloc(
      1, sizeof(*job) + count * (sizeof(job->entries[0]) + sizeof(*job->blocks)));
  if (job == NULL)
    return -ENOMEM;
  job->blocks = (struct codec_block *)&job->entries[count];
  job->with_crc = with_crc;
  job->array = input;
  job->source = source;
  job->before = before;
  job->before_nbytes = before_nbytes;
  for (size_t i = 0; i < count; i++) {
    const int error =
        blocks_entry_get(job, (const double *)numbers + i * BLOCK_NUMBERS,
                         input_length, output, output_length);
    if (error != 0) {
      free(job);
      return error;
    }
  }
  *job_ret = job;
  return 0;
}

static void
blocks_done(void *context, size_t i)
{
  struct blocks_job *const job = context;
  const struct codec_block *const block = &job->blocks[i];
  job->entries[i].done = true;
  if (job->with_crc)
    job->entries[i].crc = crc32_update(0, block->out, block->out_nbytes);
}

/* Those that are not done, one at a time: of a mapping, copied to where an end can
 * be written behind them. */
static int
blocks_rest(struct blocks_job *job)
{
  uint8_t *copied = NULL;
  int error = 0;
  for (size_t i = 0; i < job->count && error == 0; i++) {
    struct codec_block block = job->blocks[i];
    if (job->entries[i].done)
      continue;
    if (job->source != NULL && !blocks_stays(job, i)) {
      if (copied == NULL)
        copied = malloc(job->longest_nbytes + CODEC_END_NBYTES);
      if (copied == NULL)
        return -ENOMEM;
      memcpy(copied, block.in, block.in_nbytes);
      block.in = copied;
    }
    error = codec_inflate(&block);
    if (error == 0)
      blocks_done(job, i);
  }
  free(copied);
  return error;
}

static int
blocks_run(struct blocks_job *job)
{
  uint8_t *const in =
      job->source != NULL ? job->source->mapping.base : job->array;
  for (size_t i = 0; i < job->count; i++) {
    const struct blocks_entry *const entry = &job->entries[i];
    struct codec_block *const block = &job->blocks[i];
    block->in = in == NULL ? NULL : in + entry->start;
    if (entry->behind_nbytes > 0 &&
        memcmp(block->in - entry->behind_nbytes, job->before,
               entry->behind_nbytes) != 0)
      return -EILSEQ;
  }
  /* One alone would be no quicker. */
  if (job->count > 1)
    codec_inflate_literals(job->blocks, job->count, blocks_done, job);
  return blocks_rest(job);
}

/* Into the array, unless it was detached while a thread worked. */
static void
blocks_tell(napi_env env, napi_value array, const struct blocks_job *job)
{
  size_t length;
  void *data;
  if (array_get(env, array, napi_float64_array, &data, &length) != 0 ||
      length < job->count * BLOCK_NUMBERS)
    return;
  for (size_t i = 0; i < job->count; i++)
    ((double *)data)[i * BLOCK_NUMBERS + 4] = job->entries[i].crc;
}

static napi_value
addon_inflate_blocks(napi_env env, napi_callback_info info)
{
  ARGUMENTS(BLOCKS_ARGUMENTS);
  struct blocks_job *job;
  int error = blocks_get(env, argv, data, &job);
  if (error != 0)
    return number(env, error);
  error = blocks_run(job);
  if (job->source != NULL)
    mapping_check_size(&job->source->mapping, job->high);
  if (error == 0)
    blocks_tell(env, argv[2], job);
  free(job);
  return number(env, error);
}

enum work_kind {
  WORK_COPY,
  WORK_FLUSH,
  WORK_PREFETCH,
  WORK_WRITE,
  WORK_INFLATE,
  WORK_TAKE,
  WORK_DEFLATE,
  WORK_BLOCKS,
  WORK_READ_CRC32,
  WORK_POPULATE
};

struct work {
  napi_async_work async;
  napi_deferred deferred;
  enum work_kind kind;
  struct job job;      /* its handles are kept mapped while the work runs */
  napi_ref arrays[4];  /* and these uncollected */
  uint64_t byte_offset, nbytes;
  uint8_t *into;        /* of a reading with its CRC-32; to be populated */
  int fd;               /* of a write, from here: */
  const uint8_t *bytes;
  struct inflater *inflater; /* claimed; its results go into arrays[2] */
  struct inflate_run run;
  struct gather *gather; /* of a take, from here: */
  int32_t threads;
  const _Atomic int32_t *stop;
  struct deflate_job deflate;
  struct blocks_job *blocks; /* its CRCs go into arrays[2] */
  double status; /* 0, of a deflate the bytes it came to, a CRC-32; or an error */
};

/* So much is still in the cache when its CRC is taken. */
enum { CRC32_PIECE_NBYTES = 64 * 1024 };

/* Copies a range of a mapping to ordinary memory -> its CRC-32. */
static uint32_t
read_crc32(const struct mapping *mapping, uint64_t byte_offset, uint8_t *into,
           uint64_t nbytes)
{
  uint32_t crc = 0;
  for (uint64_t done = 0; done < nbytes; done += CRC32_PIECE_NBYTES) {
    const uint64_t rest = nbytes - done;
    const size_t piece =
        rest < CRC32_PIECE_NBYTES ? (size_t)rest : CRC32_PIECE_NBYTES;
    memcpy(into + done, mapping->base + byte_offset + done, piece);
    crc = crc32_update(crc, into + done, piece);
  }
  return crc;
}

static void
work_execute(napi_env env, void *data)
{
  struct work *work = data;
  const struct handle *handle = work->job.handles[0];
  size_t written;
  (void)env;
  switch (work->kind) {
  case WORK_COPY:
    work->status = copy_run(&work->job.copy);
    break;
  case WORK_FLUSH:
    work->status =
        mapping_flush(&handle->mapping, work->byte_offset, work->nbytes);
    break;
  case WORK_PREFETCH:
    work->status =
        mapping_populate(&handle->mapping, work->byte_offset, work->nbytes);
    break;
  case WORK_WRITE:
    work->status = output_write(work->fd, work->bytes, (size_t)work->nbytes,
                               work->byte_offset, &written);
    break;
  case WORK_INFLATE:
    work->status = inflater_run(work->inflater, &work->run);
    break;
  case WORK_TAKE:
    work->status =
        take_run(work->gather, &work->job, work->threads, work->stop);
    break;
  case WORK_DEFLATE:
    work->status = deflate_run(&work->deflate);
    break;
  case WORK_BLOCKS:
    work->status = blocks_run(work->blocks);
    break;
  case WORK_READ_CRC32:
    work->status = read_crc32(&work->job.handles[1]->mapping, work->byte_offset,
                              work->into, work->nbytes);
    break;
  case WORK_POPULATE:
    memory_populate(work->into, work->nbytes);
    break;
  }
}

static void
work_free(napi_env env, struct work *work)
{
  for (size_t i = 0; i < sizeof(work->arrays) / sizeof(work->arrays[0]); i++) {
    if (work->arrays[i] != NULL)
      napi_delete_reference(env, work->arrays[i]);
  }
  for (int i = 0; i < 2; i++) {
    if (work->job.handles[i] != NULL)
      handle_drop(work->job.handles[i]);
  }
  if (work->inflater != NULL)
    inflater_release(work->inflater);
  if (work->async != NULL)
    napi_delete_async_work(env, work->async);
  free(work->gather);
  free(work->blocks);
  free(work);
}

static void
work_complete(napi_env env, napi_status status, void *data)
{
  struct work *work = data;
  napi_value result;
  double outcome = status == napi_ok ? work->status : -ECANCELED;
  const bool inflated = work->kind == WORK_BLOCKS && work->job.source_is_mapping;
  if (inflated || (outcome >= 0 &&
                   (work->kind == WORK_COPY || work->kind == WORK_TAKE ||
                    work->kind == WORK_READ_CRC32))) {
    job_check_size(&work->job);
    /* Closed meanwhile: takeFault has no handle to ask any more. */
    const struct handle *source = work->job.handles[1];
    if (source != NULL && !source->open && mapping_is_lost(&source->mapping))
      outcome = -EFAULT;
  }
  if (work->kind == WORK_INFLATE && outcome != -ECANCELED &&
      napi_get_reference_value(env, work->arrays[2], &result) == napi_ok &&
      result != NULL)
    inflate_tell(env, result, &work->run);
  if (work->kind == WORK_BLOCKS && outcome == 0 &&
      napi_get_reference_value(env, work->arrays[2], &result) == napi_ok &&
      result != NULL)
    blocks_tell(env, result, work->blocks);
  /* An environment on its way out refuses these; nobody waits any more. */
  if (napi_create_double(env, outcome, &result) == napi_ok)
    napi_resolve_deferred(env, work->deferred, result);
  work_free(env, work);
}

/* Keeps the mappings of the job, and hands it to the pool -> Promise. */
static napi_value
work_start(napi_env env, struct work *work)
{
  napi_value promise, name;
  for (int i = 0; i < 2; i++) {
    if (work->job.handles[i] != NULL)
      handle_hold(work->job.handles[i]);
  }
  if (napi_create_string_utf8(env, "npymap", NAPI_AUTO_LENGTH, &name) !=
          napi_ok ||
      napi_create_async_work(env, NULL, name, work_execute, work_complete, work,
                             &work->async) != napi_ok ||
      napi_create_promise(env, &work->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, work->async) != napi_ok) {
    work_free(env, work);
    return failed(env, "napi_queue_async_work");
  }
  return promise;
}

/* As copy, on a thread of the pool; the last argument says how many threads may
 * work -> Promise<0 | -errno> | -errno */
static napi_value
addon_copy_async(napi_env env, napi_callback_info info)
{
  ARGUMENTS(6);
  int32_t threads;
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_COPY;
  int error = job_get(env, data, argv, &work->job);
  if (napi_get_value_int32(env, argv[5], &threads) != napi_ok)
    error = -EINVAL;
  else
    work->job.copy.threads = threads;
  for (int i = 0; i < 2 && error == 0; i++) {
    if (napi_create_reference(env, argv[2 * i], 1, &work->arrays[i]) != napi_ok)
      error = -EINVAL;
  }
  if (error == 0)
    return work_start(env, work);
  memset(work->job.handles, 0, sizeof(work->job.handles));
  work_free(env, work);
  return number(env, error);
}

/* As take, on a thread of the pool, with a last argument: an Int32Array whose
 * first number is set to stop it -> Promise<0 | -errno> | -errno */
static napi_value
addon_take_async(napi_env env, napi_callback_info info)
{
  ARGUMENTS(8);
  const napi_value arrays[] = {argv[0], argv[2], argv[5], argv[7]};
  size_t length;
  void *stop;
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_TAKE;
  work->gather = malloc(sizeof(*work->gather));
  int error = work->gather == NULL ? -ENOMEM : 0;
  if (error == 0)
    error = take_get(env, data, argv, work->gather, &work->job, &work->threads);
  if (error == 0)
    error = array_get(env, argv[7], napi_int32_array, &stop, &length);
  if (error == 0 && length == 0)
    error = -EINVAL;
  for (int i = 0; i < 4 && error == 0; i++) {
    if (napi_create_reference(env, arrays[i], 1, &work->arrays[i]) != napi_ok)
      error = -EINVAL;
  }
  if (error == 0) {
    work->stop = stop;
    return work_start(env, work);
  }
  memset(work->job.handles, 0, sizeof(work->job.handles));
  work_free(env, work);
  return number(env, error);
}

static napi_value
range_work(napi_env env, napi_callback_info info, enum work_kind kind)
{
  ARGUMENTS(3);
  struct handle *handle;
  uint64_t byte_offset, nbytes;
  int error = range_arguments(env, argv, &handle, &byte_offset, &nbytes);
  if (error != 0)
    return number(env, error);
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = kind;
  work->byte_offset = byte_offset;
  work->nbytes = nbytes;
  work->job.handles[0] = handle;
  return work_start(env, work);
}

/* flush(handle, byteOffset, byteLength) -> Promise<0 | -errno> | -errno */
static napi_value
addon_flush(napi_env env, napi_callback_info info)
{
  return range_work(env, info, WORK_FLUSH);
}

/* prefetch(handle, byteOffset, byteLength) -> Promise<0 | -errno> | -errno */
static napi_value
addon_prefetch(napi_env env, napi_callback_info info)
{
  return range_work(env, info, WORK_PREFETCH);
}

/* readCrc32(handle, byteOffset, Uint8Array): fills the array on a thread of the
 * pool -> Promise<CRC-32 | -errno> | -errno */
static napi_value
addon_read_crc32(napi_env env, napi_callback_info info)
{
  ARGUMENTS(3);
  int64_t byte_offset;
  size_t nbytes;
  void *into;
  struct handle *handle;
  if (!handle_get(env, argv[0], &handle) ||
      napi_get_value_int64(env, argv[1], &byte_offset) != napi_ok ||
      byte_offset < 0 ||
      array_get(env, argv[2], napi_uint8_array, &into, &nbytes) != 0)
    return number(env, -EINVAL);
  if (!handle->open)
    return number(env, -EBADF);
  const int error =
      range_check((uint64_t)byte_offset, nbytes, handle->mapping.nbytes);
  if (error != 0)
    return number(env, error);
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_READ_CRC32;
  work->byte_offset = (uint64_t)byte_offset;
  work->nbytes = nbytes;
  work->into = into;
  work->job.source_is_mapping = true;
  work->job.copy.src.high = work->byte_offset + nbytes;
  work->job.handles[0] = handle_at(data, into);
  work->job.handles[1] = handle;
  if (napi_create_reference(env, argv[2], 1, &work->arrays[0]) == napi_ok)
    return work_start(env, work);
  free(work);
  return failed(env, "napi_create_reference");
}

/* populate(Uint8Array): a hint, followed on a thread of the pool -> Promise<0> |
 * -errno */
static napi_value
addon_populate(napi_env env, napi_callback_info info)
{
  ARGUMENTS(1);
  size_t nbytes;
  void *into;
  if (array_get(env, argv[0], napi_uint8_array, &into, &nbytes) != 0)
    return number(env, -EINVAL);
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_POPULATE;
  work->nbytes = nbytes;
  work->into = into;
  work->job.handles[0] = handle_at(data, into);
  if (napi_create_reference(env, argv[0], 1, &work->arrays[0]) == napi_ok)
    return work_start(env, work);
  free(work);
  return failed(env, "napi_create_reference");
}

/* write(fd, Uint8Array, byteOffset) -> Promise<0 | -errno> | -errno */
static napi_value
addon_write(napi_env env, napi_callback_info info)
{
  ARGUMENTS(3);
  int32_t fd;
  int64_t byte_offset;
  size_t nbytes;
  void *bytes;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int64(env, argv[2], &byte_offset));
  CHECK(napi_get_typedarray_info(env, argv[1], NULL, &nbytes, &bytes, NULL,
                                 NULL));
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_WRITE;
  work->fd = fd;
  work->bytes = bytes;
  work->nbytes = nbytes;
  work->byte_offset = (uint64_t)byte_offset;
  /* The bytes may lie in a window of ours: its mapping is then kept, too. */
  work->job.handles[1] = handle_at(data, bytes);
  if (napi_create_reference(env, argv[1], 1, &work->arrays[0]) == napi_ok)
    return work_start(env, work);
  free(work);
  return failed(env, "napi_create_reference");
}

/* As inflate, on a thread of the pool -> Promise<0 | -errno> | -errno */
static napi_value
addon_inflate_async(napi_env env, napi_callback_info info)
{
  ARGUMENTS(INFLATE_ARGUMENTS);
  const napi_value arrays[] = {argv[1], argv[4], argv[9]};
  struct inflater *inflater;
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_INFLATE;
  int error = inflate_get(env, argv, &inflater, &work->run);
  for (int i = 0; i < 3 && error == 0; i++) {
    if (napi_create_reference(env, arrays[i], 1, &work->arrays[i]) != napi_ok)
      error = -EINVAL;
  }
  if (error == 0)
    error = inflater_claim(inflater);
  if (error != 0) {
    work_free(env, work);
    return number(env, error);
  }
  work->inflater = inflater;
  work->job.handles[0] = handle_at(data, work->run.output);
  work->job.handles[1] = handle_at(data, work->run.input);
  return work_start(env, work);
}

/* As deflate, on a thread of the pool -> Promise<bytes | -errno> | -errno */
static napi_value
addon_deflate_async(napi_env env, napi_callback_info info)
{
  ARGUMENTS(DEFLATE_ARGUMENTS);
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_DEFLATE;
  int error = deflate_get(env, argv, &work->deflate);
  for (int i = 0; i < 2 && error == 0; i++) {
    if (napi_create_reference(env, argv[6 * i], 1, &work->arrays[i]) != napi_ok)
      error = -EINVAL;
  }
  if (error != 0) {
    work_free(env, work);
    return number(env, error);
  }
  work->job.handles[0] = handle_at(data, work->deflate.out);
  work->job.handles[1] = handle_at(data, work->deflate.in);
  return work_start(env, work);
}

/* As inflateBlocks, on a thread of the pool -> Promise<0 | -errno> | -errno */
static napi_value
addon_inflate_blocks_async(napi_env env, napi_callback_info info)
{
  ARGUMENTS(BLOCKS_ARGUMENTS);
  size_t length;
  void *output;
  struct work *work = calloc(1, sizeof(*work));
  if (work == NULL)
    return number(env, -ENOMEM);
  work->kind = WORK_BLOCKS;
  int error = blocks_get(env, argv, data, &work->blocks);
  if (error == 0)
    error = array_get(env, argv[1], napi_uint8_array, &output, &length);
  const napi_value arrays[] = {argv[0], argv[1], argv[2], argv[4]};
  for (int i = 0; i < 4 && error == 0; i++) {
    if (napi_create_reference(env, arrays[i], 1, &work->arrays[i]) != napi_ok)
      error = -EINVAL;
  }
  if (error != 0) {
    work_free(env, work);
    return number(env, error);
  }
  work->job.handles[0] = handle_at(data, output);
  work->job.handles[1] = work->blocks->source;
  work->job.source_is_mapping = work->blocks->source != NULL;
  work->job.copy.src.high = work->blocks->high;
  return work_start(env, work);
}

/* A string of C's, or null. */
static int
string_set(napi_env env, napi_value object, const char *name, const char *text)
{
  napi_value value;
  const napi_status status =
      text == NULL
          ? napi_get_null(env, &value)
          : napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  if (status != napi_ok ||
      napi_set_named_property(env, object, name, value) != napi_ok)
    return -EINVAL;
  return 0;
}

static void
state_finalize(napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  state_drop(data);
}

static void
counter_finalize(napi_env env, void *data, void *hint)
{
  (void)env;
  (void)data;
  state_drop(hint);
}

NAPI_MODULE_INIT()
{
  struct state *state = calloc(1, sizeof(*state));
  if (state == NULL)
    return failed(env, "calloc");
  state->owners = 1;
  if (napi_set_instance_data(env, state, state_finalize, NULL) != napi_ok) {
    free(state);
    return failed(env, "napi_set_instance_data");
  }
  const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"open", addon_open},
      {"byteLength", addon_byte_length},
      {"close", addon_close},
      {"window", addon_window},
      {"read", addon_read},
      {"peek", addon_peek},
      {"readCrc32", addon_read_crc32},
      {"copy", addon_copy},
      {"copyAsync", addon_copy_async},
      {"take", addon_take},
      {"takeAsync", addon_take_async},
      {"checkSize", addon_check_size},
      {"takeFault", addon_take_fault},
      {"liesIn", addon_lies_in},
      {"advise", addon_advise},
      {"resident", addon_resident},
      {"preferHugePages", addon_prefer_huge_pages},
      {"populate", addon_populate},
      {"reserve", addon_reserve},
      {"flush", addon_flush},
      {"prefetch", addon_prefetch},
      {"write", addon_write},
      {"lock", addon_lock},
      {"setDirect", addon_set_direct},
      {"addressModulo", addon_address_modulo},
      {"isMapped", addon_is_mapped},
      {"crc32", addon_crc32},
      {"inflater", addon_inflater},
      {"inflaterReset", addon_inflater_reset},
      {"inflaterWindow", addon_inflater_window},
      {"inflate", addon_inflate},
      {"inflateAsync", addon_inflate_async},
      {"deflate", addon_deflate},
      {"deflateAsync", addon_deflate_async},
      {"deflateBound", addon_deflate_bound},
      {"inflateBlocks", addon_inflate_blocks},
      {"inflateBlocksAsync", addon_inflate_blocks_async},
  };
  napi_value value, buffer;
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    CHECK(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH,
                               functions[i].function, state, &value));
    CHECK(napi_set_named_property(env, exports, functions[i].name, value));
  }
  CHECK(napi_get_boolean(env, zlib_symbols() != NULL, &value));
  CHECK(napi_set_named_property(env, exports, "hasInflate", value));
  CHECK(napi_create_int32(env, codec_max_level(), &value));
  CHECK(napi_set_named_property(env, exports, "codecMaxLevel", value));
  if (string_set(env, exports, "codec", codec_name()) != 0)
    return failed(env, "string_set");
  state->owners++;
  if (napi_create_external_arraybuffer(env, &state->fault_counter,
                                       sizeof(state->fault_counter),
                                       counter_finalize, state,
                                       &buffer) != napi_ok) {
    /* Electron and the like forbid external memory: there is no addon then. */
    state->owners--;
    return failed(env, "napi_create_external_arraybuffer");
  }
  CHECK(napi_create_typedarray(env, napi_uint32_array, 1, buffer, 0, &value));
  CHECK(napi_set_named_property(env, exports, "faultCounter", value));
  return exports;
}
