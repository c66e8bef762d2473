/* The phases of a connection, and what leads from one to the next. */
#ifndef RM_SOCKET_PHASE_H
#define RM_SOCKET_PHASE_H

#include <stdbool.h>

typedef enum {
  RM_PHASE_NEW,
  RM_PHASE_CONNECTING,
  RM_PHASE_CONNECTED,   /* the script is about to be told */
  RM_PHASE_OPEN,        /* in both directions */
  RM_PHASE_READ_ENDED,  /* the peer's FIN was received */
  RM_PHASE_WRITE_ENDED, /* our FIN was sent */
  RM_PHASE_BOTH_ENDED,
  RM_PHASE_ABORTED,     /* failed in CONNECTED: the script is about to be told both */
  RM_PHASE_CLOSING,     /* the descriptor is closed, and the script is about to be told */
  RM_PHASE_CLOSED,      /* nothing is left but the struct */
  RM_PHASES
} rm_phase;

typedef enum {
  RM_EVENT_CONNECT,      /* connect() is in progress */
  RM_EVENT_CONNECTED,
  RM_EVENT_ACCEPTED,
  RM_EVENT_ANNOUNCED,    /* the script has been told that it is connected */
  RM_EVENT_FIN_RECEIVED,
  RM_EVENT_FIN_SENT,
  RM_EVENT_FINISHED,     /* it failed, or both directions have ended */
  RM_EVENT_RELEASED,     /* the script has been told, or has destroyed it */
  RM_EVENTS
} rm_phase_event;

/* The phase after an event. One that the phase does not allow ends the process: a defect. */
rm_phase rm_phase_after(rm_phase phase, rm_phase_event event);

/* Neither failed, nor ended, nor destroyed. */
static inline bool rm_phase_live(rm_phase phase) { return phase < RM_PHASE_ABORTED; }
static inline bool rm_phase_connected(rm_phase phase) {
  return phase >= RM_PHASE_CONNECTED && phase <= RM_PHASE_BOTH_ENDED;
}
static inline bool rm_phase_readable(rm_phase phase) {
  return phase == RM_PHASE_CONNECTED || phase == RM_PHASE_OPEN || phase == RM_PHASE_WRITE_ENDED;
}
static inline bool rm_phase_writable(rm_phase phase) {
  return phase >= RM_PHASE_CONNECTED && phase <= RM_PHASE_READ_ENDED;
}

#endif
