/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Footage for rack cameras: what the module takes, from pictures of both formats. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "capture/core/pixfmt.h"
#include "tools/matlang/rackdir.h"
#include "tools/matlang/rackfootage.h"

/* SOI, a table, something like a scan, EOI. */
static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xdb, 0, 4, 1, 2, 0xff, 0xda, 9, 9, 0xff, 0xd9};
/* Parameter sets, then an IDR slice behind a start code of four bytes. */
static const uint8_t idr[] = {0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 4};
static const uint8_t slice[] = {0, 0, 1, 0x41, 5, 6, 7};

static void jpegs_get_room(void **state)
{
	struct rackfootage f = {.head.fourcc = PIXFMT_MJPEG};
	const uint8_t *d;

	assert_int_equal(rackfootage_add(&f, jpeg, sizeof(jpeg)), 0);
	assert_int_equal(f.head.count, 1);
	assert_int_equal(f.picture[0].size, sizeof(jpeg) - 2 + MATLANG_RACK_JPEG_AREA);
	assert_int_equal(f.picture[0].stamp, 0);
	d = f.data;
	assert_memory_equal(d, "\xff\xd8\xff\xfe\x00\x2a", 6);
	assert_memory_equal(d + 46, "\xff\xfe\x00\x12", 4);
	assert_memory_equal(d + MATLANG_RACK_JPEG_AREA, jpeg + 2, sizeof(jpeg) - 2);
	/* Given its own pictures, it does not pile up room. */
	{
		struct rackfootage again = {.head.fourcc = PIXFMT_MJPEG};

		assert_int_equal(rackfootage_add(&again, d, f.size), 0);
		assert_int_equal(again.size, f.size + 20);
		rackfootage_free(&again);
	}
	assert_int_equal(rackfootage_add(&f, idr, sizeof(idr)), -EBADMSG);
	assert_int_equal(rackfootage_add(&f, jpeg, 3), -EBADMSG);
	assert_int_equal(f.head.count, 1);
	rackfootage_free(&f);
}

static void access_units_get_room(void **state)
{
	struct rackfootage f = {.head.fourcc = PIXFMT_H264};

	assert_int_equal(rackfootage_add(&f, idr, sizeof(idr)), 0);
	assert_int_equal(rackfootage_add(&f, slice, sizeof(slice)), 0);
	assert_int_equal(f.head.count, 2);
	assert_int_equal(f.picture[0].stamp, 11); /* before the slice's start code, all of it */
	assert_int_equal(f.picture[1].stamp, 0);
	for (unsigned i = 0, at = 0; i < 2; at += f.picture[i++].size) {
		const uint8_t *area = f.data + at + f.picture[i].stamp;

		assert_memory_equal(area, "\0\0\0\1\6\5\x80" MATLANG_RACK_SEI_UUID, 23);
		assert_int_equal(area[MATLANG_RACK_SEI_AREA - 1], 0x80);
		for (unsigned k = 23; k < MATLANG_RACK_SEI_AREA - 1; k++)
			assert_int_equal(area[k], '0');
	}
	assert_memory_equal(f.data, idr, 11);
	assert_memory_equal(f.data + 11 + MATLANG_RACK_SEI_AREA, idr + 11, sizeof(idr) - 11);
	assert_int_equal(rackfootage_add(&f, idr, 11), -EBADMSG); /* no slice */
	rackfootage_free(&f);
}

static void no_more_than_is_wanted(void **state)
{
	struct rackfootage f = {.head.fourcc = PIXFMT_H264, .max = 3};
	uint8_t *large = calloc(1, 100 << 20);

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rackfootage_add(&f, slice, sizeof(slice)), 0);
	assert_int_equal(rackfootage_add(&f, slice, sizeof(slice)), 1);
	rackfootage_free(&f);
	/* Nor than the module takes. */
	f = (struct rackfootage){.head.fourcc = PIXFMT_H264};
	memcpy(large, slice, sizeof(slice));
	assert_int_equal(rackfootage_add(&f, large, 100 << 20), 0);
	assert_int_equal(rackfootage_add(&f, large, 100 << 20), 0);
	assert_int_equal(rackfootage_add(&f, large, 100 << 20), 1);
	assert_int_equal(f.head.count, 2);
	free(large);
	rackfootage_free(&f);
}

static void a_scene_is_written_whole(void **state)
{
	char dir[] = "/tmp/test_rackXXXXXX", path[64];
	struct matlang_rack_footage head;
	struct matlang_rack_picture p;
	struct rackfootage f = {0};
	struct errmsg em;
	size_t bytes = 0;
	FILE *file;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/footage", dir);
	assert_int_equal(rackfootage_draw(&f, 128, 96, &em), 0);
	assert_int_equal(rackfootage_write(&f, path, &em), -ENOENT); /* the module has made it */
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(rackfootage_write(&f, path, &em), 0);
	file = fopen(path, "r");
	assert_int_equal(fread(&head, sizeof(head), 1, file), 1);
	assert_memory_equal(head.magic, MATLANG_RACK_FOOTAGE_MAGIC, 8);
	assert_int_equal(head.version, MATLANG_RACK_FOOTAGE_VERSION);
	assert_int_equal(head.width, 128);
	assert_int_equal(head.height, 96);
	assert_true(head.count > 16);
	for (unsigned i = 0; i < head.count; i++) {
		assert_int_equal(fread(&p, sizeof(p), 1, file), 1);
		bytes += p.size;
	}
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	assert_int_equal(ftell(file), sizeof(head) + head.count * sizeof(p) + bytes);
	fclose(file);
	unlink(path);
	rmdir(dir);
	rackfootage_free(&f);
}

static void names_and_places(void **state)
{
	struct control rack;
	struct errmsg em;

	assert_true(rackdir_name_ok("gate-01"));
	assert_false(rackdir_name_ok(""));
	assert_false(rackdir_name_ok(".."));
	assert_false(rackdir_name_ok("a/b"));
	assert_false(rackdir_name_ok("0123456789012345678901234567890123456789"));
	assert_int_equal(rackdir_open(&rack, "/nonexistent", &em), -ENOENT);
	assert_non_null(strstr(em.text, "modprobe matlang_rack"));
	assert_int_equal(rackdir_open(&rack, "/tmp", &em), 0);
	assert_int_equal(rackdir_set(&rack, "no-such-camera", "rates", "5", &em), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpegs_get_room),
		cmocka_unit_test(access_units_get_room),
		cmocka_unit_test(no_more_than_is_wanted),
		cmocka_unit_test(a_scene_is_written_whole),
		cmocka_unit_test(names_and_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
