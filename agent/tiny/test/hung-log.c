/* hung-log COMMAND…: runs it with a system log that takes in nothing until SIGUSR1, which the command gets too. What the log has got
 * by then, and at the end, is printed: `["line",TEXT]`. Needs a mount namespace of its own. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void take_in(int log) {
  char line[2048];
  for (ssize_t size; (size = recv(log, line, sizeof line - 1, MSG_DONTWAIT)) > 0;) {
    line[size] = 0;
    line[strcspn(line, "\n")] = 0;
    printf("[\"line\",\"%s\"]\n", line);
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), signal, status;
  if (argc < 2 || mount("none", "/dev", "tmpfs", 0, NULL) || bind(log, (struct sockaddr *)&address, sizeof address)) {
    perror("hung-log");
    return 125;
  }
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, &before);
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    execvp(argv[1], argv + 1);
    _exit(125);
  }
  while (sigwait(&signals, &signal) == 0 && signal == SIGUSR1) {
    take_in(log);
    kill(child, SIGUSR1);
  }
  waitpid(child, &status, 0);
  take_in(log);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
