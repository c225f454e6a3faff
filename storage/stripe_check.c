/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the blocks of a stripe say the same, parity too. */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_STRIPES 64u /* compared at once */

struct check {
	struct stripe_set *s;
	uint8_t *mem; /* n columns read, then up to m made */
	struct stripe_check *out;
};

/* The roles from k on that were read, made anew from the first k. */
static int compare(struct check *c, uint64_t at, size_t column, unsigned turn)
{
	struct stripe_set *s = c->s;
	unsigned have[DISK_VOLUMES_MAX], more[DISK_VOLUMES_MAX], n = 0, nmore = 0;
	uint8_t *from[DISK_VOLUMES_MAX], *read[DISK_VOLUMES_MAX], *made[DISK_VOLUMES_MAX];

	for (unsigned role = 0; role < s->n; role++) {
		unsigned v = stripe_holder(s, turn, role);
		struct iovec iov = {c->mem + role * column, column};

		if (!(s->usable >> v & 1))
			continue;
		if (s->volume[v].io->ops->readv(s->volume[v].io, &iov, 1, at)) {
			c->out->unreadable |= UINT32_C(1) << v;
			continue;
		}
		if (n < s->k) {
			have[n] = role;
			from[n++] = iov.iov_base;
		} else {
			more[nmore] = role;
			read[nmore] = iov.iov_base;
			made[nmore] = c->mem + (s->n + nmore) * column;
			nmore++;
		}
	}
	c->out->stripes += column / DISK_BLOCK;
	if (n < s->k || !nmore)
		return 0;
	int err = stripe_code_restore(s, column, have, from, more, nmore, made);

	for (size_t i = 0; !err && i < column; i += DISK_BLOCK) {
		bool same = true;

		for (unsigned r = 0; r < nmore; r++)
			same = same && !memcmp(read[r] + i, made[r] + i, DISK_BLOCK);
		if (!same && !c->out->differing++)
			c->out->first = at + i;
	}
	return err;
}

int stripe_compare(struct storage_io *io, uint64_t offset, uint64_t bytes, struct stripe_check *out)
{
	struct stripe_set *s = stripe_of(io);
	const size_t most = (size_t)CHECK_STRIPES * DISK_BLOCK;
	struct check c = {.s = s, .mem = stripe_alloc((size_t)(s->n + s->m) * most), .out = out};
	uint64_t at = stripe_place(s, stripe_block(offset)), left = bytes / s->k;
	int err = c.mem ? 0 : -ENOMEM;

	*out = (struct stripe_check){0};
	while (left && !err) {
		size_t n = left < most ? (size_t)left : most;

		err = compare(&c, at, n, stripe_turn(s, offset));
		at += n;
		left -= n;
	}
	free(c.mem);
	return err;
}
