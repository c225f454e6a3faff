/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain C kernels against what they are to compute, said another way, and the choice of tables.
 * The vector kernels are held against plain C by tests/checkasm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/cpu.h"
#include "analyze/motion_dsp.h"

/* xorshift64*: the tests repeat. */
static uint64_t random_state = 88172645463325252ull;

static uint32_t rnd(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 2685821657736338717ull) >> 32);
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

/* A pixel as the background has it stays; one far off is foreground, and when it has stood for
 * long enough it is the background. */
static void test_model_absorbs(void **state)
{
	uint8_t cur = 200, lo = 100, hi = 100, spread = 8, base = 40, cand = 0, age = 0;
	uint16_t mean = 100 * MOTION_MEAN_ONE, dev = MOTION_DEV_ONE;
	uint8_t fg;
	struct motion_row row = {1, &cur, &lo, &hi, &spread, &base, &mean, &dev, &cand, &age, &fg};
	struct motion_row_params p = {.gain = 16384,
				      .factor = 64,
				      .tick = 1,
				      .absorb = 3,
				      .mean_rate = 512,
				      .dev_rate = 164,
				      .dev_cap = 5120,
				      .dev_init = 300,
				      .same = 4};

	for (int frame = 0; frame < 3; frame++) {
		motion_dsp_c.model(&row, &p);
		assert_int_equal(fg, 1);
		assert_int_equal(mean, 100 * MOTION_MEAN_ONE);
	}
	motion_dsp_c.model(&row, &p);
	assert_int_equal(mean, 200 * MOTION_MEAN_ONE);
	assert_int_equal(dev, 300);
	lo = hi = 200;
	motion_dsp_c.model(&row, &p);
	assert_int_equal(fg, 0);
	assert_int_equal(mean, 200 * MOTION_MEAN_ONE);
}

/* What MATLANG_CPU_MASK leaves out is not used. */
static void test_mask(void **state)
{
	assert_int_equal(setenv("MATLANG_CPU_MASK", "0", 1), 0);
	assert_int_equal(cpu_features(), 0);
	/* AVX-512 kernels lean on those of AVX2. */
	assert_int_equal(setenv("MATLANG_CPU_MASK", "2", 1), 0);
	assert_int_equal(cpu_features(), 0);
	assert_int_equal(unsetenv("MATLANG_CPU_MASK"), 0);
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
		cmocka_unit_test(test_reduce_is_the_mean),
		cmocka_unit_test(test_model_absorbs),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_select),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
