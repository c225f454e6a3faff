/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kernel of every table this processor can run, against the C text: random and extreme
 * inputs, all widths around the vector sizes, odd alignments and strides, guard bytes around what
 * may be written, and inputs that end where the next page cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/cpu.h"
#include "analyze/motion_dsp.h"

#define WIDTH_MAX 200
#define GUARD     64
#define ROUNDS    3

/* xorshift64*: the tests repeat. */
static uint64_t random_state = 88172645463325252ull;

static uint32_t rnd(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 2685821657736338717ull) >> 32);
}

/* Random, all low, all high, or only the two ends. */
static uint8_t byte_of(int kind)
{
	switch (kind) {
	case 0: return (uint8_t)rnd();
	case 1: return rnd() & 1 ? 255 : 0;
	case 2: return (uint8_t)(128 + rnd() % 9);
	default: return 255;
	}
}

/* Memory whose last byte is followed by a page that faults. */
struct edge {
	uint8_t *map, *end;
	size_t size;
};

static struct edge edge_new(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t body = (bytes + page - 1) / page * page;
	struct edge e = {.size = body + page};

	e.map = mmap(NULL, e.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(e.map != MAP_FAILED);
	assert_int_equal(mprotect(e.map + body, page, PROT_NONE), 0);
	e.end = e.map + body;
	return e;
}

static void edge_free(struct edge *e)
{
	munmap(e->map, e->size);
}

/* The table under test: main goes through all of them. */
static const struct motion_dsp *tested;

static const struct motion_dsp *other(void)
{
	if (!tested) {
		print_message("SKIP: this processor has no vector instructions that are used\n");
		skip();
	}
	return tested;
}

static void test_reduce(void **state)
{
	const struct motion_dsp *simd = other();
	struct edge e = edge_new((size_t)WIDTH_MAX * 64 * 33);
	uint8_t want[WIDTH_MAX + 2 * GUARD], got[WIDTH_MAX + 2 * GUARD];

	for (unsigned step = 1; step <= 2; step++)
		for (unsigned shift = 0; shift <= MOTION_REDUCE_MAX_SHIFT; shift++)
			for (unsigned n = 1; n <= 140; n += n < 70 ? 1 : 7)
				for (int kind = 0; kind < 4; kind++) {
					unsigned rows = 1u << shift;
					/* From the first to the last sample: the page ends right
					 * behind. */
					size_t span = (size_t)(n << shift) * step - (step - 1);
					size_t stride = span + rnd() % 37;
					uint8_t *src = e.end - (stride * (rows - 1) + span);

					for (uint8_t *p = src; p < e.end; p++)
						*p = byte_of(kind);
					memset(want, 0x5a, sizeof(want));
					memset(got, 0x5a, sizeof(got));
					motion_dsp_c.reduce(want + GUARD, src, (ptrdiff_t)stride, n,
							    shift, step, NULL);
					simd->reduce(got + GUARD, src, (ptrdiff_t)stride, n, shift,
						     step, rnd() & 1 ? e.end : NULL);
					assert_memory_equal(want, got, sizeof(want));
				}
	edge_free(&e);
}

/* The C text itself, against a mean taken another way. */
static void test_reduce_is_the_mean(void **state)
{
	uint8_t src[16 * 16], out[4];
	double sum[4] = {0};

	for (size_t i = 0; i < sizeof(src); i++) {
		src[i] = (uint8_t)rnd();
		sum[i % 16 / 4] += i / 16 < 4 ? src[i] : 0;
	}
	motion_dsp_c.reduce(out, src, 16, 4, 2, 1, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(out[i], (int)(sum[i] / 16 + 0.5));
}

static void test_cell_sums(void **state)
{
	const struct motion_dsp *simd = other();
	struct edge e = edge_new(64 * 32);
	uint32_t want[64], got[64];

	for (unsigned shift = 2; shift <= 5; shift++)
		for (unsigned n = 1; n <= 40; n++)
			for (int kind = 0; kind < 4; kind++) {
				uint8_t *row = e.end - ((size_t)n << shift);

				for (uint8_t *p = row; p < e.end; p++)
					*p = byte_of(kind);
				for (unsigned i = 0; i < 64; i++)
					want[i] = got[i] = rnd();
				motion_dsp_c.cell_sums(want, row, n, shift);
				simd->cell_sums(got, row, n, shift);
				assert_memory_equal(want, got, sizeof(want));
			}
	edge_free(&e);
}

static void test_project(void **state)
{
	const struct motion_dsp *simd = other();
	struct edge e = edge_new(WIDTH_MAX);
	uint32_t want[WIDTH_MAX + 8], got[WIDTH_MAX + 8];

	for (unsigned n = 1; n <= WIDTH_MAX; n++)
		for (int kind = 0; kind < 4; kind++) {
			uint8_t *row = e.end - n;

			for (unsigned i = 0; i < n; i++)
				row[i] = byte_of(kind);
			for (unsigned i = 0; i < WIDTH_MAX + 8; i++)
				want[i] = got[i] = rnd();
			assert_int_equal(motion_dsp_c.project(want, row, n),
					 simd->project(got, row, n));
			assert_memory_equal(want, got, sizeof(want));
		}
	edge_free(&e);
}

static void test_blend(void **state)
{
	const struct motion_dsp *simd = other();
	struct edge e = edge_new(WIDTH_MAX + 1);
	uint8_t want[WIDTH_MAX + 2 * GUARD], got[WIDTH_MAX + 2 * GUARD];

	for (unsigned n = 1; n <= WIDTH_MAX; n++)
		for (unsigned f = 0; f <= 16; f++) {
			uint8_t *a = e.end - n - 1, *b = e.end - n;

			for (unsigned i = 0; i <= n; i++)
				a[i] = byte_of((int)(f % 4));
			memset(want, 0x5a, sizeof(want));
			memset(got, 0x5a, sizeof(got));
			motion_dsp_c.blend(want + GUARD, a, b, n, f);
			simd->blend(got + GUARD, a, b, n, f);
			assert_memory_equal(want, got, sizeof(want));
		}
	edge_free(&e);
}

static void test_derive(void **state)
{
	const struct motion_dsp *simd = other();
	uint16_t mean[WIDTH_MAX], dev[WIDTH_MAX];
	uint8_t want[2][WIDTH_MAX + GUARD], got[2][WIDTH_MAX + GUARD];

	for (unsigned n = 1; n <= WIDTH_MAX; n++)
		for (int kind = 0; kind < 3; kind++) {
			for (unsigned i = 0; i < n; i++) {
				mean[i] = kind ? (rnd() & 1 ? MOTION_MEAN_MAX : 0)
					       : (uint16_t)(rnd() % (MOTION_MEAN_MAX + 1));
				dev[i] = kind == 2 ? INT16_MAX : (uint16_t)(rnd() & INT16_MAX);
			}
			memset(want, 0x5a, sizeof(want));
			memset(got, 0x5a, sizeof(got));
			motion_dsp_c.derive(want[0], want[1], mean, dev, n);
			simd->derive(got[0], got[1], mean, dev, n);
			assert_memory_equal(want, got, sizeof(want));
		}
}

static void test_envelope(void **state)
{
	const struct motion_dsp *simd = other();
	struct edge e = edge_new((WIDTH_MAX + 2) * 6);
	uint8_t want[3][WIDTH_MAX + GUARD], got[3][WIDTH_MAX + GUARD];

	for (unsigned n = 1; n <= WIDTH_MAX; n++)
		for (int kind = 0; kind < 4; kind++) {
			const uint8_t *m[3], *d[3];

			for (int r = 0; r < 3; r++) {
				m[r] = e.end - (size_t)(n + 2) * (2 * r + 1) + 1;
				d[r] = e.end - (size_t)(n + 2) * (2 * r + 2) + 1;
			}
			for (uint8_t *p = e.end - (size_t)(n + 2) * 6; p < e.end; p++)
				*p = byte_of(kind);
			memset(want, 0x5a, sizeof(want));
			memset(got, 0x5a, sizeof(got));
			motion_dsp_c.envelope(want[0], want[1], want[2], m, d, n);
			simd->envelope(got[0], got[1], got[2], m, d, n);
			assert_memory_equal(want, got, sizeof(want));
		}
	edge_free(&e);
}

/* A whole model row with guards: compared as one block of memory. */
struct model_row {
	uint16_t mean[WIDTH_MAX + GUARD], dev[WIDTH_MAX + GUARD];
	uint8_t in[6][WIDTH_MAX + GUARD];
	uint8_t state[2][WIDTH_MAX + GUARD];
	uint8_t out[2][WIDTH_MAX + GUARD];
};

static void fill_model(struct model_row *r, int kind)
{
	for (unsigned i = 0; i < WIDTH_MAX; i++) {
		uint8_t a = byte_of(kind), b = byte_of(kind);

		r->in[0][i] = byte_of(kind);
		r->in[1][i] = byte_of(kind);
		r->in[2][i] = a < b ? a : b;
		r->in[3][i] = a < b ? b : a;
		r->in[4][i] = kind ? byte_of(kind) : (uint8_t)(rnd() % 40);
		r->in[5][i] = (uint8_t)(kind ? byte_of(kind) : rnd() % 100);
		r->state[0][i] = byte_of(kind);
		r->state[1][i] = (uint8_t)(rnd() % 3 ? rnd() % 220 : 255);
		r->mean[i] = (uint16_t)(kind ? byte_of(kind) * 128 : rnd() % (MOTION_MEAN_MAX + 1));
		r->dev[i] = (uint16_t)(kind == 1 ? (rnd() & 1) * INT16_MAX : rnd() & INT16_MAX);
	}
}

static void run_model(const struct motion_dsp *dsp, struct model_row *r, unsigned n,
		      const struct motion_row_params *p)
{
	struct motion_row row = {
		.n = n,
		.cur = r->in[0],
		.prev = r->in[1],
		.lo = r->in[2],
		.hi = r->in[3],
		.spread = r->in[4],
		.base = r->in[5],
		.mean = r->mean,
		.dev = r->dev,
		.cand = r->state[0],
		.age = r->state[1],
		.fg = r->out[0],
		.stir = r->out[1],
	};

	dsp->model(&row, p);
}

static struct motion_row_params random_params(void)
{
	bool wild = rnd() & 1;

	return (struct motion_row_params){
		.gain = (int16_t)(wild ? rnd() & INT16_MAX : 16384),
		.offset = (int16_t)(wild ? (int)(rnd() & 0xffff) - 0x8000 : 0),
		.factor = (int16_t)(rnd() % 128),
		.mean_rate = (int16_t)(rnd() & INT16_MAX),
		.dev_rate = (int16_t)(rnd() & INT16_MAX),
		.fg_mean_rate = (int16_t)(rnd() & 1 ? 0 : rnd() & INT16_MAX),
		.fg_dev_rate = (int16_t)(rnd() & 1 ? 0 : rnd() & INT16_MAX),
		.dev_cap = (int16_t)(rnd() % 16384),
		.dev_init = (int16_t)(rnd() & INT16_MAX),
		.still = (uint8_t)(wild ? rnd() : rnd() % 24),
		.same = (uint8_t)(rnd() % 16),
		.tick = (uint8_t)(rnd() % 4 ? rnd() & 1 : 255),
		.absorb = (uint8_t)(1 + rnd() % 255),
	};
}

static void test_model(void **state)
{
	const struct motion_dsp *simd = other();
	struct model_row *want = calloc(1, sizeof(*want)), *got = calloc(1, sizeof(*got));

	assert_non_null(want);
	assert_non_null(got);
	for (unsigned n = 1; n <= WIDTH_MAX; n++)
		for (int round = 0; round < ROUNDS * 4; round++) {
			struct motion_row_params p = random_params();

			fill_model(want, round % 4);
			memcpy(got, want, sizeof(*want));
			/* Several frames: what one leaves the next takes up. */
			for (int frame = 0; frame < 3; frame++) {
				run_model(&motion_dsp_c, want, n, &p);
				run_model(simd, got, n, &p);
				assert_memory_equal(want, got, sizeof(*want));
			}
			for (unsigned i = 0; i < n; i++) {
				assert_true(want->mean[i] <= MOTION_MEAN_MAX);
				assert_true(want->dev[i] <= INT16_MAX);
			}
		}
	free(want);
	free(got);
}

static void test_select(void **state)
{
	assert_string_equal(motion_dsp_select(0)->name, "c");
	assert_string_equal(motion_dsp_select(CPU_AVX512)->name, "c");
#if defined(__x86_64__)
	assert_string_equal(motion_dsp_select(CPU_AVX2)->name, "avx2");
	assert_string_equal(motion_dsp_select(CPU_AVX2 | CPU_AVX512)->name, "avx512");
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reduce),    cmocka_unit_test(test_reduce_is_the_mean),
		cmocka_unit_test(test_cell_sums), cmocka_unit_test(test_project),
		cmocka_unit_test(test_blend),     cmocka_unit_test(test_derive),
		cmocka_unit_test(test_envelope),  cmocka_unit_test(test_model),
		cmocka_unit_test(test_select),
	};

	const struct motion_dsp *tables[MOTION_DSP_MAX];
	unsigned n = motion_dsp_usable(tables, cpu_features());
	int failed = 0;

	for (unsigned i = n > 1; i < n; i++) {
		tested = i ? tables[i] : NULL;
		failed += cmocka_run_group_tests_name(tables[i]->name, tests, NULL, NULL);
	}
	return failed;
}
