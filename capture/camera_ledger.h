/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One camera's loss accounting. Private to capture/.
 *
 * The rule: every buffer the device fills is expected; every frame that its sequence numbers, its
 * timestamps or the clock show to be missing is expected too. Of those, what reached the frame
 * callback (torn ones included, they are recorded as evidence) is delivered, all else is on the
 * ledger exactly once: expected = delivered + ledger.
 *
 * Sequence numbers count modulo 2^32, from the first buffer after a start: its number is the base,
 * whatever it is, because the time before it is already accounted for as away.
 *   - forward by d: d - 1 frames lost, for want of a slot if the device had none meanwhile;
 *   - the same or back by at most LEDGER_BACKSTEP: the device repeats itself (vivid does under
 * load); the buffer counts as one expected frame, nothing is lost;
 *   - further back, or forward by far more than the time allows: the device began to count anew;
 * the number becomes the base.
 *
 * Time gaps: a camera may drop frames without leaving a hole in its numbers (USB cameras do). A gap
 * counts when the time between two consecutive numbers exceeds 2.5 typical intervals, the camera
 * was steady before, and the next interval is normal again: a camera that lowers its rate in the
 * dark loses nothing. The typical interval is the longer of the nominal and the recent median.
 *
 * Away (failed, absent, being opened again) and stopped (by an admin): frames are estimated from
 * the nominal rate, from the last accounted buffer to the first one after. With no known rate an
 * absence has the count 0 and the entry says at least when nothing was seen. A camera that is
 * switched on owes its first frame as soon as it has opened: that opening is no absence, unless it
 * fails or takes long; then the absence begins with the switching on.
 *
 * Reactor thread only.
 */
#ifndef CAPTURE_CAMERA_LEDGER_H
#define CAPTURE_CAMERA_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/loss.h"

#define LEDGER_RECENT   16
#define LEDGER_BACKSTEP 64

struct camera_ledger {
	uint32_t camera_id;
	void (*emit)(void *ctx, const struct loss *loss);
	void *ctx;

	int64_t interval_ns;      /* nominal; 0: unknown */
	int64_t next_interval_ns; /* of the stream that has not delivered yet; 0: none */

	bool based; /* a buffer was accounted since the last start */
	uint32_t sequence;
	int64_t last_ns;  /* time of the last accounted buffer ever; 0: none */
	bool seen;        /* a buffer was accounted since the camera was switched on */
	int64_t since_ns; /* when that was */
	bool starved;     /* the device may have been without a slot since then */
	bool gap;         /* something was lost since the last delivered frame */

	int64_t recent[LEDGER_RECENT]; /* intervals, a ring */
	unsigned nrecent, recent_pos;
	struct {
		uint64_t count; /* 0: no suspicion */
		int64_t first_ns, last_ns, typical_ns;
	} suspect;

	enum loss_cause away;  /* LOSS_CAMERA_AWAY, LOSS_STOPPED; LOSS_NONE: streaming */
	int64_t away_first_ns; /* where the next entry's stretch begins */
	int64_t away_base_ns;  /* what is estimated already ends here */
};

void camera_ledger_init(struct camera_ledger *l, uint32_t camera_id,
			void (*emit)(void *ctx, const struct loss *loss), void *ctx);
/* The rate of a stream that was opened; it holds from its first buffer on. 0: unknown. */
void camera_ledger_rate(struct camera_ledger *l, double fps);
/* Switched on: closes what was open; nothing is missing yet. */
void camera_ledger_begin(struct camera_ledger *l, int64_t now_ns);
/* No frames from now on, and why. From one cause to another: the first one's entry is closed. */
void camera_ledger_away(struct camera_ledger *l, enum loss_cause cause, int64_t now_ns);
/* While away: brings the ledger up to date. */
void camera_ledger_tick(struct camera_ledger *l, int64_t now_ns);
/* Nothing more will come: what is known to be missing is entered. */
void camera_ledger_close(struct camera_ledger *l, int64_t now_ns);
/* The device had no slot to fill. */
void camera_ledger_starved(struct camera_ledger *l);
/* A filled buffer, whatever is in it. Ends an absence and accounts for what is missing before. */
void camera_ledger_buffer(struct camera_ledger *l, uint32_t sequence, int64_t mono_ns);
/* The buffer just accounted for is not delivered. */
void camera_ledger_lost(struct camera_ledger *l, enum loss_cause cause, int64_t mono_ns);
/* The buffer just accounted for is delivered. True: FRAME_GAP. */
bool camera_ledger_delivered(struct camera_ledger *l);

#endif
