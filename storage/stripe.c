/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting volumes together, and which of them count. The membership of the highest generation is
 * the truth: a volume that is not in it, was replaced, or says something older missed what was
 * written since, and is not read.
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_impl.h"

#define BIT(v) (UINT32_C(1) << (v))

static const struct storage_io_ops stripe_ops;

bool stripe_is(const struct storage_io *io)
{
	return io->ops == &stripe_ops;
}

const struct format_super *stripe_super(const struct storage_io *io)
{
	return &container_of(io, const struct stripe_set, io)->super;
}

struct storage_io *stripe_volume_io(struct storage_io *io, unsigned index)
{
	return stripe_of(io)->volume[index].io;
}

/* --- membership ----------------------------------------------------------------------------- */

static int random_nonce(uint64_t *out)
{
	return volume_random(out, sizeof(*out));
}

void stripe_member_next(struct stripe_set *s, uint8_t block[DISK_BLOCK], uint64_t *at)
{
	/* One at a time; see stripe_assemble. */
	s->recording = s->recorded + 1;
	s->member.generation++;
	/* Without it equal generations could not be told apart, but they do not come about here. */
	if (random_nonce(&s->member.nonce))
		s->member.nonce++;
	s->member.in_sync = s->usable;
	format_member_encode(block, &s->super, &s->member);
	*at = s->member.generation % 2 ? DISK_MEMBER_A : DISK_MEMBER_B;
}

void stripe_member_written(struct stripe_set *s)
{
	s->recorded = s->recording;
}

int stripe_member_read(struct storage_io *io, const struct format_super *s,
		       struct format_member *out)
{
	static const uint32_t at[2] = {DISK_MEMBER_A, DISK_MEMBER_B};
	uint8_t *block = stripe_alloc(DISK_BLOCK);
	struct format_member m;
	int found = -EBADMSG;

	if (!block)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		if (io->ops->read(io, block, DISK_BLOCK, at[i]) ||
		    format_member_decode(block, s, &m) ||
		    (!found && m.generation <= out->generation))
			continue;
		*out = m;
		found = 0;
	}
	free(block);
	return found;
}

bool stripe_takes(const struct stripe_set *s, unsigned v)
{
	return s->usable >> v & 1 || s->member.rebuilding == v;
}

static void set_state(struct stripe_set *s, unsigned v, enum stripe_state state, const char *why)
{
	pthread_mutex_lock(&s->lock);
	s->volume[v].state = state;
	snprintf(s->volume[v].why, sizeof(s->volume[v].why), "%s", why);
	pthread_mutex_unlock(&s->lock);
}

int stripe_lost(struct stripe_set *s, unsigned v, int err, const char *what)
{
	unsigned left = (unsigned)__builtin_popcount(s->usable);
	char why[STRIPE_WHY_MAX];

	atomic_fetch_add_explicit(&s->volume[v].write_errors, 1, memory_order_relaxed);
	if (s->member.rebuilding == v) {
		s->member.rebuilding = DISK_NO_VOLUME;
		s->member.frontier = s->rebuild.frontier = 0;
	} else if (!(s->usable & BIT(v))) {
		return 0; /* given up already: this was still under way */
	} else if (left <= s->k) {
		return err;
	}
	s->usable &= ~BIT(v);
	s->changes++;
	snprintf(why, sizeof(why), "refused a %s: %s", what, strerror(-err));
	set_state(s, v, STRIPE_FAILED, why);
	return 0;
}

/* --- status --------------------------------------------------------------------------------- */

void stripe_status(struct storage_io *io, struct stripe_status *out)
{
	struct stripe_set *s = stripe_of(io);

	*out = (struct stripe_status){.volumes = s->n, .parity = s->m};
	pthread_mutex_lock(&s->lock);
	out->generation = s->member.generation;
	for (unsigned v = 0; v < s->n; v++) {
		const struct stripe_volume *vol = &s->volume[v];
		struct stripe_volume_status *o = &out->volume[v];

		o->state = vol->state;
		memcpy(o->dir, vol->dir, sizeof(o->dir));
		memcpy(o->why, vol->why, sizeof(o->why));
		memcpy(o->uuid, s->member.uuid[v], sizeof(o->uuid));
		o->read_errors = atomic_load_explicit(&vol->read_errors, memory_order_relaxed);
		o->wrong = atomic_load_explicit(&vol->wrong, memory_order_relaxed);
		o->write_errors = atomic_load_explicit(&vol->write_errors, memory_order_relaxed);
		out->missing += vol->state != STRIPE_OK;
	}
	pthread_mutex_unlock(&s->lock);
}

bool stripe_unsaved(const struct storage_io *io)
{
	return stripe_dirty(container_of(io, const struct stripe_set, io));
}

unsigned stripe_missing(const struct storage_io *io)
{
	const struct stripe_set *s = container_of(io, const struct stripe_set, io);

	return s->n - (unsigned)__builtin_popcount(s->usable);
}

void stripe_explain(struct storage_io *io, char *out, size_t size)
{
	struct stripe_set *s = stripe_of(io);
	size_t at = 0;

	*out = 0;
	pthread_mutex_lock(&s->lock);
	for (unsigned v = 0; v < s->n && at < size; v++) {
		const struct stripe_volume *vol = &s->volume[v];

		if (vol->state != STRIPE_OK)
			at += (size_t)snprintf(out + at, size - at, "%svolume %u%s%s%s: %s",
					       at ? "; " : "", v, *vol->dir ? " (" : "", vol->dir,
					       *vol->dir ? ")" : "", vol->why);
	}
	pthread_mutex_unlock(&s->lock);
}

/* --- putting together ----------------------------------------------------------------------- */

static void stripe_close(struct storage_io *io)
{
	struct stripe_set *s = stripe_of(io);

	for (unsigned v = 0; v < s->n; v++)
		if (s->volume[v].io)
			s->volume[v].io->ops->close(s->volume[v].io);
	for (unsigned i = 0; i < s->nretired; i++)
		s->retired[i]->ops->close(s->retired[i]);
	stripe_write_free(s);
	free(s->tables);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct stripe_set *make_set(const struct format_super *super, bool writing)
{
	struct stripe_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->super = *super;
	s->super.volume_index = 0;
	memset(s->super.volume_uuid, 0, sizeof(s->super.volume_uuid));
	s->n = super->volume_count;
	s->m = super->parity_count;
	s->k = s->n - s->m;
	s->writing = writing;
	s->member.volumes = s->n;
	s->member.rebuilding = DISK_NO_VOLUME;
	pthread_mutex_init(&s->lock, NULL);
	s->io = (struct storage_io){
		.ops = &stripe_ops,
		.size = DISK_AREAS_START + (super->volume_bytes - DISK_AREAS_START) * s->k,
		.align = DISK_BLOCK,
		.direct = true,
	};
	for (unsigned v = 0; v < s->n; v++) {
		s->volume[v].state = STRIPE_MISSING;
		snprintf(s->volume[v].why, sizeof(s->volume[v].why), "not found");
	}
	if (stripe_code_init(s) || stripe_write_init(s)) {
		stripe_close(&s->io);
		return NULL;
	}
	return s;
}

static void adopt(struct stripe_set *s, unsigned v, struct stripe_part *p)
{
	struct stripe_volume *vol = &s->volume[v];

	vol->io = p->io;
	p->io = NULL;
	memcpy(vol->dir, p->dir, sizeof(vol->dir));
	if (!vol->io->direct && s->io.direct) {
		s->io.direct = false;
		memcpy(s->io.why, vol->io->why, sizeof(s->io.why));
	}
}

static void close_parts(struct stripe_part *part, unsigned parts)
{
	for (unsigned i = 0; i < parts; i++) {
		if (part[i].io)
			part[i].io->ops->close(part[i].io);
		part[i].io = NULL;
	}
}

/* Parts that are open, of one store, each volume once. */
static int check_parts(struct stripe_part *part, unsigned parts, const struct stripe_part **first,
		       struct errmsg *em)
{
	*first = NULL;
	for (unsigned i = 0; i < parts; i++) {
		const struct stripe_part *p = &part[i];

		if (!p->io)
			continue;
		if (!*first)
			*first = p;
		if (memcmp(p->super.store_uuid, (*first)->super.store_uuid, 16))
			return errmsg_set(em, -EINVAL,
					  "%s holds a volume of another store than %s: give the "
					  "directories of one store",
					  p->dir, (*first)->dir);
		for (unsigned j = 0; j < i; j++)
			if (part[j].io && !memcmp(part[j].super.volume_uuid, p->super.volume_uuid,
						  sizeof(p->super.volume_uuid)))
				return errmsg_set(em, -EINVAL,
						  "%s and %s hold the same volume (%u), one is a "
						  "copy: give only the one that was written last",
						  part[j].dir, p->dir, p->super.volume_index);
	}
	return *first ? 0
		      : errmsg_set(em, -ENODEV, "%s: %s", parts ? part[0].dir : "",
				   parts ? part[0].why : "no directory is given");
}

/* Of two of one generation (each written without the other's volumes) more volumes hold one. */
static unsigned holders(const struct stripe_part *part, unsigned parts,
			const struct format_member *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < parts; i++)
		n += part[i].io && part[i].has_member &&
		     part[i].member.generation == m->generation && part[i].member.nonce == m->nonce;
	return n;
}

/* The membership that counts. */
static int elect(const struct stripe_part *part, unsigned parts, struct format_member *out,
		 struct errmsg *em)
{
	const struct format_member *best = NULL;
	bool tie = false;

	for (unsigned i = 0; i < parts; i++) {
		const struct format_member *m = &part[i].member;

		if (!part[i].io || !part[i].has_member)
			continue;
		if (!best || m->generation > best->generation) {
			best = m;
			tie = false;
		} else if (m->generation == best->generation && m->nonce != best->nonce) {
			unsigned a = holders(part, parts, m), b = holders(part, parts, best);

			tie = a == b;
			if (a > b)
				best = m;
		}
	}
	if (!best)
		return errmsg_set(em, -EBADMSG,
				  "%s: no volume says which of them are whole: run `matlang store "
				  "verify`",
				  part[0].dir);
	if (tie)
		return errmsg_set(
			em, -ENODEV,
			"the volumes were written apart from one another, in two halves of "
			"the store: give only the directories that belong together");
	*out = *best;
	return 0;
}

static void place_part(struct stripe_set *s, struct stripe_part *p)
{
	unsigned v = p->super.volume_index;
	bool known = !memcmp(p->super.volume_uuid, s->member.uuid[v], 16);
	struct stripe_volume *vol = &s->volume[v];

	if (vol->io)
		return;
	memcpy(vol->dir, p->dir, sizeof(vol->dir));
	if (!known) {
		snprintf(
			vol->why, sizeof(vol->why),
			"this volume was replaced by another: it is no part of the store any more");
	} else if (s->member.rebuilding == v && p->has_member &&
		   p->member.generation + 1 >= s->member.generation) {
		adopt(s, v, p);
		vol->state = STRIPE_REBUILDING;
		snprintf(vol->why, sizeof(vol->why), "is being rebuilt");
	} else if (!(s->member.in_sync >> v & 1) || !p->has_member) {
		vol->state = STRIPE_STALE;
		snprintf(vol->why, sizeof(vol->why),
			 "missed what was written since it was away: rebuild it");
	} else if (p->member.generation + 1 < s->member.generation) {
		/* One generation back is what a crash leaves; more is an older copy. */
		vol->state = STRIPE_STALE;
		snprintf(vol->why, sizeof(vol->why),
			 "is older than the others (a copy of it?): rebuild it");
	} else {
		adopt(s, v, p);
		vol->state = STRIPE_OK;
		vol->why[0] = 0;
		s->usable |= BIT(v);
	}
}

/* What could not be opened has no number; it is one of those that are not there. */
static void place_unopened(struct stripe_set *s, const struct stripe_part *part, unsigned parts)
{
	unsigned v = 0;

	for (unsigned i = 0; i < parts; i++) {
		if (part[i].io || !*part[i].why)
			continue;
		while (v < s->n && (s->volume[v].state != STRIPE_MISSING || *s->volume[v].dir))
			v++;
		if (v == s->n)
			return;
		memcpy(s->volume[v].dir, part[i].dir, sizeof(s->volume[v].dir));
		snprintf(s->volume[v].why, sizeof(s->volume[v].why), "%s", part[i].why);
	}
}

int stripe_assemble(struct stripe_part *part, unsigned parts, bool writing, struct storage_io **out,
		    struct errmsg *em)
{
	const struct stripe_part *first;
	struct format_member member;
	struct stripe_set *s = NULL;
	char why[320];
	int err = check_parts(part, parts, &first, em);

	if (!err)
		err = elect(part, parts, &member, em);
	if (!err) {
		s = make_set(&first->super, writing);
		if (!s)
			err = errmsg_set(em, -ENOMEM, "no memory to open %s", first->dir);
	}
	if (err) {
		close_parts(part, parts);
		return err;
	}
	s->member = member;
	/* Unopened ones are told by why, so before the others lose their io. */
	for (unsigned i = 0; i < parts; i++)
		if (part[i].io)
			place_part(s, &part[i]);
	place_unopened(s, part, parts);
	close_parts(part, parts);
	if ((unsigned)__builtin_popcount(s->usable) < s->k) {
		stripe_explain(&s->io, why, sizeof(why));
		err = errmsg_set(em, -ENODEV,
				 "%u of the store's %u volumes are needed, %u can be used (%s): "
				 "connect the others, or name their directories",
				 s->k, s->n, (unsigned)__builtin_popcount(s->usable), why);
		stripe_close(&s->io);
		return err;
	}
	/* A rebuild goes on where it was known to be; without its volume there is none. */
	if (s->member.rebuilding != DISK_NO_VOLUME &&
	    s->volume[s->member.rebuilding].state != STRIPE_REBUILDING)
		s->member.rebuilding = DISK_NO_VOLUME;
	if (s->member.rebuilding == DISK_NO_VOLUME)
		s->member.frontier = 0;
	s->rebuild.frontier = s->member.frontier;
	/* Two new generations at every opening. A crash may leave a volume one behind the others,
	 * with all that is durable; a copy made before is then two behind. */
	s->changes += writing ? 2 : 0;
	*out = &s->io;
	return 0;
}

int stripe_make(const struct format_super *super, struct stripe_part *part, struct storage_io **out,
		struct errmsg *em)
{
	struct stripe_set *s = make_set(super, true);

	if (!s) {
		close_parts(part, super->volume_count);
		return errmsg_set(em, -ENOMEM, "no memory to make the store");
	}
	for (unsigned v = 0; v < s->n; v++) {
		adopt(s, v, &part[v]);
		s->volume[v].state = STRIPE_OK;
		memcpy(s->member.uuid[v], part[v].super.volume_uuid, 16);
		s->usable |= BIT(v);
	}
	s->changes++;
	*out = &s->io;
	return 0;
}

/* --- beside a writer ------------------------------------------------------------------------ */

static int stripe_refresh(struct storage_io *io)
{
	struct stripe_set *s = stripe_of(io);
	struct format_member best = s->member, m;
	uint32_t before = s->usable;

	if (s->writing)
		return 0;
	for (unsigned v = 0; v < s->n; v++)
		if (s->volume[v].io && !stripe_member_read(s->volume[v].io, &s->super, &m) &&
		    m.generation > best.generation)
			best = m;
	if (best.generation == s->member.generation)
		return 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct stripe_volume *vol = &s->volume[i];

		if (!vol->io || !(s->usable & BIT(i)))
			continue;
		if (best.in_sync & BIT(i) && !memcmp(best.uuid[i], s->member.uuid[i], 16))
			continue;
		s->usable &= ~BIT(i);
		set_state(s, i, STRIPE_FAILED, "given up by the writer");
	}
	unsigned v = best.rebuilding;
	bool same = v == s->member.rebuilding && v != DISK_NO_VOLUME &&
		    !memcmp(best.uuid[v], s->member.uuid[v], 16);

	pthread_mutex_lock(&s->lock);
	s->rebuild.frontier = same ? best.frontier : 0;
	s->member = best;
	pthread_mutex_unlock(&s->lock);
	return s->usable != before;
}

static pid_t stripe_holder_pid(struct storage_io *io)
{
	struct stripe_set *s = stripe_of(io);
	pid_t pid = 0;

	for (unsigned v = 0; v < s->n && pid <= 0; v++)
		if (s->volume[v].io)
			pid = s->volume[v].io->ops->holder(s->volume[v].io);
	return pid;
}

static int stripe_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		       struct storage_io **out, struct errmsg *em)
{
	return errmsg_set(em, -EINVAL, "%s: stripes are put together, not opened", path);
}

static int stripe_resize(struct storage_io *io, uint64_t size, bool reserve)
{
	return -EINVAL;
}

static void stripe_writev(struct storage_io *io, struct storage_io_op *op, struct iovec *iov,
			  unsigned niov, uint64_t offset)
{
	/* The store writes from one piece of memory; nobody stripes stripes. */
	stripe_write_begin(io, op, iov[0].iov_base, niov == 1 ? iov[0].iov_len : 0, offset, -1);
}

static const struct storage_io_ops stripe_ops = {
	.open = stripe_open,
	.close = stripe_close,
	.write = stripe_write_begin,
	.writev = stripe_writev,
	.flush = stripe_flush_begin,
	.read = stripe_read,
	.readv = stripe_readv,
	.write_sync = stripe_write_sync,
	.flush_sync = stripe_flush_sync,
	.resize = stripe_resize,
	.holder = stripe_holder_pid,
	.read_again = stripe_read_again,
	.blame = stripe_blame,
	.refresh = stripe_refresh,
};
