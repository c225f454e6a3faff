/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The appliance with rack cameras and a store in a temporary folder: the whole path, read back from
 * the disk. What a camera drew is recorded once or on the ledger once; one bad camera changes
 * nothing for the others; cameras come and go while it runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/rack/rack_stamp.h"
#include "storage/reader.h"
#include "storage/verify.h"
#include "tools/matlangd/appliance.h"

#define STEP_NS (5 * NSEC_PER_MSEC)
/* Turns of the reactor before a wait is given up: a hang must fail, not stall the suite. */
#define PATIENCE 4000

struct rig {
	char dir[64];
	struct appliance *box;
	char log[65536];
	size_t logged;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void log_line(void *ctx, int level, const char *line)
{
	struct rig *t = ctx;
	int n = snprintf(t->log + t->logged, sizeof(t->log) - t->logged, "%s\n", line);

	if (n > 0 && t->logged + (size_t)n < sizeof(t->log))
		t->logged += (size_t)n;
}

static void open_box(struct rig *t)
{
	struct appliance_options o = {
		.store_dir = t->dir,
		.workers = 2,
		.commit_ns = 100 * NSEC_PER_MSEC,
		.log = log_line,
		.log_ctx = t,
	};
	struct errmsg em = {""};

	if (appliance_create(&t->box, &o, &em))
		fail_msg("%s", em.text);
}

static void begin(struct rig *t, uint64_t size)
{
	struct store_create_options co = {
		.size_bytes = size,
		.segment_bytes = 1 << 20,
		.sparse = true,
	};
	const char *dirs[1];
	struct errmsg em = {""};

	memset(t, 0, sizeof(*t));
	strcpy(t->dir, "/tmp/matlang-appliance-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	dirs[0] = t->dir;
	if (store_create(dirs, 1, &co, &em))
		fail_msg("%s", em.text);
	open_box(t);
}

static void turn(struct rig *t)
{
	assert_int_equal(reactor_turn(appliance_reactor(t->box), STEP_NS), 0);
}

static void stop_box(struct rig *t)
{
	appliance_stop(t->box);
	assert_int_equal(appliance_run(t->box), 0);
	appliance_destroy(t->box);
	t->box = NULL;
}

static void end(struct rig *t)
{
	nftw(t->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct recorder *add(struct rig *t, const char *name, const char *source)
{
	struct recorder_settings s;
	struct recorder *r;
	struct errmsg em = {""};

	if (appliance_add_camera(t->box, name, &r, &em))
		fail_msg("%s", em.text);
	s = *recorder_settings(r);
	s.camera.enabled = true;
	s.camera.retry_min_ns = 20 * NSEC_PER_MSEC;
	s.motion.rate = 0;
	snprintf(s.camera.source, sizeof(s.camera.source), "%s", source);
	if (recorder_apply(r, &s, &em))
		fail_msg("%s", em.text);
	return r;
}

static uint64_t recorded(struct recorder *r)
{
	struct recorder_stats s;

	recorder_stats(r, &s);
	return s.recorded;
}

static void wait_frames(struct rig *t, struct recorder *r, uint64_t n)
{
	for (int i = 0; recorded(r) < n; i++) {
		if (i > PATIENCE)
			fail_msg("%s has only %llu frames\n%s", recorder_name(r),
				 (unsigned long long)recorded(r), t->log);
		turn(t);
	}
}

/* What the store says of one camera. */
struct account {
	uint64_t frames, missing, ledger, estimated, bad, motions, events;
	uint32_t last;
	bool any;
};

static void read_record(struct reader_cursor *c, struct record *rec, const char *name,
			struct account *a)
{
	struct rack_stamp s;
	struct frame f;

	switch (rec->kind) {
	case RECORD_LOSS:
		if (rec->loss.estimated)
			a->estimated += rec->loss.count;
		else
			a->ledger += rec->loss.count;
		return;
	case RECORD_MOTION: a->motions++; return;
	case RECORD_EVENT: a->events++; return;
	case RECORD_FRAME: break;
	default: return;
	}
	assert_int_equal(reader_cursor_load(c, rec), 0);
	f = (struct frame){
		.fourcc = rec->frame.fourcc,
		.width = rec->frame.width,
		.height = rec->frame.height,
		.nplanes = rec->frame.nplanes,
	};
	for (uint32_t i = 0; i < f.nplanes; i++)
		f.plane[i] = (struct frame_plane){
			.data = rec->payload + rec->frame.plane[i].offset,
			.bytesused = rec->frame.plane[i].bytes,
			.stride = rec->frame.plane[i].stride,
		};
	a->frames++;
	if (rec->frame.flags & FRAME_TORN)
		a->last = rec->frame.sequence; /* its stamp may be what was torn off */
	else if (rack_stamp_read(&f, &s) || s.sequence != rec->frame.sequence ||
		 s.camera != rack_stamp_camera(name) || s.mono_ns != rec->mono_ns)
		a->bad++;
	if (a->any && rec->frame.sequence > a->last)
		a->missing += rec->frame.sequence - a->last - 1;
	a->last = rec->frame.sequence;
	a->any = true;
}

static struct account read_back(struct rig *t, const char *name)
{
	struct reader_query q = {.kinds = RECORD_MASK_ALL, .to_utc_ns = INT64_MAX};
	struct account a = {0};
	struct reader_cursor *c;
	struct errmsg em = {""};
	struct reader *r;
	struct record rec;
	int ret;

	if (reader_open(&r, t->dir, &em))
		fail_msg("%s", em.text);
	q.camera_id = reader_camera_id(r, name);
	assert_int_not_equal(q.camera_id, 0);
	if (reader_cursor_open(&c, r, &q, &em))
		fail_msg("%s", em.text);
	while ((ret = reader_cursor_next(c, &rec)) == 1)
		read_record(c, &rec, name, &a);
	assert_int_equal(ret, 0);
	reader_cursor_close(c);
	reader_close(r);
	return a;
}

static void verifies(struct rig *t)
{
	struct verify_callbacks cb = {0};
	struct verify_result res;
	struct errmsg em = {""};

	if (verify_store(t->dir, &cb, &res, &em))
		fail_msg("%s", em.text);
	assert_int_equal(res.damaged, 0);
}

static void drawn_is_recorded(void **state)
{
	struct rig t;
	struct account a, b;
	struct recorder *mjpeg, *raw;

	begin(&t, 64 << 20);
	mjpeg = add(&t, "mjpeg", "rack:mjpeg?width=320&height=240&fps=100&frame_kb=10");
	raw = add(&t, "raw", "rack:raw?width=640&height=480&fps=50&format=nv12");
	wait_frames(&t, mjpeg, 60);
	wait_frames(&t, raw, 30);
	stop_box(&t);
	verifies(&t);
	a = read_back(&t, "mjpeg");
	b = read_back(&t, "raw");
	assert_true(a.frames >= 60);
	assert_true(b.frames >= 30);
	assert_int_equal(a.bad + b.bad, 0);
	assert_int_equal(a.missing, a.ledger);
	assert_int_equal(b.missing, b.ledger);
	end(&t);
}

static int lines_with(const struct rig *t, const char *text)
{
	int n = 0;

	for (const char *at = t->log; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static void every_fault_is_on_the_ledger(void **state)
{
	struct rig t;
	struct account a, good;
	struct recorder *bad, *other;

	begin(&t, 64 << 20);
	bad = add(&t, "bad",
		  "rack:bad?width=320&height=240&fps=100&frame_kb=10&faults=drop@20:5,torn@40,"
		  "torn@50,error@60,unplug@80:200ms");
	other = add(&t, "good", "rack:good?width=320&height=240&fps=100&frame_kb=10");
	wait_frames(&t, bad, 120);
	wait_frames(&t, other, 120);
	stop_box(&t);
	verifies(&t);
	a = read_back(&t, "bad");
	good = read_back(&t, "good");
	assert_int_equal(a.bad, 0);
	assert_true(a.missing >= 5);
	assert_int_equal(a.missing, a.ledger);
	assert_true(a.estimated > 0); /* while it was unplugged */
	assert_int_equal(good.bad, 0);
	assert_int_equal(good.estimated, 0);
	assert_int_equal(good.missing, good.ledger);
	assert_non_null(strstr(t.log, "camera bad:"));
	/* Two torn frames are one line, and it says whose they are. None at all where analysis was
	 * so late that it skipped them. */
	assert_true(lines_with(&t, "a torn frame") <= 1);
	assert_int_equal(lines_with(&t, "a torn frame"),
			 lines_with(&t, "camera bad: a frame cannot be searched for motion"));
	end(&t);
}

static void a_source_always_ready_waits_for_the_disk(void **state)
{
	struct rig t;
	struct account a;
	struct recorder *r;

	begin(&t, 96 << 20);
	r = add(&t, "fast", "rack:fast?width=640&height=480&format=nv12&paced=0");
	wait_frames(&t, r, 400);
	stop_box(&t);
	verifies(&t);
	a = read_back(&t, "fast");
	assert_int_equal(a.bad, 0);
	assert_int_equal(a.missing, 0);
	assert_int_equal(a.ledger, 0);
	end(&t);
}

static void raw_can_be_compressed(void **state)
{
	struct rig t;
	struct recorder_settings s;
	struct recorder_stats st;
	struct reader_query q = {.kinds = RECORD_MASK(RECORD_FRAME), .to_utc_ns = INT64_MAX};
	struct reader_cursor *c;
	struct recorder *r;
	struct reader *rd;
	struct record rec;
	struct errmsg em = {""};
	uint32_t jpegs = 0, last = 0;

	begin(&t, 64 << 20);
	r = add(&t, "raw", "rack:raw?width=320&height=240&fps=50&format=yuyv");
	wait_frames(&t, r, 5);
	s = *recorder_settings(r);
	s.encode = true;
	if (recorder_apply(r, &s, &em))
		fail_msg("%s", em.text);
	wait_frames(&t, r, 25);
	recorder_stats(r, &st);
	assert_true(st.encoded >= 10);
	stop_box(&t);
	verifies(&t);
	assert_int_equal(reader_open(&rd, t.dir, &em), 0);
	q.camera_id = reader_camera_id(rd, "raw");
	assert_int_equal(reader_cursor_open(&c, rd, &q, &em), 0);
	while (reader_cursor_next(c, &rec) == 1) {
		assert_true(!last || rec.frame.sequence > last);
		last = rec.frame.sequence;
		jpegs += rec.frame.fourcc == PIXFMT_MJPEG;
	}
	assert_true(jpegs >= st.encoded);
	reader_cursor_close(c);
	reader_close(rd);
	end(&t);
}

static void motion_reaches_the_store(void **state)
{
	struct rig t;
	struct account a = {0};
	struct recorder *r;
	struct recorder_stats st;

	begin(&t, 96 << 20);
	r = add(&t, "m", "rack:m?width=640&height=480&fps=100&frame_kb=20&active=1&quiet=1");
	do {
		turn(&t);
		recorder_stats(r, &st);
	} while (st.motion.events < 1 && st.recorded < 2000);
	stop_box(&t);
	a = read_back(&t, "m");
	assert_true(a.motions > 0);
	assert_true(a.events >= 2); /* every start has its end, if only by the stop */
	end(&t);
}

static void cameras_come_and_go(void **state)
{
	struct rig t;
	struct errmsg em = {""};
	struct recorder *a, *b;

	begin(&t, 64 << 20);
	b = add(&t, "b", "rack:b?width=320&height=240&fps=50&frame_kb=10");
	a = add(&t, "a", "rack:a?width=320&height=240&fps=50&frame_kb=10");
	assert_ptr_equal(appliance_camera_at(t.box, 0), a);
	assert_ptr_equal(appliance_camera_at(t.box, 1), b);
	assert_int_equal(appliance_add_camera(t.box, "a", NULL, &em), -EEXIST);
	assert_int_equal(appliance_add_camera(t.box, "../x", NULL, &em), -EINVAL);
	assert_int_equal(appliance_remove_camera(t.box, "nobody", &em), -ENOENT);
	wait_frames(&t, a, 5);
	assert_int_equal(appliance_remove_camera(t.box, "a", &em), 0);
	assert_null(appliance_find_camera(t.box, "a"));
	wait_frames(&t, b, recorded(b) + 10);
	a = add(&t, "a", "rack:a?width=320&height=240&fps=50&frame_kb=10");
	wait_frames(&t, a, 5);
	stop_box(&t);
	verifies(&t);
	assert_true(read_back(&t, "a").frames >= 10);
	end(&t);
}

static void a_second_box_on_the_store_is_refused(void **state)
{
	struct rig t;
	struct appliance_options o;
	struct appliance *second = NULL;
	struct errmsg em = {""};

	begin(&t, 64 << 20);
	o = (struct appliance_options){.store_dir = t.dir, .log = log_line, .log_ctx = &t};
	assert_int_equal(appliance_create(&second, &o, &em), -EBUSY);
	assert_null(second);
	assert_true(strlen(em.text) > 0);
	stop_box(&t);
	end(&t);
}

static void a_bad_setting_changes_nothing(void **state)
{
	struct rig t;
	struct recorder_settings s;
	struct errmsg em = {""};
	struct recorder *r;

	begin(&t, 64 << 20);
	r = add(&t, "c", "rack:c?width=320&height=240&fps=50&frame_kb=10");
	wait_frames(&t, r, 3);
	s = *recorder_settings(r);
	s.motion.sensitivity = 0;
	assert_int_equal(recorder_apply(r, &s, &em), -EINVAL);
	s = *recorder_settings(r);
	snprintf(s.camera.source, sizeof(s.camera.source), "usb:3");
	assert_int_equal(recorder_apply(r, &s, &em), -EINVAL);
	assert_string_equal(recorder_settings(r)->camera.source,
			    "rack:c?width=320&height=240&fps=50&frame_kb=10");
	wait_frames(&t, r, recorded(r) + 5);
	stop_box(&t);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawn_is_recorded),
		cmocka_unit_test(every_fault_is_on_the_ledger),
		cmocka_unit_test(a_source_always_ready_waits_for_the_disk),
		cmocka_unit_test(raw_can_be_compressed),
		cmocka_unit_test(motion_reaches_the_store),
		cmocka_unit_test(cameras_come_and_go),
		cmocka_unit_test(a_second_box_on_the_store_is_refused),
		cmocka_unit_test(a_bad_setting_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
