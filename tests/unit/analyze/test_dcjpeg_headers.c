/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers cameras write: what the DC decoder takes as libjpeg-turbo does, and what it refuses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "capture/core/bytes.h"
#include "capture/core/compiler.h"
#include "tests/unit/analyze/jpegs.h"

static void remove_segments(struct jpegs_file *j, uint8_t marker)
{
	size_t at;

	while ((at = jpegs_find_marker(j, marker)))
		jpegs_splice(j, at, 2u + bytes_be16(j->data + at + 2), NULL, 0);
}

static void test_tables_left_out(void **state)
{
	for (int sub = TJSAMP_444; sub <= TJSAMP_411; sub++) {
		struct jpegs_shape s = {.w = 163, .h = 85, .subsampling = sub, .quality = 77};
		struct jpegs_file j = jpegs_make(&s);
		struct jpegs_decoded o;
		int w, h;
		uint8_t *want = jpegs_reference(&j, &w, &h);

		remove_segments(&j, 0xc4);
		assert_int_equal(jpegs_decode(&o, &j), 0);
		jpegs_same(&o, want, "without tables");
		jpegs_close(&o);
		free(want);
		free(j.data);
	}
}

static void test_padding(void **state)
{
	static const uint8_t fill[] = {0xff, 0xff, 0xff}, junk[] = {1, 2, 0xff, 0, 3};
	struct jpegs_shape s = {.w = 163, .h = 85, .subsampling = TJSAMP_420, .quality = 77};
	struct jpegs_file j = jpegs_make(&s);
	struct jpegs_decoded o;
	int w, h;
	uint8_t *want = jpegs_reference(&j, &w, &h), tail[600];

	jpegs_splice(&j, jpegs_find_marker(&j, 0xc0), 0, fill, sizeof(fill));
	jpegs_splice(&j, 2, 0, junk, sizeof(junk));
	/* Before the end, behind it, and the end itself gone. */
	memset(tail, 0, sizeof(tail));
	jpegs_splice(&j, j.size - 2, 0, tail, sizeof(tail));
	memset(tail, 0xff, sizeof(tail));
	jpegs_splice(&j, j.size, 0, tail, sizeof(tail));
	assert_int_equal(jpegs_decode(&o, &j), 0);
	jpegs_same(&o, want, "padded");
	jpegs_close(&o);
	jpegs_splice(&j, j.size - 2 * sizeof(tail) - 2, 2 * sizeof(tail) + 2, NULL, 0);
	assert_int_equal(jpegs_decode(&o, &j), 0);
	jpegs_same(&o, want, "without its end");
	jpegs_close(&o);
	free(want);
	free(j.data);
}

static void test_extended_and_wide_quantisers(void **state)
{
	struct jpegs_shape s = {.w = 100, .h = 85, .subsampling = TJSAMP_422, .quality = 50};
	struct jpegs_file j = jpegs_make(&s);
	uint8_t wide[2 + 2 + 1 + 128] = {0xff, 0xdb, 0, 131, 0x10};
	struct jpegs_decoded o;
	int w, h;
	uint8_t *want = jpegs_reference(&j, &w, &h);
	size_t at = jpegs_find_marker(&j, 0xdb);

	j.data[jpegs_find_marker(&j, 0xc0) + 1] = 0xc1;
	jpegs_check(&j, "extended");
	/* The same luma table in 16 bits. */
	for (int i = 0; i < 64; i++)
		wide[5 + 2 * i + 1] = j.data[at + 5 + (size_t)i];
	jpegs_splice(&j, at, 2u + bytes_be16(j.data + at + 2), wide, sizeof(wide));
	assert_int_equal(jpegs_decode(&o, &j), 0);
	jpegs_same(&o, want, "wide quantisers");
	jpegs_close(&o);
	free(want);
	free(j.data);
}

static void refused_at(int line, const struct jpegs_file *j, int want)
{
	struct jpegs_decoded o;
	int err = jpegs_decode(&o, j);

	jpegs_close(&o);
	if (err != want)
		fail_msg("line %d: %d instead of %d", line, err, want);
}

#define refused(j, err) refused_at(__LINE__, j, err)

static void test_other_kinds(void **state)
{
	struct jpegs_shape s = {.w = 64, .h = 48, .subsampling = TJSAMP_420, .quality = 50};
	struct jpegs_shape progressive = s;
	struct jpegs_file j = jpegs_make(&s), p;
	size_t sof = jpegs_find_marker(&j, 0xc0), sos = jpegs_find_marker(&j, 0xda);
	uint8_t *rgb = jpegs_draw(64, 48);

	progressive.progressive = true;
	p = jpegs_make(&progressive);
	refused(&p, -EOPNOTSUPP);
	free(p.data);
	/* Four colours. */
	p = jpegs_encode(rgb, &(struct jpegs_shape){.w = 36, .h = 48, .quality = 50}, TJPF_CMYK);
	refused(&p, -EOPNOTSUPP);
	free(p.data);
	free(rgb);
	/* Arithmetic, lossless; 12 bits. */
	j.data[sof + 1] = 0xc9;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 1] = 0xc3;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 1] = 0xc1;
	j.data[sof + 4] = 12;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 4] = 8;
	/* Luma smaller than chroma. */
	j.data[sof + 11] = 0x11;
	j.data[sof + 14] = 0x22;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 11] = 0x22;
	j.data[sof + 14] = 0x11;
	/* A part of the spectrum. */
	j.data[sos + 12] = 5;
	refused(&j, -EOPNOTSUPP);
	j.data[sos + 12] = 63;
	jpegs_check(&j, "restored");
	/* RGB: told by Adobe's marker, or by the names, where JFIF's is missing. */
	remove_segments(&j, 0xe0);
	jpegs_splice(&j, 2, 0,
		     "\xff\xee\0\x0e"
		     "Adobe\0\x64\0\0\0\0\0",
		     16);
	refused(&j, -EOPNOTSUPP);
	j.data[2 + 15] = 1;
	jpegs_check(&j, "YCbCr by Adobe");
	remove_segments(&j, 0xee);
	jpegs_check(&j, "YCbCr by names");
	for (size_t i = 0; i < 3; i++) {
		j.data[jpegs_find_marker(&j, 0xc1) + 10 + 3 * i] = (uint8_t) "RGB"[i];
		j.data[jpegs_find_marker(&j, 0xda) + 5 + 2 * i] = (uint8_t) "RGB"[i];
	}
	refused(&j, -EOPNOTSUPP);
	free(j.data);
}

static void test_damaged_headers(void **state)
{
	struct jpegs_shape s = {.w = 64, .h = 48, .subsampling = TJSAMP_420, .quality = 50};
	struct jpegs_file j = jpegs_make(&s), c;
	size_t sof = jpegs_find_marker(&j, 0xc0), sos = jpegs_find_marker(&j, 0xda);
	size_t dht = jpegs_find_marker(&j, 0xc4), dqt = jpegs_find_marker(&j, 0xdb);
	const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{0, 0},           {1, 0xd9},        {sof + 3, 16},   {sof + 6, 0},
		{sof + 11, 0x02}, {sof + 11, 0x25}, {sof + 12, 4},   {sof + 12, 3},
		{sos + 5, 9},     {sos + 6, 0x40},  {sos + 6, 0x33}, {sos + 3, 11},
		{dht + 4, 0x20},  {dht + 4, 0x04},  {dht + 5, 3},    {dht + 20, 255},
		{dht + 21, 0x1f}, {dqt + 4, 0x05},  {dqt + 4, 0x20}, {dqt + 4, 0x10},
		{dqt + 5, 0},     {sof + 1, 0xd9},  {sof + 1, 0xfe},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct jpegs_decoded o;

		c = jpegs_copy(j.data, j.size);
		c.data[bad[i].at] = bad[i].value;
		if (bad[i].at == sof + 6)
			c.data[sof + 5] = 0; /* no height */
		if (jpegs_decode(&o, &c) != -EBADMSG)
			fail_msg("case %zu was taken", i);
		jpegs_close(&o);
		free(c.data);
	}
	/* Cut in the headers: at every byte. */
	for (size_t cut = 0; cut < sos + 14; cut++) {
		c = jpegs_copy(j.data, cut);
		refused(&c, -EBADMSG);
		free(c.data);
	}
	/* As many codes as before, but more short ones than there can be. */
	c = jpegs_copy(j.data, j.size);
	c.data[dht + 5] = 5;
	c.data[dht + 7] = 0;
	refused(&c, -EBADMSG);
	free(c.data);
	/* Two frame headers. */
	c = jpegs_copy(j.data, j.size);
	jpegs_splice(&c, sof, 0, j.data + sof, 19);
	refused(&c, -EBADMSG);
	free(c.data);
	free(j.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_left_out),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_extended_and_wide_quantisers),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_damaged_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
