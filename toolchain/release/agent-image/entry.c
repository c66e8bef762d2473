/*
 * The first program of the agent's container image. It writes the list of services that RM_SERVICES has into a
 * configuration, which takes everything else from environment variables itself, and becomes the agent. A configuration that
 * is mounted as /etc/rm-agent.json counts instead.
 *
 *   RM_SERVICES=80,22,5900=192.168.1.20,8443:https=unix:/run/web.sock,2222:ssh=127.0.0.1:22
 *
 * Each is PORT[:KIND][=HOST[:PORT]]; an IPv6 address is written in brackets. The agent judges ports, kinds and hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIGURATION "/run/rm-agent.json"
#define MOUNTED "/etc/rm-agent.json"

/* sysexits.h: EX_CONFIG, EX_OSERR */
static void fail(int status, const char *what, const char *text) {
  fprintf(stderr, "rm-agent: %s%s\n", what, text);
  exit(status);
}

static void write_service(FILE *file, char *service) {
  char *target = strchr(service, '=');
  if (target) *target++ = 0;
  char *kind = strchr(service, ':');
  if (kind) *kind++ = 0;
  fprintf(file, "{\"port\":%s", *service ? service : "null");
  if (kind) fprintf(file, ",\"kind\":\"%s\"", kind);
  if (target) {
    char *port = strncmp(target, "unix:", 5) ? strrchr(target, ':') : NULL;
    char *end = *target == '[' ? strchr(target, ']') : NULL;
    if (end) {
      port = end[1] == ':' ? end + 1 : NULL;
      *end = 0;
      target++;
    }
    if (port) *port++ = 0;
    fprintf(file, ",\"target\":\"%s\"", target);
    if (port) fprintf(file, ",\"targetPort\":%s", port);
  }
  fputc('}', file);
}

int main(int argc, char **argv) {
  if (access(MOUNTED, F_OK) == 0) {
    execv("/usr/bin/rm-agent", argv);
    fail(71, "cannot be started", "");
  }
  const char *services = getenv("RM_SERVICES");
  char *list = strdup(services ? services : "");
  if (list == NULL) fail(71, "no memory", "");
  /* Nothing that has a meaning in JSON. */
  if (list[strspn(list, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:,=_-/[]%")])
    fail(78, "RM_SERVICES: a character that no port, kind or host has in ", list);
  setenv("RM_PASSWORD", "", 0);

  FILE *file = fopen(CONFIGURATION, "w");
  if (file == NULL) fail(71, CONFIGURATION " cannot be written: mount a file system there", "");
  fprintf(file,
          "{\"reflector\":\"${env.RM_REFLECTOR}\",\"device\":{\"id\":\"%s\",\"domain\":\"${env.RM_DOMAIN}\","
          "\"password\":{\"env\":\"RM_PASSWORD\"}},\"proxy\":\"env\",\"control\":\"/run/rm-agent.sock\","
          "\"stateFile\":\"/var/lib/rm-agent/state\",\"services\":[",
          getenv("RM_DEVICE_ID") ? "${env.RM_DEVICE_ID}" : "${hostname}");
  int first = 1;
  for (char *service = strtok(list, ","); service; service = strtok(NULL, ",")) {
    if (!first) fputc(',', file);
    first = 0;
    write_service(file, service);
  }
  fputs("]}\n", file);
  if (fclose(file)) fail(71, CONFIGURATION " cannot be written", "");

  /* Of a repeated option, the last counts: one of your own. */
  char *arguments[64] = {argv[0], "--config", CONFIGURATION};
  for (int i = 1; i < argc && i < 60; i++) arguments[i + 2] = argv[i];
  execv("/usr/bin/rm-agent", arguments);
  fail(71, "cannot be started", "");
}
