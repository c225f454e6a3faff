/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Once through the store: every sealed segment is verified, damaged ones are mended and looked at
 * again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/scrub_impl.h"
#include "storage/stripe.h"

static int look(const struct scrub_pass *p, struct reader *r, uint32_t index,
		struct verify_findings *f)
{
	const struct reader_segment e = r->segment[index];
	struct verify_result sum = {0};
	int err = verify_segment(r, index, f, &sum);

	if (!err)
		err = verify_stripes(r, index, &e, f, &sum);
	/* Reads that were refused for it are no findings. */
	return atomic_load(&p->pace->stop) ? -ECANCELED : err;
}

static void tell(struct scrub_pass *p, const struct verify_findings *f, uint64_t repaired,
		 uint64_t left)
{
	char line[ERRMSG_MAX];
	char did[96];

	snprintf(did, sizeof(did),
		 left ? "%" PRIu64 " blocks repaired, %" PRIu64 " places cannot be"
		      : "repaired, %" PRIu64 " blocks",
		 repaired, left);
	snprintf(line, sizeof(line), "scrub: %s (%" PRIu64 " findings): %s",
		 f->count ? f->line[0] : "damage", (uint64_t)f->count + f->more, did);
	p->tell(p->ctx, line);
}

/* The segment has been given up, or is not what it was. */
static bool stale(struct reader *r, uint32_t index, const struct reader_segment *e)
{
	return reader_index_stale(r, index, e->sequence, e->nonce);
}

static int mend(struct scrub_pass *p, struct reader *r, uint32_t index, uint64_t *repaired)
{
	uint64_t mended[DISK_VOLUMES_MAX] = {0};
	int err = p->hold(p->ctx, index, r->segment[index].sequence);

	if (err)
		return err;
	err = scrub_mend(r, index, p->pace, mended);
	p->release(p->ctx);
	for (unsigned v = 0; v < DISK_VOLUMES_MAX; v++)
		*repaired += mended[v];
	return err;
}

static int scrub_segment(struct scrub_pass *p, struct reader *r, uint32_t index)
{
	const struct reader_segment e = r->segment[index];
	struct verify_findings f = {0}, after = {0};
	uint64_t repaired = 0;
	int err = look(p, r, index, &f);

	/* A volume that was just given up is not to be compared any more. */
	if (!err && (f.count || f.more) && r->io->ops->refresh && r->io->ops->refresh(r->io) > 0) {
		verify_findings_free(&f);
		err = look(p, r, index, &f);
	}
	p->counts.segments += !err;
	if (err || !(f.count || f.more) || stale(r, index, &e))
		goto out;
	if (stripe_is(r->io) && r->super.parity_count) {
		int mended = mend(p, r, index, &repaired);

		if (mended == -ESTALE)
			goto out;
		/* What a disk refuses stays as it is: it is told, and the next one gets its turn.
		 */
		err = mended == -ECANCELED || mended == -ENOMEM ? mended : 0;
	}
	if (!err)
		err = look(p, r, index, &after);
	if (!err && !stale(r, index, &e)) {
		p->counts.found += f.count + f.more;
		p->counts.repaired += repaired;
		p->counts.unrepaired += after.count + after.more;
		tell(p, &f, repaired, after.count + after.more);
	}
out:
	verify_findings_free(&f);
	verify_findings_free(&after);
	return err;
}

static int all_segments(struct scrub_pass *p, struct reader *r)
{
	uint64_t next = 0, done = 0, total = (uint64_t)r->used * r->super.segment_bytes;
	uint64_t last = r->used ? r->segment[r->order[r->used - 1]].sequence : 0;

	for (;;) {
		p->progress(p->ctx, done < total ? done : total, total, &p->counts);
		int err = reader_refresh(r);
		size_t i = reader_index_find(r, next);

		if (err)
			return err;
		if (atomic_load(&p->pace->stop))
			return -ECANCELED;
		if (i >= r->used || r->segment[r->order[i]].sequence > last)
			return 0;
		next = r->segment[r->order[i]].sequence + 1;
		if (r->io->ops->refresh)
			(void)r->io->ops->refresh(r->io);
		/* Never the open ones: what is in flight there is nobody's business. */
		if (r->segment[r->order[i]].state == FORMAT_SEALED)
			err = scrub_segment(p, r, r->order[i]);
		if (err)
			return err;
		done += r->super.segment_bytes;
	}
}

int scrub_run(struct scrub_pass *p, struct errmsg *em)
{
	struct reader *r;
	int err = reader_open_io(&r, p->dirs, &storage_io_paced, p->pace, em);

	if (err)
		return err;
	err = all_segments(p, r);
	reader_close(r);
	if (err && err != -ECANCELED)
		errmsg_set(em, err, "cannot scrub %s: %s", p->dirs, strerror(-err));
	return err;
}
