/*
 * Who owns a mapping, and until when. A handle is one mapping seen from
 * JavaScript. Its memory is unmapped when nobody can reach it: users counts the
 * open handle itself, each live window (ArrayBuffer) and each piece of work on
 * the pool. Closing detaches the windows first, so that only work in flight can
 * delay the unmapping. The struct goes when owners is 0: the JavaScript object,
 * each window, each work. Counts change on the environment's own thread only.
 */
#ifndef NPYMAP_HANDLE_H
#define NPYMAP_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping.h"

/* One per environment (main thread or worker). */
struct state {
  uint32_t owners; /* the environment, the counter's buffer, every handle */
  _Atomic uint32_t fault_counter; /* JavaScript sees it as a Uint32Array */
  struct handle *handles;         /* open ones, newest first */
};

struct handle {
  struct state *state;
  struct mapping mapping;
  uint32_t owners;
  uint32_t users;
  bool open;
  struct window *windows;
  struct handle *next, *previous;
};

struct window {
  struct handle *handle;
  void *buffer; /* a weak reference of Node-API, or NULL */
  bool released;
  struct window *next, *previous;
};

void state_drop(struct state *state);

/* As mapping_open; the caller's JavaScript object is the first owner and user. */
int handle_open(struct handle **handle, struct state *state, const char *path,
                enum mapping_mode mode, uint8_t *head, size_t head_nbytes);
/* The JavaScript object is closed or gone. */
void handle_abandon(struct handle *handle);

/* For work in flight: keeps the memory mapped. */
void handle_hold(struct handle *handle);
void handle_drop(struct handle *handle);

/* The open handle whose mapping this address lies in, or NULL. */
struct handle *handle_at(const struct state *state, const void *address);

/* A window holds its handle until it is released or dropped. NULL: no memory. */
struct window *window_new(struct handle *handle);
/* Its buffer was detached: the memory cannot be reached through it any more. */
void window_release(struct window *window);
/* Its buffer was collected. Frees it. */
void window_drop(struct window *window);

#endif
