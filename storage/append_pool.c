/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The buffers in which small records become chunks: made once, registered, used again and again. */
#include "storage/append.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u << 20)

/* A buffer for small records when all others wait for the disk. */
#define RESERVE_BYTES (64u << 10)

int append_pool_create(struct store *s, struct errmsg *em)
{
	size_t n = s->memory_bytes / s->gather_bytes;

	s->pool_bytes = n * s->gather_bytes;
	s->pool_index = -1;
	s->pool_gathers = calloc(n, sizeof(*s->pool_gathers));
	s->pool_map_bytes = s->pool_bytes + HUGE_PAGE;
	void *p = mmap(NULL, s->pool_map_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || !s->pool_gathers)
		return errmsg_set(em, -ENOMEM, "no memory for %zu MiB of gather buffers",
				  s->pool_bytes >> 20);
	s->pool_map = p;
	/* Huge pages make a write one request of few pieces, and not one of hundreds; where there
	 * are none, it only costs more. */
	p = (void *)ALIGN_UP((uintptr_t)p, (uintptr_t)HUGE_PAGE);
	(void)madvise(p, s->pool_bytes, MADV_HUGEPAGE);
	s->pool = p;
	/* Without registration writes only cost more; a memlock limit is no reason not to record.
	 */
	if (s->reactor && reactor_buffer_register(s->reactor, p, s->pool_bytes, &s->pool_index))
		s->pool_index = -1;
	for (size_t i = n; i-- > 0;) {
		struct gather *g = &s->pool_gathers[i];

		g->buf = s->pool + i * s->gather_bytes;
		g->size = s->gather_bytes;
		g->pooled = true;
		list_insert(&s->gathers_free, &g->link);
	}
	return 0;
}

void append_pool_destroy(struct store *s)
{
	if (s->pool_gathers)
		for (size_t i = 0; i < s->pool_bytes / s->gather_bytes; i++)
			free(s->pool_gathers[i].heads);
	free(s->pool_gathers);
	if (s->pool_map) {
		if (s->reactor)
			reactor_buffer_unregister(s->reactor, s->pool_index);
		munmap(s->pool_map, s->pool_map_bytes);
	}
	s->pool_map = NULL;
	s->pool = NULL;
	s->pool_gathers = NULL;
}

void append_gather_put(struct store *s, struct gather *g)
{
	g->used = g->heads_used = 0;
	g->records = 0;
	if (g->pooled) {
		/* In front: the same few buffers are used while the disk keeps up. */
		list_insert(&s->gathers_free, &g->link);
		return;
	}
	free(g->buf);
	free(g->heads);
	free(g);
}

static struct gather *gather_make(size_t bytes)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->buf = volume_alloc(bytes);
	g->size = bytes;
	list_init(&g->link);
	if (!g->buf) {
		free(g);
		return NULL;
	}
	return g;
}

int append_pool_take(struct store *s, size_t bytes, bool must)
{
	struct list *l = bytes <= s->gather_bytes ? list_pop(&s->gathers_free) : NULL;

	if (l) {
		s->gather = list_entry(l, struct gather, link);
		return 0;
	}
	if (!must && (bytes <= s->gather_bytes || s->waiting + bytes > s->memory_bytes))
		return -ENOBUFS;
	size_t least = s->gather_bytes < RESERVE_BYTES ? s->gather_bytes : RESERVE_BYTES;

	s->gather = gather_make(bytes > least ? bytes : least);
	if (!s->gather)
		return -ENOMEM;
	s->gather->reserve = must;
	return 0;
}

int append_pool_heads(struct gather *g, size_t more)
{
	size_t size = g->heads_size ? g->heads_size : 4096;

	while (size - g->heads_used < more)
		size *= 2;
	if (size == g->heads_size)
		return 0;
	uint8_t *p = realloc(g->heads, size);

	if (!p)
		return -ENOMEM;
	g->heads = p;
	g->heads_size = size;
	return 0;
}
