/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intrusive doubly linked list with a head that is itself a node. Not thread-safe. */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stdbool.h>

#include "capture/core/compiler.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert(struct list *prev, struct list *elm)
{
	elm->prev = prev;
	elm->next = prev->next;
	prev->next->prev = elm;
	prev->next = elm;
}

static inline void list_append(struct list *head, struct list *elm)
{
	list_insert(head->prev, elm);
}

/* Unlinks and leaves `elm` empty, so that a second removal does no harm. */
static inline void list_remove(struct list *elm)
{
	elm->prev->next = elm->next;
	elm->next->prev = elm->prev;
	list_init(elm);
}

/* The first node, unlinked; NULL when the list is empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each(pos, head, member)                                                       \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

#define list_for_each_safe(pos, tmp, head, member)                        \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),    \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head);                                      \
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif
