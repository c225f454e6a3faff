/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting wrong blocks right. Where the blocks of a stripe contradict one another, every set of
 * volumes that may be wrong, the smaller ones first, gives one version of its data; the caller's
 * checksums say which is right. Only then is anything written, and only blocks that are wrong.
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

#define MEND_CHOICES 1024u /* versions of one stripe */
#define MEND_TRIES   4096u /* of all of them together */

/* A stripe whose blocks contradict one another, and the sets of roles that may be wrong in it. */
struct suspect {
	size_t stripe;
	uint32_t *choice;
	unsigned choices, at;
};

struct mend {
	struct stripe_set *s;
	unsigned turn;
	size_t stripes, column; /* bytes of a column */
	uint64_t place;
	uint8_t *raw;   /* n columns, by role, as read */
	uint32_t *lost; /* roles that gave nothing, a bit each, for each stripe */
	uint8_t *data;  /* what it may be, in the caller's order */
	uint8_t *spare; /* n blocks */
	struct suspect *suspect;
	size_t suspects, room;
	const struct stripe_mend_judge *judge;
};

static uint8_t *raw_block(const struct mend *m, unsigned role, size_t stripe)
{
	return m->raw + role * m->column + stripe * DISK_BLOCK;
}

static int read_role(struct mend *m, unsigned role)
{
	struct stripe_set *s = m->s;
	unsigned v = stripe_holder(s, m->turn, role);
	struct storage_io *io = s->volume[v].io;
	bool there = io && s->usable >> v & 1;
	struct iovec all = {raw_block(m, role, 0), m->column};
	int err = there ? io->ops->readv(io, &all, 1, m->place) : -EIO;

	if (err == -ECANCELED || !err)
		return err;
	for (size_t i = 0; i < m->stripes; i++) {
		struct iovec one = {raw_block(m, role, i), DISK_BLOCK};

		err = there ? io->ops->readv(io, &one, 1, m->place + i * DISK_BLOCK) : -EIO;
		if (err == -ECANCELED)
			return err;
		if (err)
			m->lost[i] |= UINT32_C(1) << role;
	}
	return 0;
}

/* The stripe's data as though the roles in `wrong` were lost, to m->data. 1: all the others agree;
 * 0: they do not; -errno. */
static int restore(struct mend *m, size_t stripe, uint32_t wrong)
{
	const struct stripe_set *s = m->s;
	unsigned have[DISK_VOLUMES_MAX], made[DISK_VOLUMES_MAX], n = 0, nmade = 0;
	uint8_t *from[DISK_VOLUMES_MAX], *to[DISK_VOLUMES_MAX];
	uint8_t *data = m->data + stripe * s->k * DISK_BLOCK;
	bool agree = true;

	for (unsigned r = 0; r < s->n; r++) {
		if (!(wrong >> r & 1) && n < s->k) {
			have[n] = r;
			from[n++] = raw_block(m, r, stripe);
		} else {
			to[nmade] = m->spare + nmade * DISK_BLOCK;
			made[nmade++] = r;
		}
	}
	if (n < s->k)
		return -EBADMSG;
	int err = nmade ? stripe_code_restore(s, DISK_BLOCK, have, from, made, nmade, to) : 0;

	if (err)
		return err;
	for (unsigned i = 0; i < n; i++)
		if (have[i] < s->k)
			memcpy(data + (size_t)have[i] * DISK_BLOCK, from[i], DISK_BLOCK);
	for (unsigned i = 0; i < nmade; i++) {
		if (made[i] < s->k)
			memcpy(data + (size_t)made[i] * DISK_BLOCK, to[i], DISK_BLOCK);
		if (!(wrong >> made[i] & 1) &&
		    memcmp(to[i], raw_block(m, made[i], stripe), DISK_BLOCK) != 0)
			agree = false;
	}
	return agree;
}

static int add_choices(struct mend *m, struct suspect *q)
{
	const struct stripe_set *s = m->s;
	uint32_t lost = m->lost[q->stripe];

	for (unsigned size = (unsigned)__builtin_popcount(lost) + 1; size <= s->m; size++) {
		/* All sets of that size, in order (Gosper). */
		for (uint64_t v = (UINT64_C(1) << size) - 1; v < UINT64_C(1) << s->n;) {
			uint32_t set = (uint32_t)v;
			uint64_t low = v & -v, up = v + low;

			v = up | ((v ^ up) / low >> 2);
			if ((set & lost) != lost)
				continue;
			int agree = restore(m, q->stripe, set);

			if (agree < 0)
				return agree;
			if (agree && q->choices < MEND_CHOICES)
				q->choice[q->choices++] = set;
		}
	}
	return q->choices ? 0 : -EBADMSG;
}

static int suspect_stripe(struct mend *m, size_t stripe)
{
	if (m->suspects == m->room) {
		size_t room = m->room ? m->room * 2 : 16;
		void *p = reallocarray(m->suspect, room, sizeof(*m->suspect));

		if (!p)
			return -ENOMEM;
		m->suspect = p;
		m->room = room;
	}
	struct suspect *q = &m->suspect[m->suspects];

	*q = (struct suspect){.stripe = stripe, .choice = malloc(MEND_CHOICES * sizeof(uint32_t))};
	if (!q->choice)
		return -ENOMEM;
	m->suspects++;
	return add_choices(m, q);
}

static int choose(struct mend *m, struct suspect *q, unsigned at)
{
	int agree = restore(m, q->stripe, q->choice[q->at = at]);

	return agree < 0 ? agree : 0;
}

static bool right(const struct mend *m)
{
	return !m->judge->check(m->judge->ctx, m->data);
}

/* The next of all combinations of `n` suspects. 1: that is it; 0: they are all at the first again.
 */
static int next_of(struct mend *m, struct suspect *q, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool last = q[i].at + 1 == q[i].choices;
		int err = choose(m, &q[i], last ? 0 : q[i].at + 1);

		if (err)
			return err;
		if (!last)
			return 1;
	}
	return 0;
}

/* What makes most of it right, for each `width` suspects side by side by themselves. */
static int climb(struct mend *m, size_t width)
{
	for (size_t i = 0; i + width <= m->suspects; i++) {
		struct suspect *q = &m->suspect[i];
		unsigned best[2] = {q[0].at, q[width - 1].at};
		uint64_t most = m->judge->score(m->judge->ctx, m->data);
		uint64_t all = width > 1 ? (uint64_t)q[0].choices * q[1].choices : q[0].choices;
		int got = 1, err = 0;

		for (uint64_t n = 0; got > 0 && n < all && all <= MEND_TRIES; n++) {
			got = next_of(m, q, width);
			uint64_t score = got < 0 ? 0 : m->judge->score(m->judge->ctx, m->data);

			if (score > most) {
				most = score;
				best[0] = q[0].at;
				best[1] = q[width - 1].at;
			}
			/* All combinations end where they began. */
			got = got < 0 ? got : 1;
		}
		for (size_t j = 0; j < width && got >= 0 && !err; j++)
			err = choose(m, &q[j], best[j]);
		if (got < 0 || err)
			return got < 0 ? got : err;
	}
	return 0;
}

/* One here, another there: what is known to be right by itself is settled piece by piece; the rest
 * in all combinations, as far as there are not too many. */
static int find_mixed(struct mend *m)
{
	int err = 0;

	for (size_t width = 1; m->judge->score && width <= 2; width++) {
		err = climb(m, width);
		if (err || right(m))
			return err;
	}
	for (size_t i = 0; i < m->suspects && !err; i++)
		err = choose(m, &m->suspect[i], 0);
	for (unsigned tries = 0; !err && tries < MEND_TRIES; tries++) {
		int got = next_of(m, m->suspect, m->suspects);

		if (got <= 0)
			return got ? got : -EBADMSG;
		if (right(m))
			return 0;
	}
	return err ? err : -EBADMSG;
}

/* 0: m->data is right; -EBADMSG: no version is; -errno. */
static int find_right(struct mend *m)
{
	unsigned most = 0;
	int err = 0;

	for (size_t i = 0; i < m->suspects; i++)
		if (m->suspect[i].choices > most)
			most = m->suspect[i].choices;
	/* The same disk everywhere, first of all: the first round is the likeliest of each. */
	for (unsigned at = 0; at < (most ? most : 1); at++) {
		for (size_t i = 0; i < m->suspects && !err; i++)
			if (at < m->suspect[i].choices)
				err = choose(m, &m->suspect[i], at);
		if (err)
			return err;
		if (right(m))
			return 0;
	}
	return find_mixed(m);
}

/* m->data is right: writes every block that says something else. */
static int put_right(struct mend *m, const struct stripe_mend_out *out, uint64_t *mended)
{
	struct stripe_set *s = m->s;
	uint8_t *col[DISK_VOLUMES_MAX];

	for (size_t i = 0; i < m->stripes; i++) {
		for (unsigned r = 0; r < s->n; r++)
			col[r] = r < s->k ? m->data + (i * s->k + r) * DISK_BLOCK
					  : m->spare + (r - s->k) * DISK_BLOCK;
		stripe_code_parity(s, DISK_BLOCK, col, col + s->k);
		for (unsigned r = 0; r < s->n; r++) {
			unsigned v = stripe_holder(s, m->turn, r);

			if (!(s->usable >> v & 1) ||
			    (!(m->lost[i] >> r & 1) &&
			     !memcmp(col[r], raw_block(m, r, i), DISK_BLOCK)))
				continue;
			int err = out->write(out->ctx, v, col[r], m->place + i * DISK_BLOCK);

			if (err)
				return err;
			mended[v]++;
		}
	}
	return 0;
}

static void mend_free(struct mend *m)
{
	for (size_t i = 0; i < m->suspects; i++)
		free(m->suspect[i].choice);
	free(m->suspect);
	free(m->raw);
	free(m->lost);
	free(m->data);
	free(m->spare);
}

int stripe_mend(struct storage_io *io, uint64_t offset, uint64_t bytes,
		const struct stripe_mend_judge *judge, const struct stripe_mend_out *out,
		uint64_t *mended)
{
	struct stripe_set *s = stripe_of(io);
	struct mend m = {.s = s, .turn = stripe_turn(s, offset), .judge = judge};
	int err = 0;

	m.stripes = (size_t)(bytes / ((uint64_t)s->k * DISK_BLOCK));
	m.column = m.stripes * DISK_BLOCK;
	m.place = stripe_place(s, stripe_block(offset));
	m.raw = stripe_alloc(s->n * m.column);
	m.data = stripe_alloc((size_t)bytes);
	m.spare = stripe_alloc((size_t)s->n * DISK_BLOCK);
	m.lost = calloc(m.stripes, sizeof(*m.lost));
	if (!m.raw || !m.data || !m.spare || !m.lost)
		err = -ENOMEM;
	for (unsigned r = 0; r < s->n && !err; r++)
		err = read_role(&m, r);
	for (size_t i = 0; i < m.stripes && !err; i++) {
		int agree = restore(&m, i, m.lost[i]);

		err = agree < 0 ? agree : agree ? 0 : suspect_stripe(&m, i);
	}
	if (!err)
		err = find_right(&m);
	if (!err)
		err = put_right(&m, out, mended);
	mend_free(&m);
	return err;
}
