/* Doubly linked lists whose links are members of what they link. */
#ifndef RM_LIST_H
#define RM_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rm_link {
  struct rm_link *next, *previous;
} rm_link;

static inline void rm_link_init(rm_link *link) { link->next = link->previous = link; }
static inline bool rm_link_empty(const rm_link *link) { return link->next == link; }
static inline void rm_link_append(rm_link *list, rm_link *link) {
  link->previous = list->previous;
  link->next = list;
  list->previous->next = link;
  list->previous = link;
}
static inline void rm_link_remove(rm_link *link) {
  link->previous->next = link->next;
  link->next->previous = link->previous;
  rm_link_init(link);
}
#define rm_container(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
