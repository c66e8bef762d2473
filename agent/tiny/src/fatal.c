#include "fatal.h"
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void rm_fatal(int status, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text - 1, format, arguments);
  va_end(arguments);
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '\n') length--;
  text[length] = 0;
  rm_system_log(3, text);
  text[length] = '\n';
  rm_print(2, "rm-agent: ", 10);
  rm_print(2, text, length + 1);
  _exit(status);
}
