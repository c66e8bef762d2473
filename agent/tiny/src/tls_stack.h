/* The TLS layers over one descriptor: none, one, or one through another (an https reflector through an https proxy). */
#ifndef RM_TLS_STACK_H
#define RM_TLS_STACK_H

#include "loop.h"
#include "tls.h"

typedef struct rm_tls_layer rm_tls_layer;

typedef enum {
  RM_STACK_STEADY,      /* the top carries what is sent and received, the descriptor itself when there is none */
  RM_STACK_DRAINING,    /* a layer waits until what was sent before it is out */
  RM_STACK_HANDSHAKING  /* the top does */
} rm_stack_phase;

typedef struct rm_tls_stack {
#ifdef RM_TLS
  rm_stack_phase phase;
  rm_tls_layer *top;      /* NULL: no TLS */
  rm_tls_layer *next;     /* in DRAINING: becomes `top` when so many bytes are out */
  size_t before_next;
  rm_tls_layer *failed;   /* the layer whose error it is, when not the top */
  const rm_watch *watch;  /* of the descriptor */
  uint8_t *read_ahead;    /* ciphertext that was received and not yet wanted */
  size_t read_ahead_start, read_ahead_end;
  int receives_left;
#endif
} rm_tls_stack;

#ifdef RM_TLS

/* Puts a client on top, whose handshake begins when `before` bytes have been sent. False with *error set to a HostError. */
bool rm_tls_stack_push(rm_tls_stack *stack, const rm_watch *watch, JSValueConst options, size_t before, JSValue *error);
/* `count` bytes were sent. */
void rm_tls_stack_sent(rm_tls_stack *stack, size_t count);
rm_tls_status rm_tls_stack_handshake(rm_tls_stack *stack);
/* Around reads and handshakes. The first allows a few receives, so that one busy socket does not hold up the others. The
 * second keeps what was read ahead if `keep`, and returns whether there is any, because it has no event of its own. */
void rm_tls_stack_begin_reading(rm_tls_stack *stack);
bool rm_tls_stack_end_reading(rm_tls_stack *stack, bool keep);
/* These act on the top, as rm_tls_read() and rm_tls_write() do. */
rm_tls_status rm_tls_stack_read(rm_tls_stack *stack, uint8_t *data, size_t capacity, size_t *length);
rm_tls_status rm_tls_stack_write(rm_tls_stack *stack, const struct iovec *pieces, int count, size_t *taken);
/* A layer counts as sent what the one below has taken, which may still have it in its own buffer: sends that, below the
 * top or in all. DONE when there is none left. */
rm_tls_status rm_tls_stack_flush_below(rm_tls_stack *stack);
rm_tls_status rm_tls_stack_flush(rm_tls_stack *stack);
/* Sends close_notify in each layer, from the top. False: to be called again when the descriptor takes bytes. */
bool rm_tls_stack_end(rm_tls_stack *stack);
/* The HostError after RM_TLS_FAILED. */
JSValue rm_tls_stack_error(rm_tls_stack *stack);
/* The TlsSession of the top. */
JSValue rm_tls_stack_session(rm_tls_stack *stack);
void rm_tls_stack_free(rm_tls_stack *stack);
void rm_tls_stack_init(void);

static inline bool rm_tls_stack_secured(const rm_tls_stack *stack) { return stack->top != NULL; }
static inline bool rm_tls_stack_draining(const rm_tls_stack *stack) { return stack->phase == RM_STACK_DRAINING; }
static inline bool rm_tls_stack_handshaking(const rm_tls_stack *stack) { return stack->phase == RM_STACK_HANDSHAKING; }

#else

static inline bool rm_tls_stack_draining(const rm_tls_stack *stack) { return (void)stack, false; }
static inline bool rm_tls_stack_handshaking(const rm_tls_stack *stack) { return (void)stack, false; }
static inline bool rm_tls_stack_end(rm_tls_stack *stack) { return (void)stack, true; }
static inline void rm_tls_stack_free(rm_tls_stack *stack) { (void)stack; }
static inline void rm_tls_stack_init(void) {}

#endif

/* No layer is about to come into use. */
static inline bool rm_tls_stack_steady(const rm_tls_stack *stack) {
  return !rm_tls_stack_draining(stack) && !rm_tls_stack_handshaking(stack);
}

#endif
