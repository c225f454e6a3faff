/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reader shows of an image, compared with the image's own list of records. Failures fail the
 * test. */
#ifndef TESTS_UNIT_STORAGE_SHOWN_H
#define TESTS_UNIT_STORAGE_SHOWN_H

#include "storage/reader.h"
#include "tests/unit/storage/image.h"

extern const struct reader_query shown_everything;

/* Must succeed; the caller closes them. */
struct reader *shown_open(struct simdisk *sd);
struct reader_cursor *shown_cursor(struct reader *r, const struct reader_query *q);
/* `rec`, loaded, is `w`, byte for byte. */
void shown_check_record(struct reader_cursor *c, struct record *rec, const struct image_record *w);
/* The cursor gives exactly the matching records [from, to) of the image; returns how many. */
size_t shown_check_cursor(struct reader_cursor *c, const struct reader_query *q, struct image *im,
			  size_t from, size_t to);
/* There is no more, and that much was damaged. */
void shown_check_end(struct reader_cursor *c, uint64_t records, uint64_t segments);
/* A reader of the disk gives exactly the matching records [from, to), and no damage. */
void shown_check_query(struct simdisk *sd, const struct reader_query *q, struct image *im,
		       size_t from, size_t to);

#endif
