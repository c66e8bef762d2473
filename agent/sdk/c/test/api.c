/* What the functions of rm_agent.h say to those who use them wrongly, and agents that come and go. */
#include <rm_agent.h>

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIGURATION "{ \"reflector\": \"http://127.0.0.1:9/\", \"device\": { \"id\": \"a\", \"domain\": \"b\"%s }, \"services\": [{ \"port\": 80 }] }"

static char text[512];
static int events;

static const char *with(const char *more) {
  snprintf(text, sizeof text, CONFIGURATION, more);
  return text;
}

static void says(rm_agent_result result, rm_agent_result expected, const char *words) {
  if (result == expected && strstr(rm_agent_error(), words)) return;
  printf("%d instead of %d: %s\n", result, expected, rm_agent_error());
  exit(1);
}

static void count(void *context, rm_agent *agent, const rm_agent_event *event) {
  (void)context;
  (void)agent;
  (void)event;
  events++;
}

static void destroy_at_first(void *context, rm_agent *agent, const rm_agent_event *event) {
  rm_agent **own = context;
  (void)event;
  events++;
  assert(*own == agent);
  assert(rm_agent_destroy(agent) == RM_AGENT_OK);
  *own = NULL;
}

static void *elsewhere(void *argument) {
  says(rm_agent_start(argument), RM_AGENT_MISUSE, "another thread");
  says(rm_agent_loop_run(), RM_AGENT_MISUSE, "another thread");
  return NULL;
}

static void *many(void *argument) {
  for (int i = 0; i < 100; i++) {
    char *json;
    assert(rm_agent_status(argument, &json) == RM_AGENT_OK);
    rm_agent_free(json);
    assert(rm_agent_retry(argument) == RM_AGENT_OK);
  }
  return NULL;
}

static bool refuse(void *context, rm_agent_stream *stream) {
  (void)context;
  (void)stream;
  return false;
}

static void misuse(void) {
  rm_agent *agent;
  says(rm_agent_create(NULL, NULL, &agent), RM_AGENT_MISUSE, "configuration is NULL");
  says(rm_agent_create("{}", NULL, NULL), RM_AGENT_MISUSE, "agent is NULL");
  says(rm_agent_create("{", NULL, &agent), RM_AGENT_CONFIGURATION, "line 1, column 2");
  says(rm_agent_create("[]", NULL, &agent), RM_AGENT_CONFIGURATION, "needed is an object");
  says(rm_agent_create("{\"reflektor\":1}", NULL, &agent), RM_AGENT_CONFIGURATION, "did you mean \"reflector\"");
  says(rm_agent_create(with(", \"password\": { \"callback\": true }"), NULL, &agent), RM_AGENT_CONFIGURATION,
       "device.password: needs the callback");
  assert(agent == NULL);
  says(rm_agent_start(NULL), RM_AGENT_MISUSE, "agent is NULL");
  says(rm_agent_loop_run(), RM_AGENT_MISUSE, "there is no agent");
  assert(rm_agent_loop_descriptor() == -1 && rm_agent_loop_timeout() == -1);
  rm_agent_options options = {0};
  says(rm_agent_create(with(""), &options, &agent), RM_AGENT_MISUSE, "RM_AGENT_OPTIONS");
  rm_agent_service service = {.port = 81};
  options = (rm_agent_options)RM_AGENT_OPTIONS;
  options.services = &service;
  options.service_count = 1;
  says(rm_agent_create(with(""), &options, &agent), RM_AGENT_MISUSE, "services[0].opened is NULL");
  rm_agent_service twice[] = {{.port = 80, .opened = refuse}, {.port = 80, .opened = refuse}};
  options.services = twice;
  options.service_count = 2;
  says(rm_agent_create(with(""), &options, &agent), RM_AGENT_MISUSE, "services[1].port is that of services[0]");
  rm_agent_stream_set(NULL, twice);
  assert(rm_agent_stream_get(NULL) == NULL && rm_agent_stream_agent(NULL) == NULL && rm_agent_stream_port(NULL) == 0);
}

static void agents(bool threaded) {
  rm_agent_options options = RM_AGENT_OPTIONS;
  options.threaded = threaded;
  options.event = count;
  rm_agent *first, *second;
  assert(rm_agent_create(with(""), &options, &first) == RM_AGENT_OK);
  assert(rm_agent_create(with(""), &options, &second) == RM_AGENT_OK);
  rm_agent_options other = options;
  other.threaded = !threaded;
  rm_agent *third;
  says(rm_agent_create(with(""), &other, &third), RM_AGENT_MISUSE, "must agree in `threaded`");
  assert(rm_agent_start(first) == RM_AGENT_OK && rm_agent_start(second) == RM_AGENT_OK);
  if (threaded) {
    says(rm_agent_loop_run(), RM_AGENT_MISUSE, "another thread");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, many, i % 2 ? first : second);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  } else {
    pthread_t thread;
    pthread_create(&thread, NULL, elsewhere, first);
    pthread_join(thread, NULL);
    for (int turn = 0; turn < 20; turn++) assert(rm_agent_loop_wait(20) == RM_AGENT_OK);
  }
  assert(rm_agent_destroy(first) == RM_AGENT_OK);
  rm_agent_state state;
  assert(rm_agent_disable(second) == RM_AGENT_OK);
  assert(rm_agent_get_state(second, &state) == RM_AGENT_OK && state == RM_AGENT_DISABLED);
  assert(rm_agent_destroy(second) == RM_AGENT_OK);
}

static void destroyed_in_callback(void) {
  rm_agent *agent;
  rm_agent_options options = RM_AGENT_OPTIONS;
  options.event = destroy_at_first;
  options.context = &agent;
  events = 0;
  assert(rm_agent_create(with(""), &options, &agent) == RM_AGENT_OK);
  rm_agent_start(agent);
  while (agent) assert(rm_agent_loop_wait(1000) == RM_AGENT_OK);
  assert(events == 1);
  says(rm_agent_loop_run(), RM_AGENT_MISUSE, "there is no agent");
}

static void *comes_and_goes(void *configuration) {
  rm_agent_options options = RM_AGENT_OPTIONS;
  options.threaded = true;
  for (int round = 0; round < 100; round++) {
    rm_agent *agent;
    assert(rm_agent_create(configuration, &options, &agent) == RM_AGENT_OK);
    assert(rm_agent_destroy(agent) == RM_AGENT_OK);
  }
  return NULL;
}

/* One thread's agent is the last while the other's is made. */
static void at_once(void) {
  pthread_t threads[2];
  with("");
  for (int i = 0; i < 2; i++) assert(pthread_create(&threads[i], NULL, comes_and_goes, text) == 0);
  for (int i = 0; i < 2; i++) assert(pthread_join(threads[i], NULL) == 0);
}

/* In a process of its own, because the engine may fail for good. Whoever is refused may try again at once. */
static void without_descriptors(int left, bool threaded) {
  pid_t child = fork();
  assert(child >= 0);
  if (child == 0) {
    struct rlimit limit = {.rlim_cur = (rlim_t)left, .rlim_max = 256};
    rm_agent_options options = RM_AGENT_OPTIONS;
    options.threaded = threaded;
    rm_agent *agent;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int attempt = 0; attempt < 20; attempt++) {
      rm_agent_result result = rm_agent_create(with(""), &options, &agent);
      if (result == RM_AGENT_FAILED) _exit(0);
      assert(result == RM_AGENT_SYSTEM || result == RM_AGENT_OK);
      if (result == RM_AGENT_OK) assert(rm_agent_destroy(agent) == RM_AGENT_OK);
    }
    limit.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert(rm_agent_create(with(""), &options, &agent) == RM_AGENT_OK);
    assert(rm_agent_destroy(agent) == RM_AGENT_OK);
    _exit(0);
  }
  int status;
  assert(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  assert(rm_agent_version()[0]);
  /* Apart: valgrind keeps descriptors of its own. */
  if (argc > 1 && strcmp(argv[1], "at once") == 0) {
    at_once();
    puts("all is well");
    return 0;
  }
  if (argc > 1 && strcmp(argv[1], "descriptors") == 0) {
    for (int left = 3; left < 8; left++) {
      without_descriptors(left, false);
      without_descriptors(left, true);
    }
    puts("all is well");
    return 0;
  }
  misuse();
  for (int round = 0; round < 3; round++) {
    agents(false);
    agents(true);
    destroyed_in_callback();
  }
  misuse();
  assert(events > 0);
  puts("all is well");
  return 0;
}
