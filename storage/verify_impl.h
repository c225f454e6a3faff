/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the verifier. */
#ifndef STORAGE_VERIFY_IMPL_H
#define STORAGE_VERIFY_IMPL_H

#include "storage/reader_impl.h"
#include "storage/verify.h"

/* Findings of one segment are held back until it is sure that the writer did not recycle it. */
struct verify_findings {
	char **line;
	size_t count, room;
	uint64_t more; /* not kept: there are too many, or no memory */
};
void verify_note(struct verify_findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
void verify_findings_free(struct verify_findings *f);

/* As verify_store, over another back end. */
int verify_store_io(const char *dir, const struct storage_io_ops *ops, void *ctx,
		    const struct verify_callbacks *cb, struct verify_result *result,
		    struct errmsg *em) MUST_CHECK;

/* Reads one segment of the table through and adds what it holds to *sum. 0, or -errno when
 * reading cannot go on. */
int verify_segment(struct reader *r, uint32_t index, struct verify_findings *f,
		   struct verify_result *sum) MUST_CHECK;

/* Compares the stripes of a segment, parity too, of a store that has it. As above. */
int verify_stripes(struct reader *r, uint32_t index, const struct reader_segment *e,
		   struct verify_findings *f, struct verify_result *sum) MUST_CHECK;

/* A checkpoint area: 0: whole, or never written; 1: neither; -errno. *bytes: how much was read. */
int verify_area(struct reader *r, unsigned area, uint64_t *bytes) MUST_CHECK;

#endif
