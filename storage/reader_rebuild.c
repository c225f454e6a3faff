/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The segment table without a checkpoint: from the header and the seal of every segment. */
#include <errno.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

struct found {
	struct format_segment header;
	struct format_seal seal;
	bool sealed, taken;
};

static int by_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->header.sequence < y->header.sequence ? -1
						       : x->header.sequence > y->header.sequence;
}

static struct found *find_found(struct found *all, size_t n, uint64_t sequence)
{
	const struct found key = {.header.sequence = sequence};

	return bsearch(&key, all, n, sizeof(*all), by_found);
}

static int find_all(struct reader *r, struct found **out, size_t *count)
{
	CLEANUP_FREE struct found *all = NULL;
	size_t n = 0, room = 0;

	for (uint32_t i = 0; i < r->super.segments; i++) {
		if (n == room) {
			room = room ? room * 2 : 64;
			void *p = reallocarray(all, room, sizeof(*all));

			if (!p)
				return -ENOMEM;
			all = p;
		}
		all[n] = (struct found){0};
		int err = reader_header(r, i, &all[n].header);

		if (err == -EBADMSG || err == -EPROTO || err == -EIO)
			continue;
		if (!err)
			err = reader_seal(r, i, all[n].header.sequence, all[n].header.nonce,
					  &all[n].seal);
		/* One bad block must not hide its neighbours. */
		if (err && err != -EBADMSG && err != -EPROTO && err != -EIO)
			return err;
		all[n++].sealed = !err;
	}
	qsort(all, n, sizeof(*all), by_found);
	*out = TAKE_PTR(all);
	*count = n;
	return 0;
}

static int take_found(struct reader *r, struct found *f)
{
	uint32_t end;

	reader_index_enter(r, &f->header);
	f->taken = true;
	return reader_index_read_head(r, &f->header, 0, &end);
}

int reader_index_rebuild(struct reader *r)
{
	CLEANUP_FREE struct found *all = NULL;
	size_t n = 0;
	int err = find_all(r, &all, &n);

	for (size_t i = 0; i < n && !err; i++) {
		struct found *f = &all[i];
		struct found *prev = find_found(all, n, f->header.prev_sequence);

		if (prev && prev->header.nonce != f->header.prev_nonce)
			prev = NULL;
		if (prev &&
		    (!prev->taken || f->header.prev_end > r->segment[prev->header.index].end))
			continue;
		if (!prev && f->header.prev_sequence && !f->sealed)
			continue;
		if (prev)
			r->segment[prev->header.index].end = f->header.prev_end;
		if (prev && r->scan)
			r->scan->complete = true;
		err = take_found(r, f);
	}
	reader_index_sort(r);
	return err;
}
