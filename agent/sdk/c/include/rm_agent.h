/**
 * @file
 * The remote-access agent inside a program written in C: librm-agent.a.
 *
 * Agents of a process share one engine and one loop, so any number of them costs one engine. That loop runs
 *
 * - on the caller's loop: watch rm_agent_loop_descriptor(), and call rm_agent_loop_run() when it is readable or when
 *   rm_agent_loop_timeout() is over; or
 * - on a thread of the library, with @ref rm_agent_options.threaded. Then any thread may call any function, and callbacks
 *   come from the library's thread.
 *
 * The library ends no process and prints nothing. It touches no signal, and starts no process but the programs that
 * the configuration names. Names are looked up in threads.
 *
 * Every function that can fail returns an @ref rm_agent_result. Then rm_agent_error() says why, in words.
 */
#ifndef RM_AGENT_H
#define RM_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An agent: one identity, one configuration, one tunnel. */
typedef struct rm_agent rm_agent;

/** One connection to a service inside the program. */
typedef struct rm_agent_stream rm_agent_stream;

/** What has become of a call. */
typedef enum rm_agent_result {
  RM_AGENT_OK = 0,
  /** The configuration is wrong: rm_agent_error() has a line for each reason. */
  RM_AGENT_CONFIGURATION = -1,
  /** The call is wrong: an argument, the thread, or the moment. */
  RM_AGENT_MISUSE = -2,
  /** The system lacks something: memory, descriptors, threads. */
  RM_AGENT_SYSTEM = -3,
  /** The engine has failed: it used more memory than it may, or there is a defect. Destroy the agents; no agent can be
   * created in this process any more. The rest of the program is not affected. */
  RM_AGENT_FAILED = -4
} rm_agent_result;

/** Why the last call of this thread that failed has failed: text that stays until its next call. Never NULL. */
const char *rm_agent_error(void);

/** The version of the library, such as `0.1.0`. */
const char *rm_agent_version(void);

/* --- what the program is told and asked */

/** Severity of a log line, as in syslog. */
typedef enum rm_agent_log_level {
  RM_AGENT_LOG_ERROR = 3,
  RM_AGENT_LOG_WARNING = 4,
  RM_AGENT_LOG_INFO = 6,
  RM_AGENT_LOG_DEBUG = 7
} rm_agent_log_level;

/** The state of an agent. */
typedef enum rm_agent_state {
  RM_AGENT_STOPPED,    /**< not started yet, or stopped */
  RM_AGENT_DISABLED,   /**< off line until the next rm_agent_start() */
  RM_AGENT_CONNECTING, /**< an attempt is under way */
  RM_AGENT_CONNECTED,  /**< the tunnel is up */
  RM_AGENT_WAITING     /**< the next attempt comes later */
} rm_agent_state;

typedef enum rm_agent_event_type {
  RM_AGENT_EVENT_STATE,        /**< `state`, `text`: the reason or NULL */
  RM_AGENT_EVENT_CONNECTING,   /**< `text`: the reflector */
  RM_AGENT_EVENT_CONNECTED,    /**< `text`: the reflector in use */
  RM_AGENT_EVENT_DISCONNECTED, /**< `text`: the reason; `retry_ms` */
  RM_AGENT_EVENT_CHANNEL,      /**< `open`, `port`, `channel`; `text`: the error or NULL */
  RM_AGENT_EVENT_ACCESS        /**< `port`, `channel`; `text`: what was asked or decided */
} rm_agent_event_type;

/** Something that has happened. It is valid during the callback. */
typedef struct rm_agent_event {
  rm_agent_event_type type;
  rm_agent_state state;  /**< the agent's state now */
  const char *text;      /**< see the type; may be NULL */
  double retry_ms;       /**< milliseconds until the next attempt; negative: there is none */
  uint16_t port;         /**< of the service; 0: none */
  uint32_t channel;      /**< the connection that it is about; 0: none */
  bool open;             /**< the channel was opened; false: it has ended */
  const char *json;      /**< all fields, with the names in docs/embedding.md */
} rm_agent_event;

/** Somebody wants to be let in. It is valid during the callback. */
typedef struct rm_agent_question {
  uint32_t id;       /**< for rm_agent_decide() */
  uint16_t port;     /**< of the service */
  uint32_t channel;  /**< the connection that began it */
} rm_agent_question;

typedef enum rm_agent_answer {
  RM_AGENT_REFUSE,
  RM_AGENT_ALLOW,
  /** rm_agent_decide() will say; without it, `access.askTimeout` refuses. */
  RM_AGENT_LATER
} rm_agent_answer;

/**
 * A service inside the program: nothing listens for it. Its port must be one of `services` in the configuration, and no
 * other service's here.
 * Callbacks may be NULL, except `opened`.
 */
typedef struct rm_agent_service {
  uint16_t port;
  /** For these callbacks. */
  void *context;
  /** A connection; false refuses it, and then there are no further callbacks. */
  bool (*opened)(void *context, rm_agent_stream *stream);
  /** Bytes, or the end, wait for rm_agent_stream_read(). It comes again only after a read that has found nothing. */
  void (*readable)(void *context, rm_agent_stream *stream);
  /** After a write that took less than all: rm_agent_stream_write() takes bytes again. */
  void (*writable)(void *context, rm_agent_stream *stream);
  /** The connection is over, and `stream` with it after this call. `error`: why, or NULL. */
  void (*closed)(void *context, rm_agent_stream *stream, const char *error);
} rm_agent_service;

/**
 * What goes with a configuration. Begin with `rm_agent_options options = RM_AGENT_OPTIONS;`. Callbacks may be NULL.
 * They may call every function here, rm_agent_destroy() too.
 */
typedef struct rm_agent_options {
  /** Set by RM_AGENT_OPTIONS: which version of this header the program was compiled with. */
  size_t size;
  /** The loop runs on a thread of the library. All agents that exist at the same time must agree in this. */
  bool threaded;
  /** For these callbacks. */
  void *context;
  /** One line, without its end. By default nobody gets it. */
  void (*log)(void *context, rm_agent_log_level level, const char *text);
  /** The least severe level that is logged; 0: RM_AGENT_LOG_INFO. */
  rm_agent_log_level log_level;
  void (*event)(void *context, rm_agent *agent, const rm_agent_event *event);
  /**
   * A secret for the next attempt to connect, where the configuration has `{ "callback": true }`: `device.password` or
   * `proxy.password`, as `path` says. Writes text of at most `size` bytes, its NUL included, and returns true; false ends
   * the attempt.
   */
  bool (*credential)(void *context, rm_agent *agent, const char *path, char *buffer, size_t size);
  /** Decides about each connection, before the rule of `access` in the configuration. */
  rm_agent_answer (*admit)(void *context, rm_agent *agent, const rm_agent_question *question);
  /** Asks a person, with `"mode": "consent"`. What is allowed lasts for a session. */
  rm_agent_answer (*consent)(void *context, rm_agent *agent, const rm_agent_question *question);
  /** Services inside the program; copied. */
  const rm_agent_service *services;
  size_t service_count;
} rm_agent_options;

/** Options with nothing set. */
#define RM_AGENT_OPTIONS { .size = sizeof(rm_agent_options) }

/* --- agents */

/**
 * Makes an agent, which does nothing before rm_agent_start().
 *
 * @param configuration JSON text as in `/etc/rm-agent.json` (docs/configuration.md). `control`, `notify`, `log` and
 *   `start` have no effect here, and a warning says so.
 * @param options may be NULL; copied.
 * @param agent set to the agent, or to NULL with an error.
 */
rm_agent_result rm_agent_create(const char *configuration, const rm_agent_options *options, rm_agent **agent);

/** Connects and stays connected: a lost tunnel is dialled again until rm_agent_stop(). */
rm_agent_result rm_agent_start(rm_agent *agent);

/** Closes the tunnel in order, and every connection in it. It is done with the event of state RM_AGENT_STOPPED. */
rm_agent_result rm_agent_stop(rm_agent *agent);

/** Closes the tunnel and stays off line until rm_agent_start(), which dials at once. */
rm_agent_result rm_agent_disable(rm_agent *agent);

/** Dials at once if the agent waits for its next attempt. */
rm_agent_result rm_agent_retry(rm_agent *agent);

/** Answers a question for which a callback has returned RM_AGENT_LATER. One that is over is not an error. */
rm_agent_result rm_agent_decide(rm_agent *agent, uint32_t question, bool allow);

/** Answers the questions of consent for one port, or with 0 for all. Refusing also ends the sessions that were allowed. */
rm_agent_result rm_agent_consent(rm_agent *agent, bool allow, uint16_t port);

/** The state now. */
rm_agent_result rm_agent_get_state(rm_agent *agent, rm_agent_state *state);

/**
 * Everything about the agent as JSON text, as `rm-agent status --json` has it.
 *
 * @param json set to text that the caller frees with rm_agent_free().
 */
rm_agent_result rm_agent_status(rm_agent *agent, char **json);

/** Frees text of rm_agent_status(). */
void rm_agent_free(char *text);

/**
 * Ends the agent and frees it: `agent` is of no use after this call, and no callback of it comes. Its streams are over
 * without `closed`. With other agents left, the tunnel closes in order; with the last one, the engine goes at once, and
 * with it the thread.
 */
rm_agent_result rm_agent_destroy(rm_agent *agent);

/* --- streams. Only from the thread of the loop. */

/**
 * Takes received bytes. What is not taken counts against the window of this connection, so a program that reads slowly
 * slows its peer and nobody else, and holds at most the window.
 *
 * @param got set to how many bytes were taken; 0: none wait now.
 * @param ended set to true when the peer has ended its direction and everything was taken. May be NULL.
 */
rm_agent_result rm_agent_stream_read(rm_agent_stream *stream, void *data, size_t size, size_t *got, bool *ended);

/**
 * Sends bytes.
 *
 * @param taken set to how many were taken. Less than `size`: wait for the callback `writable`.
 */
rm_agent_result rm_agent_stream_write(rm_agent_stream *stream, const void *data, size_t size, size_t *taken);

/** Ends this direction once everything written is sent; reading goes on. The callback `closed` comes when both have ended. */
rm_agent_result rm_agent_stream_end(rm_agent_stream *stream);

/** Breaks the connection: the peer sees an error. No callback of this stream comes any more; `stream` is of no use. */
rm_agent_result rm_agent_stream_abort(rm_agent_stream *stream);

/** Keeps a pointer of the program with the stream. */
void rm_agent_stream_set(rm_agent_stream *stream, void *pointer);
/** That pointer; NULL at first, and without a stream. */
void *rm_agent_stream_get(const rm_agent_stream *stream);
/** The agent, and the port of the service; NULL and 0 without a stream. */
rm_agent *rm_agent_stream_agent(const rm_agent_stream *stream);
uint16_t rm_agent_stream_port(const rm_agent_stream *stream);

/* --- the caller's loop. Only from the thread that created the first agent. */

/** A descriptor that is readable when there is something to run, for poll() and its like; -1 without an agent. */
int rm_agent_loop_descriptor(void);

/** Milliseconds until rm_agent_loop_run() is due even if the descriptor is not readable; -1: no such time. */
int rm_agent_loop_timeout(void);

/** Runs what is due and returns without waiting. The thread needs 1 MiB of stack. */
rm_agent_result rm_agent_loop_run(void);

/** Waits until something is due, `milliseconds` at most (-1: no limit), and runs it: for a program without a loop. */
rm_agent_result rm_agent_loop_wait(int milliseconds);

#ifdef __cplusplus
}
#endif

#endif
