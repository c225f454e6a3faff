/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_media.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/list.h"
#include "capture/source.h"

/* What tells one clip from another, and the same file from what it was before. */
struct identity {
	char path[SOURCE_URI_MAX];
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct clip_media {
	struct list link;
	unsigned refs; /* protected by medias_lock */
	struct identity id;
	pthread_mutex_t lock; /* protects: loaded, and all below while it is being loaded */
	bool loaded;
	struct clip_info info;
	bool whole; /* all packets are here */
	size_t n, room;
	struct clip_packet *packet; /* each with memory of its own */
};

/* protects: medias, and each media's refs */
static pthread_mutex_t medias_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list medias = {&medias, &medias};

static void drop_packets(struct clip_media *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((void *)m->packet[i].data);
	free(m->packet);
	m->packet = NULL;
	m->n = m->room = 0;
}

static int keep(struct clip_media *m, const struct clip_packet *p)
{
	uint8_t *copy;

	if (m->n == m->room) {
		size_t room = m->room ? 2 * m->room : 64;
		struct clip_packet *more = realloc(m->packet, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->packet = more;
		m->room = room;
	}
	copy = malloc(p->len ? p->len : 1);
	if (!copy)
		return -ENOMEM;
	if (p->len)
		memcpy(copy, p->data, p->len);
	m->packet[m->n] = *p;
	m->packet[m->n++].data = copy;
	return 0;
}

/* Reads all packets, or as many as may be kept. */
static int load_packets(struct clip_media *m, struct clip_reader *r, struct errmsg *em)
{
	size_t total = 0, max = 0;
	struct clip_packet p;
	int got;

	while ((got = clip_reader_next(r, &p)) > 0) {
		total += p.len + sizeof(p);
		if (total > CLIP_PRELOAD_MAX)
			break;
		max = p.len > max ? p.len : max;
		if (keep(m, &p)) {
			got = -ENOMEM;
			break;
		}
	}
	if (got < 0)
		return errmsg_set(em, got, "%s: %s", m->id.path, strerror(-got));
	m->whole = !got;
	if (!m->whole) {
		drop_packets(m);
		return 0;
	}
	if (!m->n || !max)
		return errmsg_set(em, -EINVAL, "%s: no picture in it can be read", m->id.path);
	/* A raw picture's size is its format's, also when the clip's are all broken. */
	if (m->info.pf->codec != PIXFMT_RAW)
		m->info.packet_max = max;
	return 0;
}

static int load(struct clip_media *m, struct errmsg *em)
{
	struct clip_reader *r;
	int err = clip_reader_open(&r, m->id.path, &m->info, em);

	if (err)
		return err;
	err = load_packets(m, r, em);
	if (err)
		drop_packets(m);
	clip_reader_close(r);
	return err;
}

static bool same(const struct identity *a, const struct identity *b)
{
	return !strcmp(a->path, b->path) && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static struct clip_media *find(const struct identity *id)
{
	struct clip_media *m;

	pthread_mutex_lock(&medias_lock);
	list_for_each (m, &medias, link) {
		if (same(&m->id, id)) {
			m->refs++;
			goto out;
		}
	}
	m = calloc(1, sizeof(*m));
	if (m) {
		m->refs = 1;
		m->id = *id;
		pthread_mutex_init(&m->lock, NULL);
		list_append(&medias, &m->link);
	}
out:
	pthread_mutex_unlock(&medias_lock);
	return m;
}

int clip_media_get(const char *path, const struct clip_media **out, struct errmsg *em)
{
	struct identity id = {0};
	struct clip_media *m;
	struct stat st;
	int err = 0;

	if (strlen(path) >= sizeof(id.path))
		return errmsg_set(em, -ENAMETOOLONG, "%.40s...: name too long", path);
	strcpy(id.path, path);
	if (!stat(path, &st)) {
		/* Opening a pipe that nobody writes to would never return. */
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			return errmsg_set(em, -EINVAL, "%s: neither a file nor a folder", path);
		id.dev = st.st_dev;
		id.ino = st.st_ino;
		id.size = st.st_size;
		id.mtime = st.st_mtim;
	}
	m = find(&id);
	if (!m)
		return errmsg_set(em, -ENOMEM, "%s: no memory", path);
	pthread_mutex_lock(&m->lock);
	if (!m->loaded) {
		err = load(m, em);
		m->loaded = !err;
	}
	pthread_mutex_unlock(&m->lock);
	if (err)
		clip_media_put(m);
	else
		*out = m;
	return err;
}

void clip_media_put(const struct clip_media *media)
{
	struct clip_media *m = (struct clip_media *)media;
	bool last;

	if (!m)
		return;
	pthread_mutex_lock(&medias_lock);
	last = --m->refs == 0;
	if (last)
		list_remove(&m->link);
	pthread_mutex_unlock(&medias_lock);
	if (!last)
		return;
	drop_packets(m);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

const struct clip_info *clip_media_info(const struct clip_media *m)
{
	return &m->info;
}

/* --- cursor --------------------------------------------------------------------------------- */

int clip_cursor_open(struct clip_cursor *c, const struct clip_media *media, size_t first, bool loop,
		     struct errmsg *em)
{
	struct clip_info info;

	if (media->whole && first >= media->n)
		return errmsg_set(em, -EINVAL, "%s: option start is behind its end (%zu frames)",
				  media->id.path, media->n);
	*c = (struct clip_cursor){.media = media, .first = first, .loop = loop};
	if (media->whole)
		return 0;
	return clip_reader_open(&c->reader, media->id.path, &info, em);
}

static int step(struct clip_cursor *c, struct clip_packet *out)
{
	int got;

	if (!c->reader) {
		if (c->at == c->media->n)
			return 0;
		*out = c->media->packet[c->at];
		got = 1;
	} else {
		got = clip_reader_next(c->reader, out);
	}
	c->at += got > 0;
	return got;
}

int clip_cursor_next(struct clip_cursor *c, struct clip_packet *out)
{
	int got, err;

	for (;;) {
		got = step(c, out);
		if (got > 0) {
			if (!c->begun && (c->at <= c->first || !out->key) && c->first)
				continue;
			c->begun = true;
			return 1;
		}
		/* A round that gave nothing would go round for ever. */
		if (got < 0 || !c->loop || !c->begun)
			return got;
		err = c->reader ? clip_reader_rewind(c->reader) : 0;
		if (err)
			return err;
		c->at = 0;
		c->begun = false;
	}
}

void clip_cursor_close(struct clip_cursor *c)
{
	clip_reader_close(c->reader);
	*c = (struct clip_cursor){0};
}
