#include "bridge.h"
#include "bytes.h"
#include "failure.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"

#include <string.h>

enum {
  SECRET = 1024,
  PIECE = 4096 /* an allocation for what came, header included; more where more came at once */
};

struct rm_piece {
  rm_piece *next;
  size_t start, end, capacity;
  uint8_t data[];
};

rm_link rm_agents = {&rm_agents, &rm_agents};

static uint32_t number_argument(JSValueConst value) {
  uint32_t number = 0;
  JS_ToUint32(rm_context, &number, value);
  return number;
}

static rm_agent *find_agent(JSValueConst value) {
  uint32_t number = number_argument(value);
  for (rm_link *next = rm_agents.next; next != &rm_agents; next = next->next) {
    rm_agent *agent = rm_container(next, rm_agent, link);
    if (agent->number == number) return agent;
  }
  return NULL;
}

static rm_agent_stream *find_stream(JSValueConst value) {
  uint32_t number = number_argument(value);
  for (rm_link *next = rm_agents.next; next != &rm_agents; next = next->next) {
    rm_agent *agent = rm_container(next, rm_agent, link);
    for (rm_link *at = agent->streams.next; at != &agent->streams; at = at->next) {
      rm_agent_stream *stream = rm_container(at, rm_agent_stream, link);
      if (stream->number == number) return stream;
    }
  }
  return NULL;
}

size_t rm_stream_take(rm_agent_stream *stream, void *data, size_t size) {
  size_t got = 0;
  while (got < size && stream->first) {
    rm_piece *piece = stream->first;
    size_t part = piece->end - piece->start < size - got ? piece->end - piece->start : size - got;
    memcpy((uint8_t *)data + got, piece->data + piece->start, part);
    piece->start += part;
    got += part;
    if (piece->start < piece->end) break;
    stream->first = piece->next;
    if (stream->first == NULL) stream->last = NULL;
    rm_free(piece);
  }
  return got;
}

void rm_stream_free(rm_agent_stream *stream) {
  while (stream->first) {
    rm_piece *piece = stream->first;
    stream->first = piece->next;
    rm_free(piece);
  }
  rm_link_remove(&stream->link);
  rm_free(stream);
}

/* log(agent, severity, text) */
static JSValue bridge_log(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  rm_agent *agent = find_agent(argv[0]);
  if (agent == NULL || agent->options.log == NULL) return JS_UNDEFINED;
  const char *text = JS_ToCString(context, argv[2]);
  if (text == NULL) return JS_EXCEPTION;
  agent->options.log(agent->options.context, (rm_agent_log_level)number_argument(argv[1]), text);
  rm_failure_check();
  JS_FreeCString(context, text);
  return JS_UNDEFINED;
}

/* event(agent, type, state, text, retryMs, port, channel, open, json) */
static JSValue bridge_event(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  rm_agent *agent = find_agent(argv[0]);
  if (agent == NULL || agent->options.event == NULL) return JS_UNDEFINED;
  rm_agent_event event = {
    .type = (rm_agent_event_type)number_argument(argv[1]),
    .state = (rm_agent_state)number_argument(argv[2]),
    .port = (uint16_t)number_argument(argv[5]),
    .channel = number_argument(argv[6]),
    .open = JS_ToBool(context, argv[7]) > 0,
  };
  JS_ToFloat64(context, &event.retry_ms, argv[4]);
  const char *text = JS_IsNull(argv[3]) ? NULL : JS_ToCString(context, argv[3]);
  const char *json = JS_ToCString(context, argv[8]);
  event.text = text;
  event.json = json;
  agent->options.event(agent->options.context, agent, &event);
  rm_failure_check();
  if (text) JS_FreeCString(context, text);
  if (json) JS_FreeCString(context, json);
  return JS_UNDEFINED;
}

/* credential(agent, path) */
static JSValue bridge_credential(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  rm_agent *agent = find_agent(argv[0]);
  if (agent == NULL || agent->options.credential == NULL) return JS_NULL;
  const char *path = JS_ToCString(context, argv[1]);
  if (path == NULL) return JS_EXCEPTION;
  char secret[SECRET] = "";
  bool given = agent->options.credential(agent->options.context, agent, path, secret, sizeof secret);
  rm_failure_check();
  JS_FreeCString(context, path);
  secret[sizeof secret - 1] = 0;
  JSValue result = given ? rm_string(secret) : JS_NULL;
  memset(secret, 0, sizeof secret);
  __asm__ volatile("" : : "r"(secret) : "memory"); /* the compiler must not leave it out */
  return result;
}

/* access(agent, question, port, channel, consent) */
static JSValue bridge_access(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  rm_agent *agent = find_agent(argv[0]);
  if (agent == NULL) return JS_NewInt32(context, RM_AGENT_REFUSE);
  bool consent = JS_ToBool(context, argv[4]) > 0;
  rm_agent_question question = {
    .id = number_argument(argv[1]),
    .port = (uint16_t)number_argument(argv[2]),
    .channel = number_argument(argv[3]),
  };
  rm_agent_answer (*ask)(void *, rm_agent *, const rm_agent_question *) =
    consent ? agent->options.consent : agent->options.admit;
  rm_agent_answer answer = ask ? ask(agent->options.context, agent, &question) : RM_AGENT_REFUSE;
  rm_failure_check();
  return JS_NewInt32(context, answer);
}

/* opened(agent, stream, port) */
static JSValue bridge_opened(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  (void)argc;
  rm_agent *agent = find_agent(argv[0]);
  uint16_t port = (uint16_t)number_argument(argv[2]);
  if (agent == NULL) return JS_FALSE;
  const rm_agent_service *service = agent->services;
  for (size_t left = agent->options.service_count; left > 0 && service->port != port; left--) service++;
  rm_agent_stream *stream = rm_alloc(sizeof *stream);
  *stream = (rm_agent_stream){.number = number_argument(argv[1]), .agent = agent, .service = service};
  rm_link_append(&agent->streams, &stream->link);
  uint32_t number = stream->number;
  bool accepted = service->opened(service->context, stream);
  rm_failure_check();
  /* The program may have destroyed the agent, or broken the stream. */
  if (!accepted && (stream = find_stream(argv[1])) != NULL && stream->number == number) rm_stream_free(stream);
  return accepted ? JS_TRUE : JS_FALSE;
}

/* received(stream, bytes, start, end) */
static JSValue bridge_received(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  uint8_t *data;
  size_t length;
  if (!rm_bytes_range(argc - 1, argv + 1, &data, &length)) return JS_EXCEPTION;
  rm_agent_stream *stream = find_stream(argv[0]);
  if (stream == NULL || length == 0) return JS_UNDEFINED;
  rm_piece *last = stream->last;
  if (last) {
    size_t room = last->capacity - last->end, part = length < room ? length : room;
    memcpy(last->data + last->end, data, part);
    last->end += part;
    data += part;
    length -= part;
    if (length == 0) return JS_UNDEFINED;
  }
  size_t capacity = length < PIECE - sizeof *last ? PIECE - sizeof *last : length;
  rm_piece *piece = rm_alloc(sizeof *piece + capacity);
  piece->next = NULL;
  piece->start = 0;
  piece->end = length;
  piece->capacity = capacity;
  memcpy(piece->data, data, length);
  if (last) last->next = piece;
  else stream->first = piece;
  stream->last = piece;
  return JS_UNDEFINED;
}

/* ended(stream) */
static JSValue bridge_ended(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  (void)argc;
  rm_agent_stream *stream = find_stream(argv[0]);
  if (stream) stream->ended = true;
  return JS_UNDEFINED;
}

/* readable(stream), writable(stream) */
static JSValue bridge_ready(JSContext *context, JSValueConst self, int argc, JSValueConst *argv, int writable) {
  (void)context;
  (void)self;
  (void)argc;
  rm_agent_stream *stream = find_stream(argv[0]);
  if (stream == NULL) return JS_UNDEFINED;
  const rm_agent_service *service = stream->service;
  void (*ready)(void *, rm_agent_stream *) = writable ? service->writable : service->readable;
  if (ready) ready(service->context, stream);
  rm_failure_check();
  return JS_UNDEFINED;
}

/* closed(stream, error, tell) */
static JSValue bridge_closed(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  rm_agent_stream *stream = find_stream(argv[0]);
  if (stream == NULL) return JS_UNDEFINED;
  if (JS_ToBool(context, argv[2]) <= 0 || stream->service->closed == NULL) {
    rm_stream_free(stream);
    return JS_UNDEFINED;
  }
  const char *error = JS_IsNull(argv[1]) ? NULL : JS_ToCString(context, argv[1]);
  stream->service->closed(stream->service->context, stream, error);
  rm_failure_check();
  if (error) JS_FreeCString(context, error);
  stream = find_stream(argv[0]);
  if (stream) rm_stream_free(stream);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("log", 3, bridge_log),
  JS_CFUNC_DEF("event", 9, bridge_event),
  JS_CFUNC_DEF("credential", 2, bridge_credential),
  JS_CFUNC_DEF("access", 5, bridge_access),
  JS_CFUNC_DEF("opened", 3, bridge_opened),
  JS_CFUNC_DEF("received", 4, bridge_received),
  JS_CFUNC_DEF("ended", 1, bridge_ended),
  JS_CFUNC_MAGIC_DEF("readable", 1, bridge_ready, 0),
  JS_CFUNC_MAGIC_DEF("writable", 1, bridge_ready, 1),
  JS_CFUNC_DEF("closed", 3, bridge_closed),
};

void rm_bridge_init(JSValueConst native) {
  rm_functions(rm_namespace(native, "callbacks"), entries, sizeof entries / sizeof *entries);
}
