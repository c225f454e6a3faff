/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reed-Solomon over GF(2^8), polynomial 0x11d, by ISA-L. Parity row j has the coefficients
 * (2^j)^0, (2^j)^1, ... : row 0 is plain exclusive-or. For up to three such rows every square
 * submatrix that matters is invertible (ISA-L, gf_gen_rs_matrix).
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <isa-l/erasure_code.h>

#define TABLE 32u /* bytes of ISA-L's table for one coefficient */

int stripe_code_init(struct stripe_set *s)
{
	gf_gen_rs_matrix(s->matrix, (int)s->n, (int)s->k);
	if (!s->m)
		return 0;
	s->tables = malloc((size_t)s->k * s->m * TABLE);
	if (!s->tables)
		return -ENOMEM;
	ec_init_tables((int)s->k, (int)s->m, s->matrix + (size_t)s->k * s->k, s->tables);
	return 0;
}

/* ISA-L takes arrays it does not change without saying so. */
static uint8_t **plain(uint8_t *const p[])
{
	return (uint8_t **)(uintptr_t)p;
}

void stripe_code_parity(const struct stripe_set *s, size_t len, uint8_t *const data[],
			uint8_t *const parity[])
{
	if (s->m)
		ec_encode_data((int)len, (int)s->k, (int)s->m, s->tables, plain(data),
			       plain(parity));
}

int stripe_code_restore(const struct stripe_set *s, size_t len, const unsigned have[],
			uint8_t *const from[], const unsigned lost[], unsigned nlost,
			uint8_t *const to[])
{
	const unsigned k = s->k;
	size_t square = (size_t)k * k;
	/* rows of what is there, their inverse, rows of what is lost, tables */
	uint8_t *mem = malloc(2 * square + (size_t)nlost * k * (1 + TABLE));
	int err = -ENOMEM;

	if (!mem)
		return err;
	uint8_t *rows = mem, *inverse = mem + square, *wanted = inverse + square;
	uint8_t *tables = wanted + (size_t)nlost * k;

	for (unsigned i = 0; i < k; i++)
		memcpy(rows + (size_t)i * k, s->matrix + (size_t)have[i] * k, k);
	err = gf_invert_matrix(rows, inverse, (int)k) ? -EIO : 0;
	for (unsigned l = 0; !err && l < nlost; l++) {
		/* A data block is a row of the inverse; parity is made of those in turn. */
		for (unsigned j = 0; j < k; j++) {
			uint8_t sum = 0;

			for (unsigned i = 0; i < k; i++)
				sum ^= gf_mul(s->matrix[(size_t)lost[l] * k + i],
					      inverse[(size_t)i * k + j]);
			wanted[(size_t)l * k + j] = sum;
		}
	}
	if (!err) {
		ec_init_tables((int)k, (int)nlost, wanted, tables);
		ec_encode_data((int)len, (int)k, (int)nlost, tables, plain(from), plain(to));
	}
	free(mem);
	return err;
}
