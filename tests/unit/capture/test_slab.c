/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slabs: the layout of slots, what a kind refuses, and that nothing is left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/core/frame.h"
#include "capture/slab.h"

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void check_layout(const struct slab *s)
{
	const uint8_t *end = s->base;

	assert_int_equal(s->size, s->nslots * s->slot_size);
	assert_int_equal(s->slot_size % FRAME_BLOCK, 0);
	for (unsigned i = 0; i < s->nslots; i++) {
		const struct slab_slot *slot = &s->slot[i];

		assert_ptr_equal(slot->base, s->base + i * s->slot_size);
		assert_ptr_equal(slot->plane[0], slot->base);
		for (unsigned p = 0; p < s->nplanes; p++) {
			assert_int_equal((uintptr_t)slot->plane[p] % FRAME_BLOCK, 0);
			assert_true(slot->plane[p] >= end);
			end = slot->plane[p] + s->plane_size[p];
			memset(slot->plane[p], (int)(i * 4 + p + 1), s->plane_size[p]);
		}
		assert_true(end + FRAME_TRAILER_ROOM <= slot->base + s->slot_size);
	}
	for (unsigned i = 0; i < s->nslots; i++)
		for (unsigned p = 0; p < s->nplanes; p++) {
			assert_int_equal(s->slot[i].plane[p][0], i * 4 + p + 1);
			assert_int_equal(s->slot[i].plane[p][s->plane_size[p] - 1], i * 4 + p + 1);
		}
}

static void test_userptr_layout(void **state)
{
	const size_t sizes[] = {640 * 360, 640 * 360 / 2 + 1, 4096, 1};

	for (unsigned nplanes = 1; nplanes <= PIXFMT_MAX_PLANES; nplanes++) {
		unsigned before = open_descriptors();
		struct slab *s = NULL;

		assert_int_equal(slab_create(&s, SLAB_USERPTR, 5, nplanes, sizes, NULL), 0);
		assert_int_equal(s->kind, SLAB_USERPTR);
		assert_int_equal(s->memfd, -1);
		assert_int_equal(s->slot[4].plane_fd[0], -1);
		check_layout(s);
		slab_destroy(s);
		assert_int_equal(open_descriptors(), before);
	}
}

static void test_userptr_slot_size_is_exact(void **state)
{
	const size_t sizes[] = {4097, 4096};
	struct slab *s = NULL;

	assert_int_equal(slab_create(&s, SLAB_USERPTR, 2, 2, sizes, NULL), 0);
	assert_int_equal(s->slot_size, 8192 + 4096 + FRAME_TRAILER_ROOM);
	assert_int_equal(s->plane_size[0], 4097);
	slab_destroy(s);
}

static void test_driver_slab_is_only_a_table(void **state)
{
	const size_t sizes[] = {1000, 500};
	struct slab *s = NULL;

	assert_int_equal(slab_create(&s, SLAB_DRIVER, 3, 2, sizes, NULL), 0);
	assert_null(s->base);
	assert_int_equal(s->size, 0);
	assert_int_equal(s->slot_size, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_null(s->slot[i].base);
		assert_null(s->slot[i].plane[0]);
		assert_int_equal(s->slot[i].plane_fd[0], -1);
	}
	slab_destroy(s);
}

static void test_udmabuf_layout(void **state)
{
	const size_t sizes[] = {640 * 360, 640 * 360 / 2 + 1};
	unsigned before = open_descriptors();
	struct errmsg em = {""};
	struct slab *s = NULL;
	int err = slab_create(&s, SLAB_UDMABUF, 4, 2, sizes, &em);

	if (access("/dev/udmabuf", R_OK | W_OK)) {
		assert_int_equal(err, -EOPNOTSUPP);
		assert_non_null(strstr(em.text, "/dev/udmabuf"));
		assert_null(s);
		assert_int_equal(open_descriptors(), before);
		printf("SKIP: no /dev/udmabuf here: only its refusal was tested\n");
		skip();
	}
	assert_int_equal(err, 0);
	check_layout(s);
	assert_true(fcntl(s->memfd, F_GET_SEALS) & F_SEAL_SHRINK);
	assert_true(fcntl(s->memfd, F_GETFD) & FD_CLOEXEC);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned p = 0; p < 2; p++) {
			assert_true(fcntl(s->slot[i].plane_fd[p], F_GETFD) & FD_CLOEXEC);
			assert_true(lseek(s->slot[i].plane_fd[p], 0, SEEK_END) >= (off_t)sizes[p]);
		}
	slab_destroy(s);
	assert_int_equal(open_descriptors(), before);
}

static void test_pool_is_refused(void **state)
{
	const size_t sizes[] = {4096};
	struct errmsg em = {""};
	struct slab *s = NULL;

	assert_int_equal(slab_create(&s, SLAB_POOL, 4, 1, sizes, &em), -EOPNOTSUPP);
	assert_non_null(strstr(em.text, "/dev/matlang-pool"));
	assert_null(s);
}

static void test_bad_sizes_are_refused(void **state)
{
	static const struct {
		const char *name;
		enum slab_kind kind;
		unsigned nslots, nplanes;
		size_t size[2];
	} cases[] = {
		{"no slots", SLAB_USERPTR, 0, 1, {4096, 0}},
		{"too many slots", SLAB_USERPTR, 1u << 31, 1, {4096, 0}},
		{"no planes", SLAB_USERPTR, 4, 0, {4096, 0}},
		{"too many planes", SLAB_USERPTR, 4, PIXFMT_MAX_PLANES + 1, {4096, 4096}},
		{"empty plane", SLAB_USERPTR, 4, 2, {4096, 0}},
		{"plane near SIZE_MAX", SLAB_USERPTR, 4, 1, {SIZE_MAX - 100, 0}},
		{"planes wrap together", SLAB_USERPTR, 1, 2, {SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1}},
		{"over 4 GiB in all", SLAB_USERPTR, 5, 1, {UINT64_C(1) << 30, 0}},
		{"driver, empty plane", SLAB_DRIVER, 4, 1, {0, 0}},
		{"auto is no kind", SLAB_AUTO, 4, 1, {4096, 0}},
		{"kind out of range", SLAB_KINDS, 4, 1, {4096, 0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct errmsg em = {""};
		struct slab *s = NULL;
		size_t size[PIXFMT_MAX_PLANES + 1] = {cases[i].size[0], cases[i].size[1], 1, 1, 1};

		if (slab_create(&s, cases[i].kind, cases[i].nslots, cases[i].nplanes, size, &em) !=
			    -EINVAL ||
		    s || !em.text[0])
			fail_msg("case \"%s\": not refused", cases[i].name);
	}
}

static void test_kind_names(void **state)
{
	enum slab_kind k;

	for (unsigned i = 0; i < SLAB_KINDS; i++) {
		assert_int_equal(slab_kind_parse(slab_kind_name((enum slab_kind)i), &k), 0);
		assert_int_equal(k, i);
	}
	k = SLAB_POOL;
	assert_int_equal(slab_kind_parse("hugetlb", &k), -EINVAL);
	assert_int_equal(slab_kind_parse("", &k), -EINVAL);
	assert_int_equal(k, SLAB_POOL);
	assert_string_equal(slab_kind_name(SLAB_DRIVER), "mmap");
	assert_string_equal(slab_kind_name(SLAB_KINDS), "unknown");
}

static void test_destroy_null(void **state)
{
	slab_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_userptr_layout),
		cmocka_unit_test(test_userptr_slot_size_is_exact),
		cmocka_unit_test(test_driver_slab_is_only_a_table),
		cmocka_unit_test(test_udmabuf_layout),
		cmocka_unit_test(test_pool_is_refused),
		cmocka_unit_test(test_bad_sizes_are_refused),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_destroy_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
