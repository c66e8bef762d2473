/* A program on the library, for tests: as far as the scenarios see, it is rm-agent.
 *
 *   program --config FILE [threaded]
 *
 * With RM_SERVE it serves ports of its own: 7 sends back what comes, 9 reads nothing before SIGUSR1, 13 says a line and
 * ends, 15 refuses, 17 breaks the connection at the first byte. With RM_ADMIT=later it answers each question with the next SIGUSR1,
 * RM_ADMIT=refuse refuses; RM_PASSWORD is given by the callback. */
#include <rm_agent.h>

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const levels[] = {[3] = "error", [4] = "warning", [6] = "info", [7] = "debug"};
static int signals[2];
static rm_agent_stream *stalled;
static uint32_t question;

static void on_signal(int number) {
  char byte = (char)number;
  (void)!write(signals[1], &byte, 1);
}

static void on_log(void *context, rm_agent_log_level level, const char *text) {
  assert(context == levels);
  fprintf(stderr, "%s %s\n", levels[level], text);
}

static void on_event(void *context, rm_agent *agent, const rm_agent_event *event) {
  assert(context == levels);
  rm_agent_state state;
  assert(rm_agent_get_state(agent, &state) == RM_AGENT_OK);
  assert(event->json[0] == '{');
  printf("%s\n", event->json);
  fflush(stdout);
}

static bool on_credential(void *context, rm_agent *agent, const char *path, char *buffer, size_t size) {
  assert(context == levels && agent);
  const char *password = getenv("RM_PASSWORD");
  if (password == NULL || strcmp(path, "device.password") != 0) return false;
  snprintf(buffer, size, "%s", password);
  return true;
}

static rm_agent_answer on_question(void *context, rm_agent *agent, const rm_agent_question *asked) {
  assert(context == levels && agent && asked->channel);
  const char *word = getenv("RM_ADMIT");
  question = asked->id;
  fprintf(stderr, "asked for %u\n", asked->port);
  if (word && strcmp(word, "later") == 0) return RM_AGENT_LATER;
  return word && strcmp(word, "refuse") == 0 ? RM_AGENT_REFUSE : RM_AGENT_ALLOW;
}

/* --- services */

typedef struct {
  size_t held, sent;
  bool ended;
  char data[20000];
} echo;

static bool echo_opened(void *context, rm_agent_stream *stream) {
  (void)context;
  rm_agent_stream_set(stream, calloc(1, sizeof(echo)));
  return true;
}

static void echo_move(void *context, rm_agent_stream *stream) {
  (void)context;
  echo *e = rm_agent_stream_get(stream);
  for (;;) {
    size_t done;
    if (e->sent < e->held) {
      assert(rm_agent_stream_write(stream, e->data + e->sent, e->held - e->sent, &done) == RM_AGENT_OK);
      e->sent += done;
      if (e->sent < e->held) return; /* `writable` comes */
    }
    if (e->ended) break;
    e->sent = 0;
    assert(rm_agent_stream_read(stream, e->data, sizeof e->data, &e->held, &e->ended) == RM_AGENT_OK);
    if (e->held == 0 && !e->ended) return; /* `readable` comes */
  }
  assert(rm_agent_stream_end(stream) == RM_AGENT_OK);
}

static void closed(void *context, rm_agent_stream *stream, const char *error) {
  (void)context;
  fprintf(stderr, "closed %u %s\n", rm_agent_stream_port(stream), error ? error : "in order");
  free(rm_agent_stream_get(stream));
}

static bool stalled_opened(void *context, rm_agent_stream *stream) {
  stalled = stream;
  return echo_opened(context, stream);
}

static bool line_opened(void *context, rm_agent_stream *stream) {
  (void)context;
  size_t done;
  assert(rm_agent_stream_write(stream, "hello\n", 6, &done) == RM_AGENT_OK && done == 6);
  assert(rm_agent_stream_end(stream) == RM_AGENT_OK);
  assert(rm_agent_stream_write(stream, "more", 4, &done) == RM_AGENT_OK && done == 0);
  return true;
}

static bool refused(void *context, rm_agent_stream *stream) {
  (void)context;
  (void)stream;
  return false;
}

static bool accepted(void *context, rm_agent_stream *stream) {
  (void)context;
  (void)stream;
  return true;
}

static void break_off(void *context, rm_agent_stream *stream) {
  (void)context;
  assert(rm_agent_stream_abort(stream) == RM_AGENT_OK);
}

static void drain(void *context, rm_agent_stream *stream) {
  (void)context;
  char bytes[64];
  size_t got;
  while (rm_agent_stream_read(stream, bytes, sizeof bytes, &got, NULL) == RM_AGENT_OK && got > 0) continue;
}

static const rm_agent_service services[] = {
  {.port = 7, .opened = echo_opened, .readable = echo_move, .writable = echo_move, .closed = closed},
  {.port = 9, .opened = stalled_opened, .writable = echo_move, .closed = closed},
  {.port = 13, .opened = line_opened, .readable = drain, .closed = closed},
  {.port = 15, .opened = refused},
  {.port = 17, .opened = accepted, .readable = break_off},
};

static char *contents(const char *path) {
  static char text[262144];
  FILE *file = fopen(path, "r");
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (file) fclose(file);
  text[length] = 0;
  return text;
}

int main(int argc, char **argv) {
  rm_agent_options options = RM_AGENT_OPTIONS;
  options.context = (void *)levels;
  options.log = on_log;
  options.log_level = RM_AGENT_LOG_DEBUG;
  options.event = on_event;
  options.credential = on_credential;
  options.threaded = argc > 3 && strcmp(argv[3], "threaded") == 0;
  if (getenv("RM_ADMIT")) options.admit = options.consent = on_question;
  if (getenv("RM_SERVE")) {
    options.services = services;
    options.service_count = sizeof services / sizeof *services;
  }
  if (pipe(signals)) return 71;
  const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
  for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(caught[i], &action, NULL);
  }
  rm_agent *agent;
  if (argc < 3 || rm_agent_create(contents(argv[2]), &options, &agent) != RM_AGENT_OK) {
    fprintf(stderr, "%s\n", rm_agent_error());
    return 78;
  }
  assert(rm_agent_start(agent) == RM_AGENT_OK);
  for (bool over = false; !over;) {
    struct pollfd descriptors[] = {
      {.fd = signals[0], .events = POLLIN}, {.fd = rm_agent_loop_descriptor(), .events = POLLIN},
    };
    poll(descriptors, 2, rm_agent_loop_timeout());
    if (!options.threaded && rm_agent_loop_run() != RM_AGENT_OK) {
      fprintf(stderr, "%s\n", rm_agent_error());
      return 1;
    }
    char number;
    if (!(descriptors[0].revents & POLLIN) || read(signals[0], &number, 1) != 1) continue;
    if (number == SIGHUP) assert(rm_agent_retry(agent) == RM_AGENT_OK);
    else if (number != SIGUSR1) over = true;
    else if (question) assert(rm_agent_decide(agent, question, true) == RM_AGENT_OK);
    else if (stalled && !options.threaded) echo_move(NULL, stalled);
  }
  char *status;
  assert(rm_agent_status(agent, &status) == RM_AGENT_OK);
  assert(strstr(status, "\"state\":"));
  rm_agent_free(status);
  /* In order, so that the reflector sees a close frame. */
  assert(rm_agent_stop(agent) == RM_AGENT_OK);
  for (rm_agent_state state = RM_AGENT_CONNECTED; state != RM_AGENT_STOPPED;) {
    assert(rm_agent_get_state(agent, &state) == RM_AGENT_OK);
    if (state == RM_AGENT_STOPPED) break;
    if (options.threaded) usleep(10000);
    else assert(rm_agent_loop_wait(1000) == RM_AGENT_OK);
  }
  assert(rm_agent_destroy(agent) == RM_AGENT_OK);
  return 0;
}
