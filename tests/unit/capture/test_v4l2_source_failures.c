/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No error of a driver, wherever it strikes the v4l2: source, leaves anything behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "v4l2_rig.h"

#define OPS (&source_v4l2_ops)

static void test_signals_are_ridden_out(void **state)
{
	struct source_buffer b;
	struct v4l2_rig r;

	v4l2_rig_init(&r, PIXFMT_MJPEG, 1);
	r.m.interrupts = 3;
	assert_int_equal(v4l2_rig_open(&r), 0);
	r.m.interrupts = 2;
	assert_int_equal(v4l2_rig_start(&r, SLAB_DRIVER), 0);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 1});
	r.m.interrupts = 2;
	assert_int_equal(OPS->dequeue(r.s, &b), 0);
	r.m.interrupts = 1;
	assert_int_equal(OPS->enqueue(r.s, 1), 0);
	v4l2_rig_finish(&r);
}

static void test_device_gone_while_streaming(void **state)
{
	static const unsigned long requests[] = {VIDIOC_DQBUF, VIDIOC_QBUF, VIDIOC_STREAMOFF,
						 VIDIOC_REQBUFS, VIDIOC_UNSUBSCRIBE_EVENT};
	struct source_buffer b;
	struct v4l2_rig r;

	for (size_t k = 0; k < ARRAY_SIZE(v4l2_rig_kinds); k++) {
		v4l2_rig_stream(&r, PIXFMT_MJPEG, 1, v4l2_rig_kinds[k]);
		for (size_t i = 0; i < V4L2_MOCK_FAULTS; i++)
			r.m.fault[i] = (struct v4l2_mock_fault){requests[i], -ENODEV, 1, 1000};
		r.m.fault[1].from = r.slab->nslots;
		r.m.fault[3].from = 2;
		assert_int_equal(OPS->dequeue(r.s, &b), -ENODEV);
		assert_int_equal(OPS->enqueue(r.s, 0), -ENODEV);
		OPS->stop(r.s);
		assert_int_equal(r.m.maps, r.m.unmaps);
		v4l2_rig_drop_slab(&r);
		OPS->close(r.s);
		v4l2_mock_assert_clean(&r.m);
	}
}

/* ---- every call fails in turn ---- */

static int run_once(struct v4l2_rig *r, enum slab_kind kind)
{
	struct source_buffer b;
	int err = v4l2_rig_open(r);

	if (err)
		return err;
	err = v4l2_rig_start(r, kind);
	if (err) {
		/* start has cleaned up by itself: nothing is left for close to sweep. */
		if (r->m.buffers)
			fail_msg("buffers left after a failed start");
		if (r->m.maps != r->m.unmaps)
			fail_msg("mappings left after a failed start");
	} else {
		v4l2_mock_fill(&r->m, &(struct v4l2_mock_frame){.index = 1});
		err = OPS->dequeue(r->s, &b);
		if (!err)
			err = OPS->enqueue(r->s, 1);
		OPS->stop(r->s);
	}
	v4l2_rig_drop_slab(r);
	OPS->close(r->s);
	return err;
}

static const struct {
	unsigned long request;
	const char *name;
} calls[] = {
	{0, "open"},
	{V4L2_MOCK_MAP, "mmap"},
#define CALL(x)       \
	{             \
		x, #x \
	}
	CALL(VIDIOC_QUERYCAP),
	CALL(VIDIOC_ENUM_FMT),
	CALL(VIDIOC_ENUM_FRAMESIZES),
	CALL(VIDIOC_ENUM_FRAMEINTERVALS),
	CALL(VIDIOC_G_SELECTION),
	CALL(VIDIOC_G_FMT),
	CALL(VIDIOC_TRY_FMT),
	CALL(VIDIOC_S_FMT),
	CALL(VIDIOC_G_PARM),
	CALL(VIDIOC_S_PARM),
	CALL(VIDIOC_G_CTRL),
	CALL(VIDIOC_SUBSCRIBE_EVENT),
	CALL(VIDIOC_REQBUFS),
	CALL(VIDIOC_QUERYBUF),
	CALL(VIDIOC_QBUF),
	CALL(VIDIOC_STREAMON),
	CALL(VIDIOC_DQBUF),
	CALL(VIDIOC_STREAMOFF),
#undef CALL
};

/* Calls whose failure a camera can do without. */
static bool is_optional(unsigned long request, int err)
{
	switch (request) {
	case VIDIOC_G_CTRL:
	case VIDIOC_SUBSCRIBE_EVENT:
	case VIDIOC_STREAMOFF: return true;
	case VIDIOC_ENUM_FMT:
	case VIDIOC_ENUM_FRAMESIZES:
	case VIDIOC_ENUM_FRAMEINTERVALS:
	case VIDIOC_G_SELECTION:
	case VIDIOC_G_PARM:
	case VIDIOC_S_PARM: return err == -EINVAL;
	default: return false;
	}
}

static void test_every_call_fails_in_turn(void **state)
{
	static const int errs[] = {-EIO, -EBUSY, -EINVAL, -ENODEV};
	unsigned struck = 0;

	for (size_t k = 0; k < ARRAY_SIZE(v4l2_rig_kinds); k++)
		for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
			for (size_t e = 0; e < ARRAY_SIZE(errs); e++)
				for (unsigned n = 1; n <= 10; n++) {
					struct v4l2_rig r;
					int err;

					v4l2_rig_init(&r, PIXFMT_NM12, 2);
					r.m.no_enum_sizes = c % 2; /* brings TRY_FMT in */
					r.m.fault[0] = (struct v4l2_mock_fault){
						calls[c].request, errs[e], n, 1000000};
					err = run_once(&r, v4l2_rig_kinds[k]);
					v4l2_mock_assert_clean(&r.m);
					if (v4l2_mock_calls(&r.m, calls[c].request) < n)
						break;
					struck++;
					if (is_optional(calls[c].request, errs[e]))
						continue;
					/* Releasing (REQBUFS 0) may fail on a run that went well.
					 */
					if (calls[c].request == VIDIOC_REQBUFS && n > 1)
						continue;
					if (!err)
						fail_msg("%s call %u: error %d swallowed",
							 calls[c].name, n, errs[e]);
					if (!r.em.text[0] && calls[c].request != VIDIOC_DQBUF &&
					    !(calls[c].request == VIDIOC_QBUF && n > 4))
						fail_msg("%s call %u: no message", calls[c].name,
							 n);
				}
	assert_true(struck > 300);
}

static void test_busy_for_a_while(void **state)
{
	static const unsigned long requests[] = {VIDIOC_S_FMT, VIDIOC_S_PARM, VIDIOC_REQBUFS,
						 VIDIOC_STREAMON};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct v4l2_rig r;

		v4l2_rig_init(&r, PIXFMT_MJPEG, 1);
		r.m.fault[0] = (struct v4l2_mock_fault){requests[i], -EBUSY, 1, 5};
		assert_int_equal(run_once(&r, SLAB_USERPTR), 0);
		assert_true(r.m.slept_ns >= 10 * NSEC_PER_MSEC);
		v4l2_mock_assert_clean(&r.m);
		/* For ever is too long, and the message says who to look for. */
		v4l2_rig_init(&r, PIXFMT_MJPEG, 1);
		r.m.fault[0] = (struct v4l2_mock_fault){requests[i], -EBUSY, 1, 1000000};
		assert_int_equal(run_once(&r, SLAB_USERPTR), -EBUSY);
		assert_true(r.m.slept_ns >= V4L2_OPS_BUSY_NS);
		assert_true(r.m.slept_ns <= 4 * V4L2_OPS_BUSY_NS);
		assert_non_null(strstr(r.em.text, "in use by another program"));
		v4l2_mock_assert_clean(&r.m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_ridden_out),
		cmocka_unit_test(test_device_gone_while_streaming),
		cmocka_unit_test(test_every_call_fails_in_turn),
		cmocka_unit_test(test_busy_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
