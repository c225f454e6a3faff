/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather_copy is memcpy and format_crc32c, for every length and alignment, and touches no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "storage/disk_format.h"
#include "storage/gather_copy.h"

#define GUARD 64

static void check(size_t dst_off, size_t src_off, size_t len)
{
	size_t room = dst_off + len + 2 * GUARD;
	uint8_t *src = malloc(src_off + len + 1); /* ASan sees a read behind the end */
	uint8_t *dst = aligned_alloc(64, ALIGN_UP(room, (size_t)64));
	uint32_t want, got;

	assert_non_null(src);
	assert_non_null(dst);
	for (size_t i = 0; i < src_off + len; i++)
		src[i] = (uint8_t)(rand() >> 7);
	memset(dst, 0xa5, room);
	want = format_crc32c(7, src + src_off, len);
	got = gather_copy(dst + GUARD + dst_off, src + src_off, len, 7);
	assert_int_equal(got, want);
	assert_memory_equal(dst + GUARD + dst_off, src + src_off, len);
	for (size_t i = 0; i < GUARD + dst_off; i++)
		assert_int_equal(dst[i], 0xa5);
	for (size_t i = GUARD + dst_off + len; i < room; i++)
		assert_int_equal(dst[i], 0xa5);
	free(src);
	free(dst);
}

static void every_short_length_and_alignment(void **state)
{
	for (size_t len = 0; len <= 300; len++)
		for (size_t off = 0; off < 64; off += 8)
			check(off, (len * 13 + off) % 64, len);
}

static void around_the_blocks(void **state)
{
	static const size_t around[] = {4096, 8192, 65536, 100000};

	for (size_t a = 0; a < sizeof(around) / sizeof(around[0]); a++)
		for (int d = -65; d <= 65; d++)
			check((size_t)(d + 65) % 64, (size_t)(d + 70) % 9, around[a] + (size_t)d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_length_and_alignment),
		cmocka_unit_test(around_the_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
