#include "socket_phase.h"
#include "fatal.h"

#include <stdint.h>

/* A transition that is missing here is NEW, where nothing leads to. */
static const uint8_t transitions[RM_PHASES][RM_EVENTS] = {
  [RM_PHASE_NEW] =
    {
      [RM_EVENT_CONNECT] = RM_PHASE_CONNECTING,
      [RM_EVENT_CONNECTED] = RM_PHASE_CONNECTED,
      [RM_EVENT_ACCEPTED] = RM_PHASE_OPEN,
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
    },
  [RM_PHASE_CONNECTING] =
    {
      [RM_EVENT_CONNECTED] = RM_PHASE_CONNECTED,
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_CONNECTED] =
    {
      [RM_EVENT_ANNOUNCED] = RM_PHASE_OPEN,
      [RM_EVENT_FINISHED] = RM_PHASE_ABORTED,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_OPEN] =
    {
      [RM_EVENT_FIN_RECEIVED] = RM_PHASE_READ_ENDED,
      [RM_EVENT_FIN_SENT] = RM_PHASE_WRITE_ENDED,
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_READ_ENDED] =
    {
      [RM_EVENT_FIN_SENT] = RM_PHASE_BOTH_ENDED,
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_WRITE_ENDED] =
    {
      [RM_EVENT_FIN_RECEIVED] = RM_PHASE_BOTH_ENDED,
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_BOTH_ENDED] =
    {
      [RM_EVENT_FINISHED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_ABORTED] =
    {
      [RM_EVENT_ANNOUNCED] = RM_PHASE_CLOSING,
      [RM_EVENT_RELEASED] = RM_PHASE_CLOSED,
    },
  [RM_PHASE_CLOSING] = {[RM_EVENT_RELEASED] = RM_PHASE_CLOSED},
};

rm_phase rm_phase_after(rm_phase phase, rm_phase_event event) {
  uint8_t next = transitions[phase][event];
  if (next == RM_PHASE_NEW) rm_fatal(RM_EXIT_SOFTWARE, "defect: event %d of a socket in phase %d", event, phase);
  return (rm_phase)next;
}
