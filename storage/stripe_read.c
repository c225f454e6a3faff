/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading. As long as the data volumes give what is asked of them, each block comes from its own.
 * What one does not give is made from any k others of its stripe. Only the caller can tell wrong
 * bytes; read_again gives it one version after another, each as though some volumes were lying.
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *stripe_alloc(size_t bytes)
{
	void *p = NULL;

	return posix_memalign(&p, DISK_BLOCK, bytes ? bytes : DISK_BLOCK) ? NULL : p;
}

/* A part of a read within one turn, at most STRIPE_PIECE stripes. */
struct window {
	struct stripe_set *s;
	uint8_t *buf;
	uint64_t first; /* block */
	unsigned blocks, turn;
	uint32_t avoid; /* volumes not to be read */
};

/* Whether the volume's bytes before `end` count. */
static bool counts(const struct window *w, unsigned v, uint64_t end)
{
	const struct stripe_set *s = w->s;

	if (!s->volume[v].io || w->avoid >> v & 1)
		return false;
	return s->usable >> v & 1 || (s->member.rebuilding == v && end <= s->rebuild.frontier);
}

static int read_volume(struct stripe_set *s, unsigned v, struct iovec *iov, unsigned niov,
		       uint64_t at)
{
	struct stripe_volume *vol = &s->volume[v];
	int err = vol->io->ops->readv(vol->io, iov, niov, at);

	if (err)
		atomic_fetch_add_explicit(&vol->read_errors, 1, memory_order_relaxed);
	return err;
}

/* The blocks of one role, straight to where they belong. */
static int read_role(struct window *w, unsigned role)
{
	struct stripe_set *s = w->s;
	unsigned skip = (unsigned)((role + s->k - w->first % s->k) % s->k);
	unsigned v = stripe_holder(s, w->turn, role), n = 0;
	struct iovec iov[STRIPE_PIECE + 1];

	if (skip >= w->blocks)
		return 0;
	for (unsigned i = skip; i < w->blocks; i += s->k)
		iov[n++] = (struct iovec){w->buf + (size_t)i * DISK_BLOCK, DISK_BLOCK};
	uint64_t at = stripe_place(s, w->first + skip);

	if (!counts(w, v, at + (uint64_t)n * DISK_BLOCK))
		return -ENODEV;
	/* One volume of data: its blocks are one piece. */
	if (s->k == 1) {
		iov[0].iov_len = (size_t)n * DISK_BLOCK;
		n = 1;
	}
	return read_volume(s, v, iov, n, at);
}

/* k roles of the whole stripes, from volumes that give them. -EIO: there are not so many. */
static int read_sources(struct window *w, uint64_t at, size_t column, uint8_t *mem, unsigned have[],
			uint8_t *from[])
{
	struct stripe_set *s = w->s;
	unsigned n = 0;

	for (unsigned role = 0; role < s->n && n < s->k; role++) {
		unsigned v = stripe_holder(s, w->turn, role);
		struct iovec iov = {mem + n * column, column};

		if (!counts(w, v, at + column) || read_volume(s, v, &iov, 1, at))
			continue;
		have[n] = role;
		from[n++] = iov.iov_base;
	}
	return n == s->k ? 0 : -EIO;
}

/* Everything in the window from k roles, whatever they are. `stripes` is small enough. */
static int restore(struct window *w)
{
	struct stripe_set *s = w->s;
	uint64_t first = w->first / s->k, last = (w->first + w->blocks - 1) / s->k;
	size_t column = (size_t)(last - first + 1) * DISK_BLOCK;
	unsigned have[DISK_VOLUMES_MAX], lost[DISK_VOLUMES_MAX], nlost = 0;
	uint8_t *from[DISK_VOLUMES_MAX], *to[DISK_VOLUMES_MAX], *data[DISK_VOLUMES_MAX];
	uint8_t *mem = stripe_alloc((size_t)s->n * column);

	if (!mem)
		return -ENOMEM;
	int err = read_sources(w, DISK_AREAS_START + first * DISK_BLOCK, column, mem, have, from);

	memset(data, 0, sizeof(data));
	for (unsigned i = 0; !err && i < s->k; i++)
		if (have[i] < s->k)
			data[have[i]] = from[i];
	for (unsigned r = 0; !err && r < s->k; r++) {
		if (data[r])
			continue;
		lost[nlost] = r;
		data[r] = to[nlost] = mem + (s->k + nlost) * column;
		nlost++;
	}
	if (!err && nlost)
		err = stripe_code_restore(s, column, have, from, lost, nlost, to);
	for (unsigned i = 0; !err && i < w->blocks; i++) {
		uint64_t block = w->first + i;

		memcpy(w->buf + (size_t)i * DISK_BLOCK,
		       data[block % s->k] + (block / s->k - first) * DISK_BLOCK, DISK_BLOCK);
	}
	free(mem);
	return err;
}

/* Stripe by stripe: here this volume is bad, there another. */
static int restore_each(const struct window *w)
{
	int err = 0;

	for (unsigned done = 0; done < w->blocks && !err;) {
		struct window one = *w;

		one.buf = w->buf + (size_t)done * DISK_BLOCK;
		one.first = w->first + done;
		one.blocks = (unsigned)(w->s->k - one.first % w->s->k);
		if (one.blocks > w->blocks - done)
			one.blocks = w->blocks - done;
		err = restore(&one);
		done += one.blocks;
	}
	return err;
}

static int read_window(struct window *w)
{
	bool whole = true;
	int err = 0;

	for (unsigned role = 0; role < w->s->k; role++) {
		int got = read_role(w, role);

		whole = whole && !got;
		/* What the disk says when there is nothing to make it from. */
		if (got && (!err || err == -ENODEV))
			err = got;
	}
	if (whole)
		return 0;
	if (!w->s->m)
		return err == -ENODEV ? -EIO : err;
	err = restore(w);
	return err == -EIO ? restore_each(w) : err;
}

static int read_avoiding(struct stripe_set *s, uint8_t *buf, size_t len, uint64_t offset,
			 uint32_t avoid)
{
	int err = 0;

	if (offset < DISK_AREAS_START || offset % DISK_BLOCK || len % DISK_BLOCK)
		return -EINVAL;
	while (len && !err) {
		uint64_t room = stripe_turn_end(s, offset) - offset;
		/* Less than a piece: it may begin and end inside of stripes. */
		size_t n = (size_t)(STRIPE_PIECE - 1) * s->k * DISK_BLOCK;
		struct window w = {.s = s,
				   .buf = buf,
				   .first = stripe_block(offset),
				   .turn = stripe_turn(s, offset),
				   .avoid = avoid};

		if (n > len)
			n = len;
		if (n > room)
			n = (size_t)room;
		if (!s->m && offset + n > s->io.size)
			return -ENODATA;
		w.blocks = (unsigned)(n / DISK_BLOCK);
		err = read_window(&w);
		buf += n;
		len -= n;
		offset += n;
	}
	return err;
}

int stripe_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	return read_avoiding(stripe_of(io), buf, len, offset, 0);
}

int stripe_readv(struct storage_io *io, const struct iovec *iov, unsigned niov, uint64_t offset)
{
	int err = 0;

	for (unsigned i = 0; i < niov && !err; offset += iov[i++].iov_len)
		err = stripe_read(io, iov[i].iov_base, iov[i].iov_len, offset);
	return err;
}

/* --- in other ways -------------------------------------------------------------------------- */

static unsigned count_bits(uint32_t v)
{
	return (unsigned)__builtin_popcount(v);
}

/* Volumes that are read for the range's data: with all of these there, parity is not, and leaving
 * it out changes nothing. */
static uint32_t data_volumes(const struct stripe_set *s, uint64_t offset)
{
	unsigned turn = stripe_turn(s, offset);
	uint32_t v = 0;

	for (unsigned role = 0; role < s->k; role++)
		v |= UINT32_C(1) << stripe_holder(s, turn, role);
	return v & ~s->usable ? s->usable : v;
}

/* The set of volumes to leave out at this attempt; 0: there is none. */
static uint32_t choose(const struct stripe_set *s, uint64_t offset, unsigned attempt)
{
	uint32_t data = data_volumes(s, offset);
	unsigned there = count_bits(s->usable);
	uint64_t limit = UINT64_C(1) << s->n;

	for (unsigned size = 1; there >= s->k + size && size <= DISK_PARITY_MAX; size++) {
		/* All sets of that size, in order (Gosper). */
		for (uint64_t v = (UINT64_C(1) << size) - 1; v < limit;) {
			uint32_t set = (uint32_t)v;

			if (!(set & ~s->usable) && set & data && !attempt--)
				return set;
			uint64_t low = v & -v, up = v + low;

			v = up | ((v ^ up) / low >> 2);
		}
	}
	return 0;
}

int stripe_read_again(struct storage_io *io, void *buf, size_t len, uint64_t offset,
		      unsigned attempt)
{
	struct stripe_set *s = stripe_of(io);
	uint32_t avoid = choose(s, offset, attempt);

	if (!avoid)
		return -ENOENT;
	s->blamed = avoid;
	return read_avoiding(s, buf, len, offset, avoid);
}

void stripe_blame(struct storage_io *io)
{
	struct stripe_set *s = stripe_of(io);

	for (unsigned v = 0; v < s->n; v++)
		if (s->blamed >> v & 1)
			atomic_fetch_add_explicit(&s->volume[v].wrong, 1, memory_order_relaxed);
}

int storage_read_checked(struct storage_io *io, void *buf, size_t len, uint64_t offset,
			 int (*check)(void *ctx, const void *buf), void *ctx)
{
	int err = io->ops->read(io, buf, len, offset);

	if (!err)
		err = check(ctx, buf);
	if (!io->ops->read_again || (err != -EBADMSG && err != -EIO))
		return err;
	/* Beside a writer: a volume may just have been given up. */
	if (io->ops->refresh(io) > 0) {
		err = io->ops->read(io, buf, len, offset);
		if (!err)
			err = check(ctx, buf);
		if (err != -EBADMSG && err != -EIO)
			return err;
	}
	for (unsigned attempt = 0;; attempt++) {
		int got = io->ops->read_again(io, buf, len, offset, attempt);

		if (got == -ENOENT)
			return err;
		if (!got)
			got = check(ctx, buf);
		if (got && got != -EBADMSG && got != -EIO)
			return got;
		if (!got) {
			io->ops->blame(io);
			return 0;
		}
	}
}
