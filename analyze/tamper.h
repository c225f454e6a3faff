/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the camera's view still what it was? Tells a lens that is covered, out of focus or blinded,
 * and a camera that was turned, from light, weather and traffic.
 *
 * A reference of the view is learnt within ten seconds and follows slow change (tamper_view.h). The
 * view is lost when hardly anything of the reference is found again; what is there instead says
 * why. A loss must last for `tamper_ns` before it counts, so that nobody who walks past raises it.
 *
 *   covered    nothing of the view is left and nothing sharp is seen instead: cloth, paint, a hand;
 *              also complete darkness, which a picture cannot tell from a cap
 *   defocused  the view is there without its detail
 *   moved      something as sharp as the view is seen, but not the view
 *   blinded    most of what is seen is at the upper end of the range
 *
 * It ends when the view has been back for some seconds; that of a moved camera also when it has
 * looked there for `accept_ns`: that is the view then. Where hardly anything has structure (a bare
 * wall, a night without light) nothing is said.
 *
 * One thread at a time.
 */
#ifndef ANALYZE_TAMPER_H
#define ANALYZE_TAMPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

enum tamper_kind {
	TAMPER_NONE = 0,
	TAMPER_COVERED = 1,
	TAMPER_DEFOCUSED = 2,
	TAMPER_MOVED = 3,
	TAMPER_BLINDED = 4,
};

/* "none", "covered", ...: fixed words, not for translation. */
const char *tamper_name(enum tamper_kind kind);

struct tamper;

struct tamper_params {
	int64_t tamper_ns; /* a loss of view lasts so long before it counts, > 0 */
	int64_t accept_ns; /* a turned camera's view is the reference after this; 0: never */
};

/* For reduced pictures of w x h. -ENOMEM. */
int tamper_create(struct tamper **out, uint32_t w, uint32_t h) MUST_CHECK;
/* NULL is fine. */
void tamper_destroy(struct tamper *t);
size_t tamper_bytes(const struct tamper *t);

/*
 * Takes a picture of this time; `noise` is its mean deviation in grey levels. Returns what is the
 * matter after it. Most pictures are only looked at by their time: some per second suffice.
 */
enum tamper_kind tamper_feed(struct tamper *t, const struct tamper_params *p, const uint8_t *luma,
			     size_t stride, double noise, int64_t mono_ns);
/* When the view was lost; meaningful while something is the matter. */
int64_t tamper_since(const struct tamper *t);
/* The stream had a break: the reference stays, what was seen lately goes. */
void tamper_break(struct tamper *t);

#endif
