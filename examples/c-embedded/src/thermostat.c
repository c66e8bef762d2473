/* A device in C whose web interface is reached through the tunnel. Nothing listens for it.
 *
 *   thermostat CONFIGURATION.json
 *
 * The password of the device comes from a function, as it would from a secure element. SIGTERM ends the program. */
#include <rm_agent.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t asked_to_end;
static unsigned visits;

static void end(int signal) {
  (void)signal;
  asked_to_end = 1;
}

static void on_log(void *context, rm_agent_log_level level, const char *text) {
  (void)context;
  fprintf(stderr, "%d %s\n", level, text);
}

static void on_event(void *context, rm_agent *agent, const rm_agent_event *event) {
  (void)context;
  (void)agent;
  if (event->type == RM_AGENT_EVENT_CONNECTED) printf("connected to %s\n", event->text);
  if (event->type == RM_AGENT_EVENT_DISCONNECTED) printf("disconnected: %s\n", event->text);
  fflush(stdout);
}

static bool device_password(void *context, rm_agent *agent, const char *path, char *buffer, size_t size) {
  (void)context;
  (void)agent;
  const char *password = getenv("DEVICE_PASSWORD");
  if (strcmp(path, "device.password") != 0 || password == NULL || strlen(password) >= size) return false;
  strcpy(buffer, password);
  return true;
}

/* One connection: what has come of the request. */
typedef struct {
  size_t length;
  char request[4096];
} visitor;

static bool page_opened(void *context, rm_agent_stream *stream) {
  (void)context;
  visitor *v = calloc(1, sizeof *v);
  rm_agent_stream_set(stream, v);
  return v != NULL;
}

static void answer(rm_agent_stream *stream) {
  char body[128], page[512];
  int length = snprintf(body, sizeof body, "<h1>21.5 &deg;C</h1><p>Visit %u</p>\n", ++visits);
  int size = snprintf(page, sizeof page,
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
    length, body);
  size_t taken; /* so little is always taken at once */
  rm_agent_stream_write(stream, page, (size_t)size, &taken);
  rm_agent_stream_end(stream);
}

static void page_readable(void *context, rm_agent_stream *stream) {
  (void)context;
  visitor *v = rm_agent_stream_get(stream);
  size_t got;
  bool ended;
  do {
    size_t room = sizeof v->request - 1 - v->length;
    if (room == 0) v->length = 0, room = sizeof v->request - 1; /* an odd request: only its end counts */
    if (rm_agent_stream_read(stream, v->request + v->length, room, &got, &ended) != RM_AGENT_OK) return;
    v->length += got;
    v->request[v->length] = 0;
    if (got > 0 && strstr(v->request, "\r\n\r\n")) answer(stream);
  } while (got > 0 && !ended);
}

static void page_closed(void *context, rm_agent_stream *stream, const char *error) {
  (void)context;
  if (error) fprintf(stderr, "a visit has failed: %s\n", error);
  free(rm_agent_stream_get(stream));
}

static char *contents(const char *path) {
  FILE *file = fopen(path, "r");
  static char text[16384];
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (file) fclose(file);
  text[length] = 0;
  return text;
}

int main(int argc, char **argv) {
  const rm_agent_service services[] = {
    {.port = 80, .opened = page_opened, .readable = page_readable, .closed = page_closed},
  };
  rm_agent_options options = RM_AGENT_OPTIONS;
  options.log = on_log;
  options.event = on_event;
  options.credential = device_password;
  options.services = services;
  options.service_count = 1;

  rm_agent *agent;
  if (rm_agent_create(contents(argc > 1 ? argv[1] : "thermostat.json"), &options, &agent) != RM_AGENT_OK) {
    fprintf(stderr, "%s\n", rm_agent_error());
    return 78;
  }
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  rm_agent_start(agent);

  /* The program's own loop: its other descriptors would be here, too. */
  while (!asked_to_end) {
    struct pollfd descriptors[] = {{.fd = rm_agent_loop_descriptor(), .events = POLLIN}};
    poll(descriptors, 1, rm_agent_loop_timeout());
    if (rm_agent_loop_run() != RM_AGENT_OK) break;
  }
  if (!asked_to_end) fprintf(stderr, "%s\n", rm_agent_error());
  rm_agent_destroy(agent);
  return asked_to_end ? 0 : 1;
}
