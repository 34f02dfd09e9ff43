/*
 * An addon with handlers of its own, as crash reporters have them, and with
 * ways to crash. The module object it is loaded into says which. It needs no
 * header of Node: it declares what it uses.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *uv_default_loop(void);
extern int uv_queue_work(void *loop, void *request, void (*work)(void *),
                         void (*after)(void *, int));
extern int napi_get_named_property(void *env, void *object, const char *name,
                                   void **value);
extern int napi_get_value_string_utf8(void *env, void *value, char *text,
                                      size_t room, size_t *length);

static struct sigaction found_segv;
static struct sigaction found_bus;

static void
say(const char *text)
{
  /* Node may have made it non-blocking, and its reader be late. */
  struct pollfd room = {.fd = 2, .events = POLLOUT};
  while (write(2, text, strlen(text)) < 0) {
    if (errno != EAGAIN)
      _exit(98);
    poll(&room, 1, -1);
  }
}

static const struct sigaction *
found(int signal_number)
{
  return signal_number == SIGBUS ? &found_bus : &found_segv;
}

static void
tell(int signal_number)
{
  say(signal_number == SIGBUS ? "neighbour: SIGBUS\n" : "neighbour: SIGSEGV\n");
}

static void
on_exit_known(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  tell(signal_number);
  _exit(77);
}

static void
on_reraise(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  tell(signal_number);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void
on_restore(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  tell(signal_number);
  sigaction(signal_number, found(signal_number), NULL);
}

static void
on_return(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  tell(signal_number);
}

static void
on_pass(int signal_number, siginfo_t *info, void *context)
{
  const struct sigaction *old = found(signal_number);
  tell(signal_number);
  if (old->sa_flags & SA_SIGINFO)
    old->sa_sigaction(signal_number, info, context);
  else
    on_reraise(signal_number, info, context);
}

static void
install(const char *style)
{
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (strcmp(style, "exits") == 0)
    action.sa_sigaction = on_exit_known;
  else if (strcmp(style, "raises again") == 0)
    action.sa_sigaction = on_reraise;
  else if (strcmp(style, "puts back") == 0)
    action.sa_sigaction = on_restore;
  else if (strcmp(style, "passes on") == 0)
    action.sa_sigaction = on_pass;
  else
    action.sa_sigaction = on_return;
  if (strcmp(style, "returns once") == 0)
    action.sa_flags |= (int)SA_RESETHAND;
  sigaction(SIGSEGV, &action, &found_segv);
  sigaction(SIGBUS, &action, &found_bus);
}

static void *
read_null(void *data)
{
  volatile int *volatile nothing = data;
  say("crashing\n");
  (void)*nothing;
  say("not crashed\n");
  return NULL;
}

static void
pool_work(void *request)
{
  (void)request;
  read_null(NULL);
}

static void
pool_after(void *request, int status)
{
  (void)request;
  (void)status;
}

static void
crash(const char *how)
{
  static long long request[64];
  pthread_t thread;
  if (strcmp(how, "null") == 0)
    read_null(NULL);
  else if (strcmp(how, "abort") == 0)
    abort();
  else if (strcmp(how, "pool") == 0)
    uv_queue_work(uv_default_loop(), request, pool_work, pool_after);
  else if (strcmp(how, "thread") == 0)
    pthread_create(&thread, NULL, read_null, NULL);
  else if (strcmp(how, "read-only page") == 0) {
    volatile char *bytes =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("crashing\n");
    bytes[5] = 1;
    say("not crashed\n");
  } else if (strcmp(how, "cut file") == 0) {
    FILE *file = tmpfile();
    volatile char *bytes =
        mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    say("crashing\n");
    (void)bytes[5];
    say("not crashed\n");
  }
}

/* What Node calls at each process.dlopen(). */
__attribute__((visibility("default"))) void *
napi_register_module_v1(void *env, void *exports)
{
  char order[2][32] = {"", ""};
  const char *names[2] = {"handlers", "crash"};
  for (int i = 0; i < 2; i++) {
    void *value;
    size_t length;
    if (napi_get_named_property(env, exports, names[i], &value) != 0 ||
        napi_get_value_string_utf8(env, value, order[i], sizeof(order[i]),
                                   &length) != 0)
      order[i][0] = 0;
  }
  if (order[0][0] != 0)
    install(order[0]);
  if (order[1][0] != 0)
    crash(order[1]);
  return exports;
}
