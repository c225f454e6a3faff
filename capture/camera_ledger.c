/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/camera_ledger.h"

#include <string.h>

#include "capture/core/monotime.h"

/* Intervals needed before a camera can be called steady. */
#define STEADY_MIN 8
/* Slowest rate that is believed: beyond it, "nominal" says nothing about single frames. */
#define INTERVAL_MAX_NS (3600 * NSEC_PER_SEC)
/* Shortest absence without a known rate that is worth an entry. */
#define UNCOUNTED_MIN_NS NSEC_PER_SEC

static void emit(struct camera_ledger *l, enum loss_cause cause, uint64_t count, int64_t first_ns,
		 int64_t last_ns, bool estimated)
{
	const struct loss loss = {
		.camera_id = l->camera_id,
		.cause = cause,
		.count = count,
		.first_mono_ns = first_ns,
		.last_mono_ns = last_ns,
		.estimated = estimated,
	};

	l->gap = true;
	l->emit(l->ctx, &loss);
}

void camera_ledger_init(struct camera_ledger *l, uint32_t camera_id,
			void (*emit_fn)(void *ctx, const struct loss *loss), void *ctx)
{
	*l = (struct camera_ledger){.camera_id = camera_id, .emit = emit_fn, .ctx = ctx};
}

void camera_ledger_rate(struct camera_ledger *l, double fps)
{
	int64_t interval = 0;

	if (fps > 1e-3 && fps < 1e5)
		interval = (int64_t)((double)NSEC_PER_SEC / fps);
	if (interval > INTERVAL_MAX_NS)
		interval = 0;
	l->next_interval_ns = interval;
	if (!l->interval_ns)
		l->interval_ns = interval;
}

/* Median of the recent intervals; 0 while there are too few or they scatter. */
static int64_t steady_interval(const struct camera_ledger *l)
{
	int64_t sorted[LEDGER_RECENT], median;
	unsigned near = 0;

	if (l->nrecent < STEADY_MIN)
		return 0;
	for (unsigned i = 0; i < l->nrecent; i++) {
		unsigned j = i;

		for (; j && sorted[j - 1] > l->recent[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = l->recent[i];
	}
	median = sorted[l->nrecent / 2];
	for (unsigned i = 0; i < l->nrecent; i++)
		near += sorted[i] >= median / 2 && sorted[i] <= median + median / 2;
	return near * 8 >= l->nrecent * 7 ? median : 0;
}

static void remember_interval(struct camera_ledger *l, int64_t interval)
{
	if (interval <= 0)
		return;
	l->recent[l->recent_pos] = interval;
	l->recent_pos = (l->recent_pos + 1) % LEDGER_RECENT;
	if (l->nrecent < LEDGER_RECENT)
		l->nrecent++;
}

static void confirm_suspect(struct camera_ledger *l)
{
	uint64_t n = l->suspect.count;

	if (!n)
		return;
	l->suspect.count = 0;
	emit(l, LOSS_TIME_GAP, n, l->suspect.first_ns, l->suspect.last_ns, true);
}

/* Two buffers with consecutive numbers: does the time between them tell of more? */
static void check_time(struct camera_ledger *l, int64_t mono_ns)
{
	int64_t elapsed = mono_ns - l->last_ns;
	int64_t typical;

	if (l->suspect.count) {
		if (elapsed <= l->suspect.typical_ns + l->suspect.typical_ns / 2)
			confirm_suspect(l);
		l->suspect.count = 0;
	}
	typical = steady_interval(l);
	if (typical && typical < l->interval_ns)
		typical = l->interval_ns;
	if (typical && elapsed > typical * 5 / 2) {
		l->suspect.count = (uint64_t)((elapsed + typical / 2) / typical) - 1;
		l->suspect.first_ns = l->last_ns;
		l->suspect.last_ns = mono_ns;
		l->suspect.typical_ns = typical;
		l->gap = true;
	}
	/* Kept in either case: if this is the camera's new rate the median must learn it. */
	remember_interval(l, elapsed);
}

/* Could a device have numbered `missing` frames since the last buffer? Four times the nominal rate
 * and some more for a backlog are believed. */
static bool plausible(const struct camera_ledger *l, uint32_t missing, int64_t mono_ns)
{
	int64_t elapsed = mono_ns - l->last_ns;

	if (!l->interval_ns)
		return true;
	if (elapsed < 0)
		elapsed = 0;
	return missing <= 4 * (elapsed / l->interval_ns) + LEDGER_BACKSTEP;
}

static void check_sequence(struct camera_ledger *l, uint32_t sequence, int64_t mono_ns)
{
	/* Modulo 2^32, then read as signed: right across the wrap, negative when it steps back. */
	int32_t step = (int32_t)(sequence - l->sequence);

	if (step <= 0 && step >= -LEDGER_BACKSTEP) {
		/* A repeat: the base stays at the highest number seen. */
		if (mono_ns < l->last_ns)
			return;
		l->last_ns = mono_ns;
		return;
	}
	if (step > 1 && plausible(l, (uint32_t)step - 1, mono_ns)) {
		confirm_suspect(l);
		emit(l, l->starved ? LOSS_NO_SLOT : LOSS_SEQUENCE_GAP, (uint64_t)step - 1,
		     l->last_ns, mono_ns, false);
	} else {
		check_time(l, mono_ns);
	}
	l->sequence = sequence;
	l->last_ns = mono_ns;
}

/* Frames of whole nominal intervals that `until_ns` adds to what is estimated already. */
static void account_away(struct camera_ledger *l, int64_t until_ns, bool ends_with_buffer)
{
	int64_t interval = l->interval_ns, n = 0;

	if (until_ns < l->away_first_ns)
		until_ns = l->away_first_ns;
	if (interval && until_ns > l->away_base_ns) {
		n = until_ns - l->away_base_ns;
		/* The buffer itself stands at the end of the last interval. */
		n = ends_with_buffer ? (n + interval / 2) / interval - 1 : n / interval;
		if (n < 0)
			n = 0;
		l->away_base_ns += n * interval;
	}
	if (!n && (interval || l->away != LOSS_CAMERA_AWAY ||
		   until_ns - l->away_first_ns < UNCOUNTED_MIN_NS))
		return;
	emit(l, l->away, (uint64_t)n, l->away_first_ns, until_ns, true);
	l->away_first_ns = until_ns;
}

void camera_ledger_begin(struct camera_ledger *l, int64_t now_ns)
{
	confirm_suspect(l);
	if (l->away != LOSS_NONE)
		account_away(l, now_ns, false);
	l->away = LOSS_NONE;
	l->based = false;
	l->seen = false;
	l->since_ns = now_ns;
}

void camera_ledger_away(struct camera_ledger *l, enum loss_cause cause, int64_t now_ns)
{
	if (l->away == cause)
		return;
	confirm_suspect(l);
	if (l->away != LOSS_NONE) {
		account_away(l, now_ns, false);
		l->away_first_ns = now_ns;
	} else {
		l->away_first_ns = l->seen ? l->last_ns : l->since_ns;
		if (l->away_first_ns > now_ns)
			l->away_first_ns = now_ns;
		l->away_base_ns = l->away_first_ns;
	}
	l->away = cause;
	l->based = false;
	l->gap |= l->seen; /* whatever the rate: a break */
}

void camera_ledger_tick(struct camera_ledger *l, int64_t now_ns)
{
	if (l->away != LOSS_NONE)
		account_away(l, now_ns, false);
}

void camera_ledger_close(struct camera_ledger *l, int64_t now_ns)
{
	confirm_suspect(l);
	camera_ledger_tick(l, now_ns);
}

void camera_ledger_starved(struct camera_ledger *l)
{
	l->starved = true;
}

void camera_ledger_buffer(struct camera_ledger *l, uint32_t sequence, int64_t mono_ns)
{
	if (l->based) {
		check_sequence(l, sequence, mono_ns);
	} else {
		if (l->away != LOSS_NONE) {
			account_away(l, mono_ns, true);
			l->away = LOSS_NONE;
		}
		l->interval_ns = l->next_interval_ns;
		l->nrecent = l->recent_pos = 0;
		l->suspect.count = 0;
		l->based = l->seen = true;
		l->sequence = sequence;
		l->last_ns = mono_ns;
	}
	l->starved = false;
}

void camera_ledger_lost(struct camera_ledger *l, enum loss_cause cause, int64_t mono_ns)
{
	emit(l, cause, 1, mono_ns, mono_ns, false);
}

bool camera_ledger_delivered(struct camera_ledger *l)
{
	bool gap = l->gap;

	l->gap = false;
	return gap;
}
