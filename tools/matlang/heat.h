/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where and when a camera's picture moves: minutes with motion, by cell and by hour of the day. */
#ifndef MATLANG_HEAT_H
#define MATLANG_HEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/reader_minutes.h"

struct heat {
	uint16_t cols, rows; /* the newest grid; those before are laid over it */
	uint32_t *cell;      /* cols * rows: minutes in which it moved */
	uint32_t most;       /* of a cell */
	uint32_t hour[24];   /* minutes with motion that began in this hour, by the local clock */
	uint32_t minutes;
	int64_t first_utc_ns, last_utc_ns; /* of the minutes */
	uint64_t maps, bitmaps;            /* read */
	struct reader_damage damage;
};

/* `q` asks for one camera. 0 or -errno with message; out->cell is NULL when nothing moved. */
int heat_gather(struct heat *out, struct reader *r, const struct reader_query *q,
		struct errmsg *em) MUST_CHECK;
void heat_free(struct heat *h);

#endif
