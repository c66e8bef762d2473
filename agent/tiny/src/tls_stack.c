#include "tls_stack.h"
#include "descriptor.h"
#include "memory.h"
#include "trim.h"

#include <errno.h>
#include <string.h>

enum {
  CIPHERTEXT = 32768, /* received at once */
  RECEIVES = 4        /* in one turn */
};

struct rm_tls_layer {
  rm_tls *tls;
  rm_tls_layer *below; /* NULL: the descriptor */
  rm_tls_stack *stack;
};

/* Shared by all stacks. Empty between rm_tls_stack_end_reading() and the next rm_tls_stack_begin_reading(). */
static RM_PAGE_ALIGNED uint8_t ciphertext[CIPHERTEXT];
static size_t ciphertext_start, ciphertext_end;

void rm_tls_stack_init(void) { rm_trim_scratch(ciphertext, sizeof ciphertext); }

/* --- what layers stand on */

static ssize_t send_below(void *context, const uint8_t *data, size_t length, bool more) {
  rm_tls_layer *above = context;
  struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
  if (above->below == NULL) return rm_descriptor_send(above->stack->watch->fd, &piece, 1, more);
  size_t taken;
  rm_tls_status status = rm_tls_write(above->below->tls, &piece, 1, &taken);
  if (taken > 0) return (ssize_t)taken;
  return status == RM_TLS_FAILED ? -EPIPE : -EAGAIN;
}

static ssize_t receive_ciphertext(rm_tls_stack *stack, uint8_t *data, size_t length) {
  uint8_t *from;
  size_t *start, end;
  if (stack->read_ahead) {
    from = stack->read_ahead;
    start = &stack->read_ahead_start;
    end = stack->read_ahead_end;
  } else {
    if (ciphertext_start == ciphertext_end) {
      if (stack->receives_left-- <= 0) return -EAGAIN;
      ssize_t got = rm_descriptor_receive(stack->watch->fd, ciphertext, CIPHERTEXT);
      if (got <= 0) return got;
      ciphertext_start = 0;
      ciphertext_end = (size_t)got;
    }
    from = ciphertext;
    start = &ciphertext_start;
    end = ciphertext_end;
  }
  size_t part = end - *start < length ? end - *start : length;
  memcpy(data, from + *start, part);
  *start += part;
  if (stack->read_ahead && stack->read_ahead_start == stack->read_ahead_end) {
    rm_free(stack->read_ahead);
    stack->read_ahead = NULL;
  }
  return (ssize_t)part;
}

static ssize_t receive_below(void *context, uint8_t *data, size_t length) {
  rm_tls_layer *above = context;
  if (above->below == NULL) return receive_ciphertext(above->stack, data, length);
  size_t got;
  switch (rm_tls_read(above->below->tls, data, length, &got)) {
  case RM_TLS_DONE:
    return (ssize_t)got;
  case RM_TLS_EOF:
    return 0;
  case RM_TLS_FAILED:
    return -ECONNRESET;
  default:
    return -EAGAIN;
  }
}

/* --- layers that come and go */

static void begin_handshake(rm_tls_stack *stack, rm_tls_layer *layer) {
  stack->top = layer;
  stack->next = NULL;
  stack->phase = RM_STACK_HANDSHAKING;
}

bool rm_tls_stack_push(rm_tls_stack *stack, const rm_watch *watch, JSValueConst options, size_t before, JSValue *error) {
  rm_tls_layer *layer = rm_alloc(sizeof *layer);
  *layer = (rm_tls_layer){NULL, stack->top, stack};
  stack->watch = watch;
  layer->tls = rm_tls_new(options, &(rm_transport){layer, send_below, receive_below}, error);
  if (layer->tls == NULL) {
    rm_free(layer);
    return false;
  }
  stack->next = layer;
  stack->before_next = before;
  stack->phase = RM_STACK_DRAINING;
  if (before == 0) begin_handshake(stack, layer);
  return true;
}

void rm_tls_stack_sent(rm_tls_stack *stack, size_t count) {
  stack->before_next -= count;
  if (stack->before_next == 0) begin_handshake(stack, stack->next);
}

void rm_tls_stack_free(rm_tls_stack *stack) {
  rm_tls_layer *layer = stack->next ? stack->next : stack->top;
  while (layer) {
    rm_tls_layer *below = layer->below;
    rm_tls_free(layer->tls);
    rm_free(layer);
    layer = below;
  }
  stack->top = stack->next = NULL;
  rm_free(stack->read_ahead);
  stack->read_ahead = NULL;
}

/* --- bytes */

rm_tls_status rm_tls_stack_handshake(rm_tls_stack *stack) {
  rm_tls_status status = rm_tls_handshake(stack->top->tls);
  if (status == RM_TLS_DONE) stack->phase = RM_STACK_STEADY;
  return status;
}

void rm_tls_stack_begin_reading(rm_tls_stack *stack) { stack->receives_left = RECEIVES; }

bool rm_tls_stack_end_reading(rm_tls_stack *stack, bool keep) {
  size_t left = ciphertext_end - ciphertext_start;
  if (left > 0 && keep) {
    stack->read_ahead = rm_alloc(left);
    memcpy(stack->read_ahead, ciphertext + ciphertext_start, left);
    stack->read_ahead_start = 0;
    stack->read_ahead_end = left;
  }
  ciphertext_start = ciphertext_end = 0;
  return stack->read_ahead != NULL;
}

rm_tls_status rm_tls_stack_read(rm_tls_stack *stack, uint8_t *data, size_t capacity, size_t *length) {
  return rm_tls_read(stack->top->tls, data, capacity, length);
}

rm_tls_status rm_tls_stack_write(rm_tls_stack *stack, const struct iovec *pieces, int count, size_t *taken) {
  return rm_tls_write(stack->top->tls, pieces, count, taken);
}

static rm_tls_status flush_from(rm_tls_stack *stack, rm_tls_layer *layer) {
  for (; layer; layer = layer->below) {
    rm_tls_status status = rm_tls_flush(layer->tls);
    if (status == RM_TLS_DONE) continue;
    if (status == RM_TLS_FAILED) stack->failed = layer;
    return status;
  }
  return RM_TLS_DONE;
}

rm_tls_status rm_tls_stack_flush_below(rm_tls_stack *stack) { return flush_from(stack, stack->top->below); }

rm_tls_status rm_tls_stack_flush(rm_tls_stack *stack) { return flush_from(stack, stack->top); }

bool rm_tls_stack_end(rm_tls_stack *stack) {
  for (rm_tls_layer *layer = stack->top; layer; layer = layer->below)
    if (rm_tls_end(layer->tls) == RM_TLS_WANT_WRITE) return false;
  return true;
}

JSValue rm_tls_stack_error(rm_tls_stack *stack) {
  return rm_tls_error((stack->failed ? stack->failed : stack->top)->tls);
}

JSValue rm_tls_stack_session(rm_tls_stack *stack) { return rm_tls_session(stack->top->tls); }
