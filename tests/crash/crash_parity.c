/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power cuts and lost disks. Random workloads write a store with parity on simulated disks; at
 * every write and flush, submitted or completed, all disks are cut off and come up with what they
 * had made durable and some of the rest; then any of them, as many as there is parity, are gone,
 * wiped, unreadable or give wrong bytes. In some workloads a disk fails while it is written to, in
 * others one is replaced and filled anew meanwhile. A reader, recovery, the reader again and
 * further appending must find everything that was reported durable, byte for byte and in order, and
 * nothing else; and once a disk that was away comes back, what it missed is not read from it.
 *
 * SEED=n runs that one workload; CRASH_STATES how many states in all (default 1200).
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/store_impl.h"
#include "storage/stripe.h"
#include "tests/crash/model.h"
#include "tests/lib/simarray.h"

#define STATES       1200u
#define WORKLOAD_OPS 400u
#define SEGMENTS     7u

static uint64_t states; /* of the running workload: a seed repeats it alone */

struct shape {
	unsigned disks, parity;
};
static const struct shape shapes[] = {{3, 1}, {5, 1}, {4, 2}, {5, 2}, {5, 3}, {2, 1}};

/* --- an empty store of each shape, made once with store_create ------------------------------- */

struct made {
	uint8_t *image[SIMARRAY_MAX];
	uint64_t size;
	struct format_super super;
};

static uint8_t *take_file(const struct model *m, const char *path, uint64_t size)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *image = malloc(size);

	model_check(m, f && image && fread(image, 1, size, f) == size, "cannot read %s", path);
	fclose(f);
	unlink(path);
	return image;
}

static const struct made *empty_store(const struct model *m, size_t which)
{
	static struct made all[sizeof(shapes) / sizeof(shapes[0])];
	struct made *made = &all[which];
	const struct shape *sh = &shapes[which];
	char top[] = "/tmp/matlang-parity-XXXXXX", path[SIMARRAY_MAX][64];
	const char *dirs[SIMARRAY_MAX];
	struct errmsg em = {0};
	uint64_t need;

	if (made->size)
		return made;
	do
		made->size += 256u << 10;
	while (format_layout_striped(made->size, sh->disks, sh->parity, 1u << 20, &made->super,
				     &need) ||
	       made->super.segments < SEGMENTS);
	const struct store_create_options o = {.size_bytes = made->size,
					       .segment_bytes = 1u << 20,
					       .parity = sh->parity,
					       .sparse = true};

	model_check(m, mkdtemp(top), "mkdtemp: %s", strerror(errno));
	for (unsigned i = 0; i < sh->disks; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/d%u", top, i);
		dirs[i] = path[i];
	}
	model_check(m, !store_create(dirs, sh->disks, &o, &em), "%s", em.text);
	for (unsigned i = 0; i < sh->disks; i++) {
		char file[128];

		snprintf(file, sizeof(file), "%s/volume-%u.matlang", path[i], i);
		made->image[i] = take_file(m, file, made->size);
		rmdir(path[i]);
	}
	rmdir(top);
	return made;
}

static struct simarray *new_array(const struct model *m, size_t which, uint64_t seed)
{
	const struct made *made = empty_store(m, which);
	struct simarray *a = calloc(1, sizeof(*a));

	model_check(m, a, "no memory");
	a->disks = shapes[which].disks;
	for (unsigned i = 0; i < a->disks; i++)
		a->disk[i] = simdisk_from_image(made->image[i], made->size, seed * 16 + i);
	return a;
}

/* --- losing disks --------------------------------------------------------------------------- */

enum loss_of_disk { GONE, WIPED, UNREADABLE, WRONG, ROTTEN, WAYS };
static const char *const way_names[] = {"gone", "wiped", "unreadable", "all wrong", "rotten"};

static void lose(struct simarray *a, unsigned i, enum loss_of_disk how, uint64_t *random)
{
	uint8_t *image = simdisk_image(a->disk[i]);
	uint64_t size = simdisk_size(a->disk[i]);

	switch (how) {
	case GONE: a->gone[i] = true; break;
	case WIPED: memset(image, 0, size); break;
	case UNREADABLE: simdisk_set_unreadable(a->disk[i], DISK_AREAS_START, size); break;
	case WRONG: memset(image + DISK_AREAS_START, 0x5a, size - DISK_AREAS_START); break;
	default:
		for (uint64_t at = DISK_AREAS_START; at < size; at += DISK_BLOCK)
			if (simdisk_random(random) % 4 == 0)
				image[at + simdisk_random(random) % DISK_BLOCK] ^= 0x10;
	}
}

/* Of those not lost already, `count`. */
static void lose_some(struct model *m, struct simarray *a, unsigned count, uint32_t lost,
		      char *what, size_t size)
{
	size_t at = strlen(what);

	while (count) {
		unsigned i = (unsigned)model_random(m, a->disks);
		enum loss_of_disk how = (enum loss_of_disk)model_random(m, WAYS);

		if (lost >> i & 1)
			continue;
		lost |= 1u << i;
		lose(a, i, how, &m->random);
		at += (size_t)snprintf(what + at, size - at, ", disk %u %s", i, way_names[how]);
		count--;
	}
}

/* --- one state ------------------------------------------------------------------------------ */

static void adopt(struct model *m, const struct model *from, struct simarray *a)
{
	model_adopt(m, from);
	m->io_ctx = a;
	m->operations = simarray_submitted(from->io_ctx);
}

static void read_array(struct model *m, struct simarray *a, struct model_shown *out)
{
	model_read_io(m, m->dirs, &simarray_io, a, out);
}

/* Goes on without the lost disks; then those that were only away come back. */
static void go_on(struct model *m, const struct model_shown *before)
{
	struct simarray *a = m->io_ctx;
	struct model_shown after, back;

	for (size_t i = 0; i < m->items; i++)
		m->item[i].position = 0;
	/* Nor does a lock that was not durable. */
	if (!m->durable || m->lock_position > m->durable)
		m->lock_position = 0;
	int err = 0;

	for (unsigned i = 0; i < 6; i++) {
		err = model_append(m);
		/* What is left may all be locked. */
		for (unsigned k = 0; err == -ENOSPC && k < 400; k++) {
			model_release(m);
			model_turn(m);
			err = model_append(m);
		}
		model_check(m, !err, "appending after recovery: %s", strerror(-err));
	}
	err = store_close(m->store);

	m->store = NULL;
	model_check(m, !err, "closing after recovery: %s", strerror(-err));
	read_array(m, a, &after);
	model_check_follows(m, before, &after);
	model_check(m, after.count >= 6 && after.id[after.count - 1] == m->items,
		    "what was appended after recovery is not there");
	m->doing = "with a disk back that was away";
	for (unsigned i = 0; i < a->disks; i++)
		a->gone[i] = false;
	read_array(m, a, &back);
	model_check(m, model_same_shown(&after, &back), "%zu records without it, %zu with it",
		    after.count, back.count);
	model_shown_free(&after);
	model_shown_free(&back);
}

/* The power fails now, and `more` disks are lost with it. `lost`: those that are already. */
static void cut_power(struct model *m, unsigned more, uint32_t lost)
{
	enum simdisk_crash how = (enum simdisk_crash)(states % SIMDISK_CRASH_MODES);
	struct simarray *a = simarray_crash(m->io_ctx, how, m->seed * 1000003 + states);
	char doing[256] = "after the cut";
	struct model_shown first, second;
	struct model up;

	adopt(&up, m, a);
	up.random = m->seed * 7919 + states;
	up.doing = doing;
	lose_some(&up, a, more ? (unsigned)model_random(&up, more + 1) : 0, lost, doing,
		  sizeof(doing));
	read_array(&up, a, &first);
	model_check_durable(&up, &first);
	int err = model_open(&up);

	model_check(&up, !err, "recovery: %s", up.trouble);
	read_array(&up, a, &second);
	model_check(&up, model_same_shown(&first, &second),
		    "recovery changed what there is: %zu records before, %zu after", first.count,
		    second.count);
	model_check_durable(&up, &second);
	if (up.durable == UINT64_MAX)
		up.durable = 0; /* all of it was; positions go on from where they are */
	if (states % 3 == 0) {
		go_on(&up, &second);
	} else {
		err = store_close(up.store);
		up.store = NULL;
		model_check(&up, !err, "closing: %s", strerror(-err));
	}
	model_shown_free(&first);
	model_shown_free(&second);
	model_end(&up);
	simarray_free(a);
	states++;
}

/* --- a workload ----------------------------------------------------------------------------- */

struct run {
	struct model m;
	struct simarray *a;
	unsigned parity;
	unsigned faulty; /* a disk that fails on the way; `disks`: none */
	bool cut;
	unsigned replaced; /* a disk that is filled anew; `disks`: none */
	struct simdisk *old;
	struct stripe_rebuild_window window;
	struct storage_io *copy_to;
	uint8_t *mem;
	bool copied, rebuilt; /* a window is copied and not settled; all of it counts */
};

/* A disk that does not count now. */
static uint32_t lost_of(const struct run *r)
{
	if (r->faulty < r->a->disks)
		return 1u << r->faulty;
	return r->replaced < r->a->disks && !r->rebuilt ? 1u << r->replaced : 0;
}

/* How many others may be lost with the power. */
static unsigned more_of(const struct run *r)
{
	return r->parity - (lost_of(r) != 0);
}

/* Another disk in the place of one, empty but for its superblock. */
static void replace_disk(struct run *r, uint64_t seed)
{
	struct model *m = &r->m;
	unsigned i = (unsigned)model_random(m, r->a->disks);
	uint64_t size = simdisk_size(r->a->disk[i]);
	struct format_super super = *stripe_super(m->store->io);
	uint8_t *image = calloc(1, size);
	struct storage_io *io;
	struct errmsg em = {0};

	model_check(m, image, "no memory");
	super.volume_index = i;
	memset(super.volume_uuid, 0x77, sizeof(super.volume_uuid));
	format_super_encode(image + DISK_SUPER_A, &super);
	format_super_encode(image + DISK_SUPER_B, &super);
	r->old = r->a->disk[i];
	r->a->disk[i] = simdisk_from_image(image, size, seed);
	r->replaced = i;
	free(image);
	model_check(m,
		    !simdisk_io.open(r->a->disk[i], "new", STORAGE_IO_WRITE | STORAGE_IO_LOCK,
				     m->reactor, &io, &em),
		    "%s", em.text);
	model_check(m,
		    !simdisk_io.open(r->a->disk[i], "new", STORAGE_IO_WRITE, m->reactor,
				     &r->copy_to, &em),
		    "%s", em.text);
	model_check(m, !stripe_rebuild_begin(m->store->io, i, io, super.volume_uuid, "new"),
		    "a rebuild cannot begin");
	r->mem = aligned_alloc(4096, stripe_rebuild_memory(m->store->io));
	model_check(m, r->mem, "no memory");
}

/* One third of a window's way: opened, copied, settled; other things happen in between. */
static void rebuild_on(struct run *r)
{
	struct storage_io *io = r->m.store->io;

	if (r->replaced == r->a->disks || r->rebuilt)
		return;
	if (r->copied) {
		stripe_rebuild_settle(io, &r->window);
		r->copied = false;
		r->window.to = 0;
	} else if (r->window.to) {
		model_check(&r->m, !stripe_rebuild_copy(io, &r->window, r->copy_to, r->mem),
			    "copying for the rebuild");
		r->copied = true;
	} else if (stripe_rebuild_window(io, &r->window) <= 0) {
		r->window.to = 0;
		store_commit(r->m.store);
	}
	r->rebuilt = !stripe_missing(io);
}

static void maybe_cut(struct run *r, uint64_t submitted, uint64_t completed)
{
	if (r->cut &&
	    (simarray_submitted(r->a) != submitted || simarray_completed(r->a) != completed))
		cut_power(&r->m, more_of(r), lost_of(r));
}

static void turn(struct run *r)
{
	uint64_t submitted = simarray_submitted(r->a), completed = simarray_completed(r->a);

	model_turn(&r->m);
	maybe_cut(r, submitted, completed);
}

static void one_step(struct run *r)
{
	struct model *m = &r->m;
	uint64_t submitted = simarray_submitted(r->a), completed = simarray_completed(r->a);
	int err = 0;

	rebuild_on(r);
	switch (model_random(m, 24)) {
	case 0:
	case 1: store_commit(m->store); break;
	case 2: model_lock(m); break;
	default: err = model_append(m); break;
	}
	maybe_cut(r, submitted, completed);
	if (err == -ENOBUFS || err == -ENOSPC)
		for (unsigned i = 0; i < 60; i++)
			turn(r);
	else
		model_check(m, !err, "appending: %s", strerror(-err));
	if (err == -ENOSPC && m->lock_position)
		model_lock(m);
	for (uint64_t n = model_random(m, 8); n; n--)
		turn(r);
}

static uint64_t workload(uint64_t seed, uint64_t want)
{
	size_t which = seed % (sizeof(shapes) / sizeof(shapes[0]));
	struct run r = {.parity = shapes[which].parity};

	states = 0;
	model_start_bare(&r.m, seed);
	r.a = new_array(&r.m, which, seed);
	r.m.io = &simarray_io;
	r.m.io_ctx = r.a;
	r.m.dirs = simarray_dirs(r.a);
	r.m.segment_bytes = empty_store(&r.m, which)->super.segment_bytes;
	r.m.segments = empty_store(&r.m, which)->super.segments;
	for (unsigned i = 0; i < r.a->disks; i++)
		simdisk_set_timing(r.a->disk[i], (unsigned)(seed + i) % 3, seed % 2);
	r.faulty = seed % 3 == 2 ? (unsigned)model_random(&r.m, r.a->disks) : r.a->disks;
	if (r.faulty < r.a->disks)
		simdisk_set_fault(r.a->disk[r.faulty], 10 + model_random(&r.m, 60), UINT64_MAX,
				  -EIO);
	r.m.doing = "opening a new store";
	model_check(&r.m, !model_open(&r.m), "%s", r.m.trouble);
	r.m.doing = "writing";
	r.replaced = r.a->disks;
	uint64_t skip = seed % 2 ? 900 + seed % 7 * 40 : 0;

	for (uint64_t i = 0; i < skip + WORKLOAD_OPS && states < want; i++) {
		r.cut = i >= skip;
		if (i == skip / 2 + 3 && seed % 3 == 1)
			replace_disk(&r, seed);
		one_step(&r);
	}
	int err = store_close(r.m.store);

	r.m.store = NULL;
	model_check(&r.m, !err, "closing: %s (%s)", strerror(-err), r.m.trouble);
	for (unsigned i = 0; i < MODEL_CAMERAS; i++)
		model_check(&r.m, !r.m.lost[i], "frames were lost with as many disks as needed");
	r.m.durable = UINT64_MAX;
	r.m.doing = "after a clean end";
	/* Nothing is under way any more: only disks are lost. */
	cut_power(&r.m, more_of(&r), lost_of(&r));
	if (r.copy_to)
		r.copy_to->ops->close(r.copy_to);
	free(r.mem);
	simdisk_free(r.old);
	model_end(&r.m);
	simarray_free(r.a);
	return states;
}

int main(void)
{
	const char *one = getenv("SEED"), *count = getenv("CRASH_STATES");
	uint64_t want = count ? strtoull(count, NULL, 10) : STATES;
	uint64_t runs = 0, all = 0;

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (one) {
		all = workload(strtoull(one, NULL, 10), UINT64_MAX);
		runs = 1;
	}
	for (uint64_t seed = 1; !one && all < want; seed++, runs++)
		all += workload(seed, want / 24 + 1);
	printf("%" PRIu64 " power cuts with lost disks in %" PRIu64 " workloads\n", all, runs);
	printf("%" PRIu64 " passed, 0 failed, 0 skipped\n", all);
	return 0;
}
