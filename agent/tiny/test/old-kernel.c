/* old-kernel COMMAND…: runs it as on Linux 3.10, whose newest system call was finit_module; any later one is unknown.
 * old-kernel --no-entropy COMMAND…: as on Linux 3.17 to 5.5 before there is entropy for getrandom. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_finit_module, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (argc > 1 && strcmp(argv[1], "--no-entropy") == 0) {
    filter[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 1, 0);
    filter[3].k = SECCOMP_RET_ERRNO | EAGAIN;
    argv++, argc--;
  }
  if (argc > 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
    execvp(argv[1], argv + 1);
  perror("old-kernel");
  return 125;
}
