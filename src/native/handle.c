/* See handle.h. */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>

void
state_drop(struct state *state)
{
  if (--state->owners == 0)
    free(state);
}

static void
drop_user(struct handle *handle)
{
  if (--handle->users == 0)
    mapping_close(&handle->mapping);
}

static void
drop_owner(struct handle *handle)
{
  if (--handle->owners != 0)
    return;
  state_drop(handle->state);
  free(handle);
}

int
handle_open(struct handle **handle_ret, struct state *state, const char *path,
            enum mapping_mode mode, uint8_t *head, size_t head_nbytes)
{
  struct handle *handle = calloc(1, sizeof(*handle));
  *handle_ret = NULL;
  if (handle == NULL)
    return -ENOMEM;
  int error = mapping_open(&handle->mapping, path, mode, head, head_nbytes,
                           &state->fault_counter);
  if (error != 0) {
    free(handle);
    return error;
  }
  handle->state = state;
  state->owners++;
  handle->owners = 1;
  handle->users = 1;
  handle->open = true;
  handle->next = state->handles;
  if (handle->next != NULL)
    handle->next->previous = handle;
  state->handles = handle;
  *handle_ret = handle;
  return 0;
}

void
handle_abandon(struct handle *handle)
{
  handle->open = false;
  if (handle->previous != NULL)
    handle->previous->next = handle->next;
  else
    handle->state->handles = handle->next;
  if (handle->next != NULL)
    handle->next->previous = handle->previous;
  drop_user(handle);
  drop_owner(handle);
}

void
handle_hold(struct handle *handle)
{
  handle->users++;
  handle->owners++;
}

void
handle_drop(struct handle *handle)
{
  drop_user(handle);
  drop_owner(handle);
}

struct handle *
handle_at(const struct state *state, const void *address)
{
  struct handle *handle = state->handles;
  for (; handle != NULL; handle = handle->next) {
    uintptr_t base = (uintptr_t)handle->mapping.base;
    if ((uintptr_t)address >= base &&
        (uintptr_t)address - base < handle->mapping.nbytes)
      break;
  }
  return handle;
}

struct window *
window_new(struct handle *handle)
{
  struct window *window = calloc(1, sizeof(*window));
  if (window == NULL)
    return NULL;
  window->handle = handle;
  window->next = handle->windows;
  if (window->next != NULL)
    window->next->previous = window;
  handle->windows = window;
  handle_hold(handle);
  return window;
}

void
window_release(struct window *window)
{
  window->released = true;
  drop_user(window->handle);
}

void
window_drop(struct window *window)
{
  struct handle *handle = window->handle;
  if (window->previous != NULL)
    window->previous->next = window->next;
  else
    handle->windows = window->next;
  if (window->next != NULL)
    window->next->previous = window->previous;
  if (!window->released)
    drop_user(handle);
  drop_owner(handle);
  free(window);
}
