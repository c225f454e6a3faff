/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/checkasm/checkasm.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "analyze/cpu.h"

#define INPUT_MAX   (1u << 20)
#define OUTPUT_MAX  8192
#define GUARD       64
#define CALLS       3   /* in a row on the same state: what one leaves the next takes up */
#define TIME_NS     2e6 /* of calls, for one time */
#define TIME_ROUNDS 9

/* --- memory ---------------------------------------------------------------------------------- */

static void die(const char *what)
{
	fprintf(stderr, "checkasm: %s\n", what);
	exit(2);
}

static void open_memory(struct checkasm *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < CHECKASM_INPUTS; i++) {
		struct checkasm_input *in = &c->input[i];

		in->size = INPUT_MAX + page;
		in->map = mmap(NULL, in->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
		if (in->map == MAP_FAILED || mprotect(in->map + INPUT_MAX, page, PROT_NONE))
			die("out of memory");
		in->end = in->map + INPUT_MAX;
	}
	for (unsigned i = 0; i < 2 * CHECKASM_OUTPUTS; i++) {
		c->output[i & 1][i / 2] = aligned_alloc(64, OUTPUT_MAX);
		if (!c->output[i & 1][i / 2])
			die("out of memory");
	}
}

static void close_memory(struct checkasm *c)
{
	for (unsigned i = 0; i < CHECKASM_INPUTS; i++)
		munmap(c->input[i].map, c->input[i].size);
	for (unsigned i = 0; i < 2 * CHECKASM_OUTPUTS; i++)
		free(c->output[i & 1][i / 2]);
}

/* xorshift64*: a seed repeats a run. */
uint32_t checkasm_random(struct checkasm *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (uint32_t)((c->random * 2685821657736338717ull) >> 32);
}

uint8_t checkasm_byte(struct checkasm *c)
{
	switch (c->kind) {
	case 0: return (uint8_t)checkasm_random(c);
	case 1: return checkasm_random(c) & 1 ? 255 : 0;
	case 2: return (uint8_t)(128 + checkasm_random(c) % 9);
	case 3: return 255;
	default: return 0;
	}
}

uint8_t *checkasm_in(struct checkasm *c, unsigned i, size_t bytes)
{
	uint8_t *p = c->input[i].end - bytes;

	if (bytes > INPUT_MAX)
		die("an input is too large");
	for (size_t k = 0; k < bytes; k++)
		p[k] = checkasm_byte(c);
	return p;
}

unsigned checkasm_out(struct checkasm *c, size_t bytes, size_t align,
		      void (*fill)(struct checkasm *c, uint8_t *p, size_t bytes))
{
	unsigned i = c->outputs++;
	size_t offset = GUARD + checkasm_random(c) % GUARD / align * align;

	if (offset + bytes + GUARD > OUTPUT_MAX || i == CHECKASM_OUTPUTS)
		die("an output is too large");
	c->offset[i] = offset;
	c->bytes[i] = bytes;
	for (size_t k = 0; k < offset + bytes + GUARD; k++)
		c->output[0][i][k] = (uint8_t)checkasm_random(c);
	if (fill)
		fill(c, c->output[0][i] + offset, bytes);
	memcpy(c->output[1][i], c->output[0][i], offset + bytes + GUARD);
	return i;
}

void *checkasm_at(const struct checkasm *c, unsigned i)
{
	return c->output[c->side][i] + c->offset[i];
}

/* --- testing --------------------------------------------------------------------------------- */

static bool same(const struct checkasm *c)
{
	for (unsigned i = 0; i < c->outputs; i++)
		if (memcmp(c->output[0][i], c->output[1][i], c->offset[i] + c->bytes[i] + GUARD))
			return false;
	return c->result[0] == c->result[1];
}

static bool check_once(struct checkasm *c, const struct checkasm_kernel *k,
		       const struct motion_dsp *dsp, unsigned n, unsigned variant)
{
	c->n = n;
	c->outputs = 0;
	c->result[0] = c->result[1] = 0;
	k->prepare(c, variant);
	for (unsigned call = 0; call < CALLS; call++) {
		c->side = 0;
		k->call(c, &motion_dsp_c);
		c->side = 1;
		k->call(c, dsp);
		if (!same(c)) {
			printf("  FAIL    %s of %s: width %u, variant %u, contents %d, call %u\n",
			       k->name, dsp->name, n, variant, c->kind, call);
			return false;
		}
	}
	return true;
}

static bool check(struct checkasm *c, const struct checkasm_kernel *k, const struct motion_dsp *dsp)
{
	for (unsigned variant = 0; variant < k->variants; variant++)
		for (unsigned n = 1; n <= k->widths; n++)
			for (c->kind = 0; c->kind < CHECKASM_KINDS; c->kind++)
				if (!check_once(c, k, dsp, n, variant))
					return false;
	c->kind = 0;
	return k->width <= k->widths || check_once(c, k, dsp, k->width, k->timed);
}

/* --- timing ---------------------------------------------------------------------------------- */

static double now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		die("no clock of processor time");
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double calls_ns(struct checkasm *c, const struct checkasm_kernel *k,
		       const struct motion_dsp *dsp, unsigned calls)
{
	double start = now_ns();

	for (unsigned i = 0; i < calls; i++)
		k->call(c, dsp);
	return now_ns() - start;
}

/* Nanoseconds a call, the shortest of some rounds: everything lies in the cache. */
static double time_kernel(struct checkasm *c, const struct checkasm_kernel *k,
			  const struct motion_dsp *dsp)
{
	unsigned calls = 1;
	double best;

	c->kind = 0;
	c->n = k->width;
	c->outputs = 0;
	c->side = 1;
	k->prepare(c, k->timed);
	while (calls_ns(c, k, dsp, calls) < TIME_NS && calls < 1u << 24)
		calls *= 2;
	best = calls_ns(c, k, dsp, calls);
	for (unsigned i = 1; i < TIME_ROUNDS; i++) {
		double t = calls_ns(c, k, dsp, calls);

		best = t < best ? t : best;
	}
	return best / calls;
}

static void report_times(struct checkasm *c, const struct motion_dsp *const tables[], unsigned n,
			 bool json)
{
	json_t *all = json_object();

	if (!json) {
		printf("%-20s", "ns a call, in cache");
		for (unsigned t = 0; t < n; t++)
			printf(" %16s", tables[t]->name);
		putchar('\n');
	}
	for (size_t i = 0; i < checkasm_motion_count; i++) {
		const struct checkasm_kernel *k = &checkasm_motion[i];
		json_t *row = json_object();
		double plain = 0;
		char name[32];

		snprintf(name, sizeof(name), "%s, %u", k->name, k->width);
		if (!json)
			printf("%-20s", name);
		for (unsigned t = 0; t < n; t++) {
			double ns = time_kernel(c, k, tables[t]);

			plain = t ? plain : ns;
			if (json_object_set_new(row, tables[t]->name, json_real(ns)))
				die("out of memory");
			if (!json)
				printf(" %8.1f %5.1fx ", ns, plain / ns);
		}
		if (json_object_set_new(all, name, row))
			die("out of memory");
		if (!json)
			putchar('\n');
	}
	if (json) {
		json_dumpf(all, stdout, JSON_REAL_PRECISION(6) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(all);
}

/* --- the program ----------------------------------------------------------------------------- */

static void usage(FILE *f)
{
	fprintf(f, "Usage: checkasm [--bench [--json]] [--seed N]\n\n"
		   "Tests every vector kernel against plain C; --bench times them as well.\n");
}

static int test_all(struct checkasm *c, const struct motion_dsp *const tables[], unsigned n)
{
	unsigned passed = 0, failed = 0, skipped = 0;

	for (unsigned t = 1; t < n; t++)
		for (size_t i = 0; i < checkasm_motion_count; i++) {
			if (check(c, &checkasm_motion[i], tables[t]))
				passed++;
			else
				failed++;
		}
	if (n < MOTION_DSP_MAX) {
		printf("SKIP: %u sets of vector kernels: this processor (or MATLANG_CPU_MASK) has "
		       "not what they take\n",
		       MOTION_DSP_MAX - n);
		skipped = (MOTION_DSP_MAX - n) * (unsigned)checkasm_motion_count;
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"bench", 0, NULL, 'b'},
		{"json", 0, NULL, 'j'},
		{"seed", 1, NULL, 's'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	const struct motion_dsp *tables[MOTION_DSP_MAX];
	unsigned n = motion_dsp_usable(tables, cpu_features());
	struct checkasm c = {.random = 88172645463325252ull};
	bool bench = false, json = false;
	int opt, ret = 0;

	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (opt) {
		case 'b': bench = true; break;
		case 'j': json = true; break;
		case 's': c.random ^= strtoull(optarg, NULL, 0) << 1; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	open_memory(&c);
	if (!json)
		ret = test_all(&c, tables, n);
	if (bench && !ret)
		report_times(&c, tables, n, json);
	close_memory(&c);
	return ret;
}
