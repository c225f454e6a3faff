/* SPDX-License-Identifier: GPL-2.0-or-later */
/* errmsg, pixfmt, loss, frame, list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "capture/core/list.h"
#include "capture/core/loss.h"

static void message_is_one_line_and_carries_the_error(void **state)
{
	struct errmsg em = {""};
	char big[2 * ERRMSG_MAX];

	assert_int_equal(errmsg_set(&em, -ENODEV, "a\nb %d", 5), -ENODEV);
	assert_string_equal(em.text, "a b 5");
	assert_int_equal(errmsg_prefix(&em, -EIO, "camera %s", "x"), -EIO);
	assert_string_equal(em.text, "camera x: a b 5");
	em.text[0] = '\0';
	errmsg_prefix(&em, -ENOENT, "F");
	assert_string_equal(em.text, "F: No such file or directory");
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	errmsg_set(&em, -1, "%s", big);
	assert_int_equal(strlen(em.text), ERRMSG_MAX - 1);
	errmsg_prefix(&em, -1, "%s", big);
	assert_int_equal(strlen(em.text), ERRMSG_MAX - 1);
	assert_int_equal(errmsg_set(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void plane_sizes(void **state)
{
	static const struct {
		const char *name;
		uint32_t w, h;
		size_t size[3];
	} want[] = {
		{"GREY", 5, 3, {15}}, {"NV12", 4, 4, {24}},       {"NV12", 5, 3, {15 + 2 * 3 * 2}},
		{"NV16", 4, 4, {32}}, {"NM12", 4, 4, {16, 8}},    {"NM16", 6, 2, {12, 12}},
		{"YU12", 4, 4, {24}}, {"YM12", 4, 4, {16, 4, 4}}, {"YUYV", 4, 4, {32}},
		{"UYVY", 5, 1, {12}}, {"MJPEG", 640, 480, {0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct pixfmt *pf = pixfmt_find_name(want[i].name);

		assert_non_null(pf);
		for (unsigned p = 0; p < 3; p++)
			assert_int_equal(pixfmt_plane_size(pf, p, want[i].w, want[i].h),
					 want[i].size[p]);
	}
	assert_int_equal(pixfmt_plane_size(pixfmt_find(PIXFMT_NV12), 0, 16385, 1), 0);
	assert_int_equal(pixfmt_plane_size(pixfmt_find(PIXFMT_NV12), 0, 0, 1), 0);
}

static void every_format_is_found_by_code_and_name(void **state)
{
	const struct pixfmt *pf;
	char code[5];

	for (size_t i = 0; (pf = pixfmt_at(i)); i++) {
		assert_ptr_equal(pixfmt_find(pf->fourcc), pf);
		assert_ptr_equal(pixfmt_find_name(pf->name), pf);
		pixfmt_fourcc_text(code, pf->fourcc);
		assert_non_null(pixfmt_find_name(code));
	}
	assert_null(pixfmt_find(0x12345678));
	assert_null(pixfmt_find_name("mjpegx"));
	pixfmt_fourcc_text(code, 0x01414243);
	assert_string_equal(code, "CBA.");
}

static void causes_have_names(void **state)
{
	for (int i = 0; i < LOSS_CAUSES; i++) {
		assert_non_null(loss_cause_name(i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(loss_cause_name(i), loss_cause_name(k));
	}
	assert_string_equal(loss_cause_name(LOSS_CAUSES), "unknown");
	assert_string_equal(loss_cause_name(-1), "unknown");
}

static atomic_int released;

static void count_release(struct frame *f)
{
	atomic_fetch_add(&released, 1);
}

static void *ref_and_unref(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		frame_ref(arg);
		frame_unref(arg);
	}
	frame_unref(arg);
	return NULL;
}

static void last_reference_releases_once(void **state)
{
	struct frame f = {.refs = 5, .release = count_release};
	pthread_t t[4];

	released = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ref_and_unref, &f), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(released, 0);
	frame_unref(&f);
	assert_int_equal(released, 1);
}

static void tail_is_behind_the_last_plane(void **state)
{
	uint8_t mem[64];
	struct frame f = {
		.slot = mem,
		.nplanes = 2,
		.plane = {{.data = mem + 32, .bytesused = 8}, {.data = mem + 4, .bytesused = 10}},
	};

	assert_int_equal(frame_tail(&f), 40);
	assert_int_equal(frame_bytes(&f), 18);
}

struct item {
	int v;
	struct list link;
};

static void list_keeps_order_and_survives_removal(void **state)
{
	struct item a = {.v = 1}, b = {.v = 2}, c = {.v = 3}, *it, *tmp;
	struct list head;
	int sum = 0;

	list_init(&head);
	list_append(&head, &a.link);
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_for_each_safe (it, tmp, &head, link) {
		if (it->v == 2)
			list_remove(&it->link);
	}
	list_remove(&b.link); /* a second time: harmless */
	list_for_each (it, &head, link)
		sum = sum * 10 + it->v;
	assert_int_equal(sum, 13);
	assert_ptr_equal(list_pop(&head), &a.link);
	assert_ptr_equal(list_pop(&head), &c.link);
	assert_null(list_pop(&head));
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_is_one_line_and_carries_the_error),
		cmocka_unit_test(plane_sizes),
		cmocka_unit_test(every_format_is_found_by_code_and_name),
		cmocka_unit_test(causes_have_names),
		cmocka_unit_test(last_reference_releases_once),
		cmocka_unit_test(tail_is_behind_the_last_plane),
		cmocka_unit_test(list_keeps_order_and_survives_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
