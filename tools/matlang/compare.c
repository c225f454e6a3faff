/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"
#include "tools/common/i18n.h"
#include "tools/matlang/compare_show.h"
#include "tools/matlang/detect.h"

/* Alarms so far apart may still be the same: the one setting sees it begin later. */
#define SAME_NS (2 * NSEC_PER_SEC)

static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct compare_side *s = ctx;

	if (e->phase != ANALYZER_EVENT_END)
		return;
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct compare_alarm *p = reallocarray(s->alarm, room, sizeof(*p));

		if (!p) {
			s->no_memory = true;
			return;
		}
		s->alarm = p;
		s->room = room;
	}
	s->alarm[s->count++] = (struct compare_alarm){
		.start_ns = e->start_mono_ns + s->shift_ns,
		.end_ns = e->end_mono_ns + s->shift_ns,
		.peak_cells = e->peak_cells,
		.peak_level = e->peak_level,
	};
}

int compare_begin(struct compare *p)
{
	struct errmsg em = {""};

	for (unsigned i = 0; i < COMPARE_SIDES; i++) {
		struct compare_side *s = &p->side[i];
		int err = detector_create(&s->detector, &s->config, &em);

		if (err)
			return cli_fail(p->c, "%s", *em.text ? em.text : strerror(-err));
		events_init(&s->events, on_event, s);
	}
	return CLI_OK;
}

static int feed(struct compare_side *s, const struct frame *f, struct errmsg *em)
{
	bool due = detect_due(&s->config, f, &s->due_ns);
	struct detector_result r;
	int n = detector_load(s->detector, f, due, em);

	if (n <= 0 || !due)
		return n < 0 ? n : 0;
	detector_run(s->detector, f->mono_ns, &r);
	s->analyzed++;
	s->moved += r.motion;
	/* Switched off it raises no alarm, whatever moves. */
	return s->config.enabled ? events_feed(&s->events, &s->config, &r) : 0;
}

int compare_frame(struct compare *p, const struct frame *f, int64_t utc_ns)
{
	/* Another boot, or a clip that begins anew: nothing goes on. */
	bool anew = p->frames && f->mono_ns < p->last_mono_ns;
	int code = CLI_OK;

	p->frames++;
	p->last_mono_ns = f->mono_ns;
	p->utc = p->utc || utc_ns;
	for (unsigned i = 0; i < COMPARE_SIDES && code == CLI_OK; i++) {
		struct compare_side *s = &p->side[i];
		struct errmsg em = {""};

		if (anew) {
			events_close(&s->events);
			detector_reset(s->detector);
			s->due_ns = 0;
		}
		s->shift_ns = utc_ns ? utc_ns - f->mono_ns : 0;
		int err = feed(s, f, &em);

		if (err == -ENOMEM || s->no_memory)
			code = cli_fail(p->c, _("out of memory"));
		else if (err < 0 && i == 0 && p->failed++ == 0)
			snprintf(p->first_error, sizeof(p->first_error), "%s",
				 *em.text ? em.text : strerror(-err));
	}
	return code;
}

void compare_match(struct compare *p)
{
	struct compare_side *a = &p->side[COMPARE_TODAY], *b = &p->side[COMPARE_CHANGED];
	size_t first = 0;

	/* Both are in the order of time, so that each is walked once. */
	for (size_t i = 0; i < a->count; i++) {
		struct compare_alarm *x = &a->alarm[i];

		while (first < b->count && b->alarm[first].end_ns + SAME_NS < x->start_ns)
			first++;
		for (size_t k = first; k < b->count && b->alarm[k].start_ns <= x->end_ns + SAME_NS;
		     k++)
			x->other = b->alarm[k].other = true;
	}
}

int compare_end(struct compare *p, int code)
{
	for (unsigned i = 0; i < COMPARE_SIDES; i++) {
		/* An alarm that is still running ends with the footage. */
		if (p->side[i].detector)
			events_destroy(&p->side[i].events);
		if (p->side[i].no_memory && code == CLI_OK)
			code = cli_fail(p->c, _("out of memory"));
	}
	if (code == CLI_OK && !p->side[COMPARE_TODAY].analyzed)
		code = cli_fail(p->c, "there was no frame to look at");
	compare_match(p);
	if (code == CLI_OK)
		code = compare_show(p);
	for (unsigned i = 0; i < COMPARE_SIDES; i++) {
		detector_destroy(p->side[i].detector);
		free(p->side[i].alarm);
	}
	if (!p->failed)
		return code;
	cli_warn(p->c, "%llu frames could not be looked at; the first: %s",
		 (unsigned long long)p->failed, p->first_error);
	return CLI_FAILED;
}
