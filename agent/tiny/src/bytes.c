#include "bytes.h"
#include "runtime.h"

uint8_t *rm_bytes(JSValueConst value, size_t *length) {
  size_t offset, size;
  JSValue buffer = JS_GetTypedArrayBuffer(rm_context, value, &offset, length, NULL);
  if (JS_IsException(buffer)) return NULL;
  uint8_t *data = JS_GetArrayBuffer(rm_context, &size, buffer);
  JS_FreeValue(rm_context, buffer);
  return data ? data + offset : NULL;
}

static bool index_argument(JSValueConst value, size_t otherwise, size_t bound, size_t *index) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) {
    int number = JS_VALUE_GET_INT(value);
    *index = number < 0 ? 0 : (size_t)number;
  } else if (JS_IsUndefined(value)) {
    *index = otherwise;
  } else {
    double number;
    if (JS_ToFloat64(rm_context, &number, value)) return false;
    *index = number > 0 ? number < (double)bound ? (size_t)number : bound : 0;
  }
  if (*index > bound) *index = bound;
  return true;
}

bool rm_bytes_range(int argc, JSValueConst *argv, uint8_t **data, size_t *length) {
  size_t size, start = 0, end;
  uint8_t *bytes = rm_bytes(argc > 0 ? argv[0] : JS_UNDEFINED, &size);
  if (bytes == NULL) return false;
  end = size;
  if (argc > 1 && !index_argument(argv[1], 0, size, &start)) return false;
  if (argc > 2 && !index_argument(argv[2], size, size, &end)) return false;
  *data = bytes + start;
  *length = end > start ? end - start : 0;
  return true;
}

static JSValue view(JSValue buffer) {
  if (JS_IsException(buffer)) return buffer;
  JSValueConst arguments[] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
  JSValue array = JS_NewTypedArray(rm_context, 3, arguments, JS_TYPED_ARRAY_UINT8);
  JS_FreeValue(rm_context, buffer);
  return array;
}

JSValue rm_bytes_copy(const void *data, size_t length) {
  return view(JS_NewArrayBufferCopy(rm_context, data, length));
}

JSValue rm_bytes_over(void *data, size_t length) {
  return view(rm_new_array_buffer(rm_context, data, length));
}
