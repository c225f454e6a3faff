/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scrubbing: blocks of sealed segments are spoilt at random, on no more volumes of a stripe than
 * there is parity; after one pass every volume is what it was, byte for byte. What cannot be put
 * right is told and left as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/scrub.h"
#include "storage/scrub_impl.h"
#include "storage/store_impl.h"
#include "tests/lib/simarray.h"

#define NOTE_BYTES 3900u
#define NOTES      1500u
#define TURN_NS    (20 * NSEC_PER_MSEC)

struct shape {
	unsigned disks, parity;
};

/* A part of the volumes that one sealed segment fills. */
struct range {
	uint64_t from, to;
};

struct bench {
	struct shape shape;
	char top[64], dirs[600];
	uint8_t *good[SIMARRAY_MAX];
	uint64_t size;
	struct range range[64];
	unsigned ranges;
	uint64_t random;
	unsigned spots;       /* blocks spoilt */
	unsigned held, lines; /* by scrub_run */
	bool holding, refuse;
};

static void append(struct bench *b, struct store *s, struct reactor *r, unsigned notes)
{
	char text[NOTE_BYTES + 1];

	for (unsigned i = 0; i < notes; i++) {
		for (unsigned k = 0; k < NOTE_BYTES; k++)
			text[k] = (char)('a' + simdisk_random(&b->random) % 26);
		text[NOTE_BYTES] = 0;
		assert_int_equal(store_append_note(s, 0, text), 0);
		if (i % 32 == 0)
			assert_int_equal(reactor_turn(r, 0), 0);
	}
}

static void fill(struct bench *b)
{
	struct errmsg em = {""};
	struct reactor *r;
	struct store *s;

	assert_int_equal(reactor_create(&r, 64, &em), 0);
	assert_int_equal(store_open(&s, b->dirs, r, NULL, NULL, NULL, &em), 0);
	append(b, s, r, NOTES);
	assert_int_equal(store_close(s), 0);
	reactor_destroy(r);
}

static void volume_name(const struct bench *b, unsigned v, char out[128])
{
	snprintf(out, 128, "%s/d%u/volume-%u.matlang", b->top, v, v);
}

static uint8_t *load(const struct bench *b, unsigned v, uint64_t *size)
{
	char name[128];

	volume_name(b, v, name);
	FILE *f = fopen(name, "rbe");

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*size = (uint64_t)ftell(f);
	rewind(f);
	uint8_t *p = malloc(*size);

	assert_non_null(p);
	assert_int_equal(fread(p, 1, *size, f), *size);
	fclose(f);
	return p;
}

static void save(const struct bench *b, unsigned v, const uint8_t *p)
{
	char name[128];

	volume_name(b, v, name);
	FILE *f = fopen(name, "r+be");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, b->size, f), b->size);
	assert_int_equal(fclose(f), 0);
}

static void add_range(struct bench *b, const struct reader *r, uint32_t index, uint32_t from,
		      uint32_t to)
{
	uint64_t k = b->shape.disks - b->shape.parity;
	uint64_t at = format_segment_offset(&r->super, index) - DISK_AREAS_START;

	assert_true(b->ranges < 64);
	b->range[b->ranges++] = (struct range){DISK_AREAS_START + (at + from) / k,
					       DISK_AREAS_START + (at + to) / k};
}

static void find_ranges(struct bench *b)
{
	struct errmsg em = {""};
	struct reader *r;

	assert_int_equal(reader_open_io(&r, b->dirs, &storage_io_uring, NULL, &em), 0);
	for (size_t i = 0; i < r->used; i++) {
		const struct reader_segment *e = &r->segment[r->order[i]];
		struct format_seal f;

		if (e->state != FORMAT_SEALED)
			continue;
		assert_int_equal(reader_seal(r, r->order[i], e->sequence, e->nonce, &f), 0);
		add_range(b, r, r->order[i], 0, e->end);
		add_range(b, r, r->order[i], f.seal_start, r->super.segment_bytes);
	}
	reader_close(r);
	assert_true(b->ranges >= 6);
}

static struct bench *bench_new(struct shape shape)
{
	const struct store_create_options o = {.size_bytes = 8 << 20,
					       .segment_bytes = 1 << 20,
					       .parity = shape.parity,
					       .sparse = true};
	struct bench *b = calloc(1, sizeof(*b));
	char dir[SIMARRAY_MAX][96];
	const char *dirs[SIMARRAY_MAX];
	struct errmsg em = {""};

	assert_non_null(b);
	b->shape = shape;
	b->random = shape.disks * 10 + shape.parity;
	snprintf(b->top, sizeof(b->top), "/tmp/matlang-scrub-XXXXXX");
	assert_non_null(mkdtemp(b->top));
	for (unsigned v = 0; v < shape.disks; v++) {
		snprintf(dir[v], sizeof(dir[v]), "%s/d%u", b->top, v);
		dirs[v] = dir[v];
		snprintf(b->dirs + strlen(b->dirs), sizeof(b->dirs) - strlen(b->dirs), "%s%s",
			 v ? "," : "", dir[v]);
	}
	assert_int_equal(store_create(dirs, shape.disks, &o, &em), 0);
	fill(b);
	for (unsigned v = 0; v < shape.disks; v++)
		b->good[v] = load(b, v, &b->size);
	find_ranges(b);
	return b;
}

static void bench_free(struct bench *b)
{
	char line[128];

	for (unsigned v = 0; v < b->shape.disks; v++)
		free(b->good[v]);
	snprintf(line, sizeof(line), "rm -rf %s", b->top);
	assert_int_equal(system(line), 0);
	free(b);
}

static unsigned dice(struct bench *b, unsigned n)
{
	return (unsigned)(simdisk_random(&b->random) % n);
}

static uint64_t any_place(struct bench *b)
{
	const struct range *g = &b->range[dice(b, b->ranges)];

	return g->from + dice(b, (unsigned)((g->to - g->from) / DISK_BLOCK)) * DISK_BLOCK;
}

static bool spoilt(const struct bench *b, uint8_t *const image[], uint64_t place)
{
	for (unsigned v = 0; v < b->shape.disks; v++)
		if (memcmp(image[v] + place, b->good[v] + place, DISK_BLOCK) != 0)
			return true;
	return false;
}

/* The blocks of `n` volumes at some place, a bit of each or all of it; never twice at one. */
static void spoil(struct bench *b, uint8_t *const image[], unsigned n)
{
	uint64_t place;

	do
		place = any_place(b);
	while (spoilt(b, image, place));
	for (uint32_t hit = 0; n;) {
		unsigned v = dice(b, b->shape.disks);
		uint8_t *block = image[v] + place;

		if (hit >> v & 1)
			continue;
		hit |= UINT32_C(1) << v;
		n--;
		b->spots++;
		if (dice(b, 2))
			block[dice(b, DISK_BLOCK)] ^= (uint8_t)(1u << dice(b, 8));
		else
			for (unsigned i = 0; i < DISK_BLOCK; i++)
				block[i] = (uint8_t)~block[i];
	}
}

/* --- one pass over simulated disks ---------------------------------------------------------- */

static struct simarray *array_of(const struct bench *b)
{
	struct simarray *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->disks = b->shape.disks;
	for (unsigned v = 0; v < a->disks; v++)
		a->disk[v] = simdisk_from_image(b->good[v], b->size, v + 1);
	return a;
}

static int hold(void *ctx, uint32_t index, uint64_t sequence)
{
	struct bench *b = ctx;

	assert_false(b->holding);
	if (b->refuse)
		return -ESTALE;
	b->holding = true;
	b->held++;
	return 0;
}

static void release(void *ctx)
{
	struct bench *b = ctx;

	assert_true(b->holding);
	b->holding = false;
}

static void hear(void *ctx, const char *line)
{
	struct bench *b = ctx;

	assert_non_null(strstr(line, "scrub: segment "));
	b->lines++;
}

static void no_progress(void *ctx, uint64_t done, uint64_t total, const struct scrub_counts *c)
{
	assert_true(done <= total);
}

static struct scrub_counts scrub(struct bench *b, struct simarray *a)
{
	struct paced pace = {.ops = &simarray_io, .ctx = a};
	struct scrub_pass p = {.dirs = simarray_dirs(a),
			       .pace = &pace,
			       .hold = hold,
			       .release = release,
			       .tell = hear,
			       .progress = no_progress,
			       .ctx = b};
	struct errmsg em = {""};

	b->lines = b->held = 0;
	assert_int_equal(scrub_run(&p, &em), 0);
	assert_false(b->holding);
	return p.counts;
}

static void images(struct simarray *a, uint8_t *image[])
{
	for (unsigned v = 0; v < a->disks; v++)
		image[v] = simdisk_image(a->disk[v]);
}

static void assert_good(const struct bench *b, struct simarray *a)
{
	for (unsigned v = 0; v < a->disks; v++)
		assert_memory_equal(simdisk_image(a->disk[v]), b->good[v], b->size);
}

static const struct shape shapes[] = {{3, 1}, {5, 1}, {4, 2}, {5, 3}};

static void test_puts_right_what_parity_can_tell(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct bench *b = bench_new(shapes[i]);

		for (unsigned round = 0; round < 6; round++) {
			struct simarray *a = array_of(b);
			uint8_t *image[SIMARRAY_MAX];

			images(a, image);
			b->spots = 0;
			for (unsigned n = 0; n < 2 + 2 * round; n++)
				spoil(b, image, 1 + dice(b, b->shape.parity));
			struct scrub_counts c = scrub(b, a);

			if (c.unrepaired)
				print_error("%u disks, %u parity, round %u\n", b->shape.disks,
					    b->shape.parity, round);
			assert_int_equal(c.unrepaired, 0);
			assert_true(c.found > 0 && b->lines > 0 && b->held == b->lines);
			assert_int_equal(c.repaired, b->spots);
			assert_good(b, a);
			assert_int_equal(scrub(b, a).found, 0);
			simarray_free(a);
		}
		bench_free(b);
	}
}

static void test_whole_volume_is_wrong(void **state)
{
	struct bench *b = bench_new((struct shape){4, 1});
	struct simarray *a = array_of(b);
	uint8_t *lying = simdisk_image(a->disk[2]);

	(void)state;
	for (unsigned i = 0; i < b->ranges; i++)
		memset(lying + b->range[i].from, 0xa5, b->range[i].to - b->range[i].from);
	struct scrub_counts c = scrub(b, a);

	assert_int_equal(c.unrepaired, 0);
	assert_good(b, a);
	simarray_free(a);
	bench_free(b);
}

static void test_unreadable_blocks_are_written_anew(void **state)
{
	struct bench *b = bench_new((struct shape){5, 2});

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		struct simarray *a = array_of(b);
		uint64_t place = any_place(b);
		unsigned v = dice(b, 5);

		memset(simdisk_image(a->disk[v]) + place, 0, DISK_BLOCK);
		simdisk_set_unreadable(a->disk[v], place, DISK_BLOCK);
		/* And a volume that lies in the same stripe. */
		simdisk_image(a->disk[(v + 1) % 5])[place + 7] ^= 4;
		struct scrub_counts c = scrub(b, a);

		/* This disk stays unreadable whatever is written: so it is told. */
		assert_true(c.unrepaired > 0);
		assert_int_equal(c.repaired, 2);
		simdisk_set_unreadable(a->disk[v], 0, 0);
		assert_good(b, a);
		assert_int_equal(scrub(b, a).found, 0);
		simarray_free(a);
	}
	bench_free(b);
}

static void test_too_much_is_told_and_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct bench *b = bench_new(shapes[i]);

		for (unsigned round = 0; round < 4; round++) {
			struct simarray *a = array_of(b);
			uint8_t *image[SIMARRAY_MAX], *before[SIMARRAY_MAX];

			images(a, image);
			spoil(b, image, b->shape.parity + 1);
			for (unsigned v = 0; v < a->disks; v++) {
				before[v] = malloc(b->size);
				assert_non_null(before[v]);
				memcpy(before[v], image[v], b->size);
			}
			struct scrub_counts c = scrub(b, a);

			assert_true(c.found > 0 && c.unrepaired > 0);
			assert_int_equal(c.repaired, 0);
			for (unsigned v = 0; v < a->disks; v++) {
				assert_memory_equal(image[v], before[v], b->size);
				free(before[v]);
			}
			simarray_free(a);
		}
		bench_free(b);
	}
}

static void test_given_up_segment_is_left(void **state)
{
	struct bench *b = bench_new((struct shape){3, 1});
	struct simarray *a = array_of(b);
	uint8_t *image[SIMARRAY_MAX];
	uint64_t written = simarray_submitted(a);

	(void)state;
	images(a, image);
	spoil(b, image, 1);
	b->refuse = true;
	assert_int_equal(scrub(b, a).repaired, 0);
	assert_int_equal(simarray_submitted(a), written);
	simarray_free(a);
	bench_free(b);
}

static void test_without_parity_it_is_told(void **state)
{
	struct bench *b = bench_new((struct shape){1, 0});
	uint8_t *image = malloc(b->size);
	uint64_t size;

	(void)state;
	assert_non_null(image);
	memcpy(image, b->good[0], b->size);
	image[b->range[0].from + DISK_BLOCK + 100] ^= 1;
	save(b, 0, image);
	struct paced pace = {.ops = &storage_io_uring};
	struct scrub_pass p = {.dirs = b->dirs,
			       .pace = &pace,
			       .hold = hold,
			       .release = release,
			       .tell = hear,
			       .progress = no_progress,
			       .ctx = b};
	struct errmsg em = {""};

	assert_int_equal(scrub_run(&p, &em), 0);
	assert_true(p.counts.found > 0);
	assert_int_equal(p.counts.unrepaired, p.counts.found);
	assert_int_equal(p.counts.repaired, 0);
	assert_int_equal(b->held, 0);
	uint8_t *after = load(b, 0, &size);

	assert_memory_equal(after, image, size);
	free(after);
	free(image);
	bench_free(b);
}

/* --- beside the writer ---------------------------------------------------------------------- */

static void test_beside_a_writer(void **state)
{
	struct bench *b = bench_new((struct shape){4, 1});
	uint8_t *image[SIMARRAY_MAX];
	struct verify_result res;
	struct errmsg em = {""};
	struct scrub_stats st;
	struct reactor *r;
	struct store *s;
	uint64_t size;

	(void)state;
	for (unsigned v = 0; v < 4; v++)
		image[v] = load(b, v, &size);
	for (unsigned n = 0; n < 6; n++)
		spoil(b, image, 1);
	for (unsigned v = 0; v < 4; v++) {
		save(b, v, image[v]);
		free(image[v]);
	}
	assert_int_equal(reactor_create(&r, 64, &em), 0);
	assert_int_equal(store_open(&s, b->dirs, r, NULL, NULL, NULL, &em), 0);
	scrub_stats(s, &st);
	assert_false(st.running);
	scrub_set_rate(s, 0);
	assert_int_equal(scrub_start(s, &em), 0);
	assert_int_equal(scrub_start(s, &em), -EBUSY);
	do {
		assert_int_equal(store_append_note(s, 0, "beside"), 0);
		assert_int_equal(reactor_turn(r, TURN_NS), 0);
		scrub_stats(s, &st);
	} while (st.running);
	assert_string_equal(st.failed, "");
	assert_int_equal(st.repaired, b->spots);
	assert_int_equal(st.unrepaired, 0);
	assert_int_equal(st.done, st.total);
	assert_true(st.finished_ns > 0);
	/* A pass that is stopped, or that the store closes upon, ends. */
	scrub_set_rate(s, 1);
	assert_int_equal(scrub_start(s, &em), 0);
	assert_int_equal(store_close(s), 0);
	reactor_destroy(r);
	for (unsigned v = 0; v < 4; v++) {
		uint8_t *now = load(b, v, &size);

		for (unsigned i = 0; i < b->ranges; i++)
			assert_memory_equal(now + b->range[i].from, b->good[v] + b->range[i].from,
					    b->range[i].to - b->range[i].from);
		free(now);
	}
	assert_int_equal(verify_store(b->dirs, NULL, &res, &em), 0);
	assert_int_equal(res.damaged, 0);
	bench_free(b);
}

/* The store goes round more than once, past a segment that is held. */
static void test_held_segment_is_not_given_up(void **state)
{
	struct bench *b = bench_new((struct shape){1, 0});
	struct errmsg em = {""};
	uint32_t oldest = 0;
	struct reactor *r;
	struct store *s;

	(void)state;
	assert_int_equal(reactor_create(&r, 64, &em), 0);
	assert_int_equal(store_open(&s, b->dirs, r, NULL, NULL, NULL, &em), 0);
	while (s->table[oldest].state != FORMAT_SEALED || oldest == s->next_index)
		oldest++;
	uint64_t sequence = s->table[oldest].sequence, before = s->last_sequence;

	s->held = oldest;
	append(b, s, r, 2 * NOTES);
	assert_true(s->last_sequence > before + s->super.segments);
	assert_int_equal(s->table[oldest].state, FORMAT_SEALED);
	assert_int_equal(s->table[oldest].sequence, sequence);
	s->held = DISK_NO_SEGMENT;
	append(b, s, r, 2 * NOTES);
	assert_true(s->table[oldest].sequence != sequence);
	assert_int_equal(store_close(s), 0);
	reactor_destroy(r);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_puts_right_what_parity_can_tell),
		cmocka_unit_test(test_whole_volume_is_wrong),
		cmocka_unit_test(test_unreadable_blocks_are_written_anew),
		cmocka_unit_test(test_too_much_is_told_and_left),
		cmocka_unit_test(test_given_up_segment_is_left),
		cmocka_unit_test(test_without_parity_it_is_told),
		cmocka_unit_test(test_beside_a_writer),
		cmocka_unit_test(test_held_segment_is_not_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
