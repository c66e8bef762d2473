#include "file.h"
#include "bytes.h"
#include "error.h"
#include "memory.h"
#include "object.h"
#include "read_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

/* The rename itself must reach the flash too; a file system that cannot say so is no error. */
static void sync_directory(const char *path) {
  const char *slash = strrchr(path, '/');
  char *directory = rm_alloc(strlen(path) + 2);
  if (slash == NULL) strcpy(directory, ".");
  else sprintf(directory, "%.*s", (int)(slash - path + (slash == path)), path);
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  rm_free(directory);
  if (fd < 0) return;
  (void)!fsync(fd);
  close(fd);
}

static int write_atomically(const char *path, const uint8_t *data, size_t length) {
  char *temporary = rm_alloc(strlen(path) + 5);
  /* No other file of the agent's: an ID, which ends the name of a state file, has no plus sign there. */
  sprintf(temporary, "%s+new", path);
  /* Made anew: what a power cut or somebody else has left there has a mode of its own, or leads elsewhere. */
  unlink(temporary);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int error = fd < 0 ? errno : 0;
  if (fd >= 0) {
    error = write_all(fd, data, length);
    if (!error && fsync(fd)) error = errno;
    if (close(fd) && !error) error = errno;
    if (!error && rename(temporary, path)) error = errno;
    if (error) unlink(temporary);
    else sync_directory(path);
  }
  rm_free(temporary);
  return error;
}

static JSValue files_read(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int64_t limit;
  if (JS_ToInt64(context, &limit, argv[1])) return JS_EXCEPTION;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  uint8_t *data;
  size_t length;
  int error = rm_read_file(path, limit > 0 ? (size_t)limit : 0, &data, &length);
  JSValue result;
  if (error == EFBIG) {
    char message[64];
    snprintf(message, sizeof message, "larger than %lld bytes", (long long)limit);
    result = rm_throw_text("too-large", message);
  } else if (error) {
    result = rm_throw(error);
  } else {
    result = rm_bytes_copy(data, length);
    rm_free(data);
  }
  JS_FreeCString(context, path);
  return result;
}

static JSValue files_write(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  uint8_t *data;
  size_t length;
  if (!rm_bytes_range(1, argv + 1, &data, &length)) return JS_EXCEPTION;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  int error = write_atomically(path, data, length);
  JSValue result = error ? rm_throw(error) : JS_UNDEFINED;
  JS_FreeCString(context, path);
  return result;
}

static int append(const char *path, const uint8_t *data, size_t length, off_t *size) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  struct stat before = {0}, after;
  int error = fstat(fd, &before) ? errno : write_all(fd, data, length);
  /* A disk that is full may have taken a part. */
  if (error && S_ISREG(before.st_mode) && ftruncate(fd, before.st_size)) error = errno;
  if (!error && fstat(fd, &after)) error = errno;
  if (close(fd) && !error) error = errno;
  if (!error) *size = after.st_size;
  return error;
}

static JSValue files_append(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  uint8_t *data;
  size_t length;
  off_t size = 0;
  if (!rm_bytes_range(1, argv + 1, &data, &length)) return JS_EXCEPTION;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  int error = append(path, data, length, &size);
  JSValue result = error ? rm_throw(error) : JS_NewInt64(context, size);
  JS_FreeCString(context, path);
  return result;
}

static JSValue files_rename(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *from = JS_ToCString(context, argv[0]);
  if (from == NULL) return JS_EXCEPTION;
  const char *to = JS_ToCString(context, argv[1]);
  JSValue result = JS_EXCEPTION;
  if (to) result = rename(from, to) ? rm_throw(errno) : JS_UNDEFINED;
  JS_FreeCString(context, from);
  if (to) JS_FreeCString(context, to);
  return result;
}

static JSValue files_remove(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  JSValue result = unlink(path) && errno != ENOENT ? rm_throw(errno) : JS_UNDEFINED;
  JS_FreeCString(context, path);
  return result;
}

/* list(path): names in no order */
static JSValue files_list(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  DIR *directory = opendir(path);
  JSValue result = directory ? JS_NewArray(context) : rm_throw(errno);
  JS_FreeCString(context, path);
  if (directory == NULL) return result;
  uint32_t count = 0;
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    JS_DefinePropertyValueUint32(context, result, count++, rm_string(entry->d_name), JS_PROP_C_W_E);
  }
  closedir(directory);
  return result;
}

static JSValue files_stat(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  struct stat state;
  JSValue result;
  if (stat(path, &state) == 0) {
    const char *kind = S_ISREG(state.st_mode) ? "file" : S_ISDIR(state.st_mode) ? "directory" : "other";
    result = JS_NewObject(context);
    rm_set(result, "kind", rm_string(kind));
    rm_set(result, "size", JS_NewInt64(context, state.st_size));
    rm_set(result, "mode", JS_NewInt32(context, state.st_mode & 07777));
    char id[48];
    snprintf(id, sizeof id, "%llu:%llu", (unsigned long long)state.st_dev, (unsigned long long)state.st_ino);
    rm_set(result, "id", rm_string(id));
    rm_set(result, "writable", JS_NewBool(context, access(path, W_OK) == 0));
  } else {
    result = errno == ENOENT || errno == ENOTDIR ? JS_NULL : rm_throw(errno);
  }
  JS_FreeCString(context, path);
  return result;
}

/* As many as Linux follows. */
enum { LINKS = 40 };

/* Follows the links in `path` as if `root` was "/". What is missing stays as it is. */
static int path_in(const char *root, const char *path, char place[PATH_MAX]) {
  char rest[PATH_MAX], link[PATH_MAX];
  const size_t top = strlen(root);
  size_t end = top;
  if (top >= PATH_MAX || strlen(path) >= PATH_MAX) return ENAMETOOLONG;
  strcpy(place, root);
  strcpy(rest, path);
  for (int links = 0; *rest;) {
    const size_t length = strcspn(rest, "/");
    const char *next = rest + length + (rest[length] == '/');
    const size_t before = end;
    if (length == 2 && memcmp(rest, "..", 2) == 0) {
      while (end > top && place[--end] != '/') continue;
      place[end] = 0;
    } else if (length > 1 || (length == 1 && *rest != '.')) {
      if (end + length + 2 > PATH_MAX) return ENAMETOOLONG;
      end += (size_t)sprintf(place + end, "/%.*s", (int)length, rest);
    }
    const ssize_t linked = end > before ? readlink(place, link, sizeof link) : -1;
    if (linked < 0) {
      memmove(rest, next, strlen(next) + 1);
      continue;
    }
    if (++links > LINKS) return ELOOP;
    const size_t more = strlen(next) + 1;
    if ((size_t)linked + 1 + more > sizeof rest) return ENAMETOOLONG;
    memmove(rest + linked + 1, next, more);
    memcpy(rest, link, (size_t)linked);
    rest[linked] = '/';
    end = *rest == '/' ? top : before;
    place[end] = 0;
  }
  return 0;
}

static JSValue files_path_in(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *root = JS_ToCString(context, argv[0]);
  if (root == NULL) return JS_EXCEPTION;
  const char *path = JS_ToCString(context, argv[1]);
  char place[PATH_MAX];
  struct stat state;
  JSValue result = JS_EXCEPTION;
  if (path) {
    int error = path_in(root, path, place);
    if (error) result = rm_throw(error);
    else if (stat(place, &state) == 0 && !S_ISREG(state.st_mode) && !S_ISDIR(state.st_mode))
      result = rm_throw_text("other", "is neither a file nor a directory");
    else result = rm_string(place);
  }
  JS_FreeCString(context, root);
  if (path) JS_FreeCString(context, path);
  return result;
}

static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("read", 2, files_read),
  JS_CFUNC_DEF("writeAtomically", 2, files_write),
  JS_CFUNC_DEF("append", 2, files_append),
  JS_CFUNC_DEF("rename", 2, files_rename),
  JS_CFUNC_DEF("remove", 1, files_remove),
  JS_CFUNC_DEF("list", 1, files_list),
  JS_CFUNC_DEF("stat", 1, files_stat),
  JS_CFUNC_DEF("pathIn", 2, files_path_in),
};

void rm_file_init(JSValueConst native) {
  rm_functions(rm_namespace(native, "files"), entries, sizeof entries / sizeof *entries);
}
