/* What the script calls: the callbacks of the program (callbacks.ts, Callbacks). */
#ifndef RM_BRIDGE_H
#define RM_BRIDGE_H

#include "engine.h"
#include "list.h"
#include "rm_agent.h"

struct rm_agent {
  rm_link link;
  uint32_t number;
  rm_agent_options options;
  rm_agent_service *services; /* a copy */
  rm_link streams;
};

typedef struct rm_piece rm_piece;

struct rm_agent_stream {
  rm_link link; /* of its agent */
  uint32_t number;
  rm_agent *agent;
  const rm_agent_service *service;
  void *pointer;
  rm_piece *first, *last; /* bytes that the program has not read */
  bool ended;             /* nothing comes after them */
  bool told_end;
};

extern rm_link rm_agents;

/* Takes up to `size` bytes out of the stream. */
size_t rm_stream_take(rm_agent_stream *stream, void *data, size_t size);
/* Frees a stream, whose number means nothing any more. */
void rm_stream_free(rm_agent_stream *stream);
/* Adds `callbacks` to the object that the script sees. */
void rm_bridge_init(JSValueConst native);

#endif
