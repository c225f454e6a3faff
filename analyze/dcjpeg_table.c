/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/dcjpeg_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64u

#define BUCKETS 256u /* some encoders send tables of their own with every picture */

struct shared_code {
	struct shared_code *next; /* of the bucket; protected by codes_lock, as are: */
	unsigned refs;
	uint32_t hash;
	struct dcjpeg_code code;
};

/* protects: codes, and what each one says */
static pthread_mutex_t codes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_code *codes[BUCKETS];

static const struct dcjpeg_huff standard[2][2] = {
	{
		{
			{0, 1, 5, 1, 1, 1, 1, 1, 1},
			{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		},
		{
			{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
			{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		},
	},
	{
		{
			{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125},
			{0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06,
			 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08,
			 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
			 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
			 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
			 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
			 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
			 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
			 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
			 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
			 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
			 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
			 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4,
			 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa},
		},
		{
			{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119},
			{0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41,
			 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91,
			 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
			 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
			 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
			 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
			 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74,
			 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
			 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
			 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
			 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
			 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
			 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4,
			 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa},
		},
	},
};

const struct dcjpeg_huff *dcjpeg_huff_standard(bool ac, bool chroma)
{
	return &standard[ac][chroma];
}

size_t dcjpeg_huff_parse(struct dcjpeg_huff *out, const uint8_t *p, size_t size, bool ac)
{
	struct dcjpeg_huff h = {0};
	unsigned values = 0, code = 0;

	if (size < sizeof(h.count))
		return 0;
	for (unsigned len = 1; len <= 16; len++) {
		h.count[len - 1] = p[len - 1];
		values += h.count[len - 1];
		/* A prefix code of this length has no more words than the shorter ones leave. */
		code = 2 * code + h.count[len - 1];
		if (code > 1u << len)
			return 0;
	}
	if (values > sizeof(h.value) || size < sizeof(h.count) + values)
		return 0;
	memcpy(h.value, p + sizeof(h.count), values);
	for (unsigned i = 0; i < values && !ac; i++)
		if (h.value[i] > 15)
			return 0;
	*out = h;
	return sizeof(h.count) + values;
}

/* The code word at the top of `window`: its length, 0 when there is none; its value. */
static unsigned code_word(const struct dcjpeg_huff *h, uint64_t window, uint8_t *value)
{
	unsigned top = (unsigned)(window >> 48), code = 0, index = 0;

	for (unsigned len = 1; len <= 16; len++) {
		unsigned count = h->count[len - 1], word = top >> (16 - len);

		if (word - code < count) {
			*value = h->value[index + word - code];
			return len;
		}
		index += count;
		code = (code + count) << 1;
	}
	return 0;
}

/* `size` bits below the top `skip` of the window, as a signed difference (T.81, F.2.2.1). */
static int32_t extend(uint64_t window, unsigned skip, unsigned size)
{
	int32_t v;

	if (!size)
		return 0;
	v = (int32_t)(window << skip >> (64 - size));
	return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

static uint32_t entry(unsigned bits, unsigned coefs, bool end, int32_t diff)
{
	return bits | coefs << 8 | (end ? DCJPEG_END : 0) | (uint32_t)diff << 16;
}

uint32_t dcjpeg_symbol(const struct dcjpeg_code *code, uint64_t window, unsigned coefs)
{
	const struct dcjpeg_huff *h = coefs ? &code->ac_huff : &code->dc_huff;
	uint8_t value = 0;
	unsigned len = code_word(h, window, &value), size = value & 15, run = value >> 4;

	if (!len)
		return 0;
	if (!coefs)
		return entry(len + size, 1, false, code->luma ? extend(window, len, size) : 0);
	if (!size && run != 15)
		return entry(len, 0, true, 0);
	if (coefs + run + 1 > BLOCK)
		return 0;
	/* A full block has no end-of-block symbol. Its last coefficient is not counted: entries
	 * that end a block must leave the sum below BLOCK. */
	if (coefs + run + 1 == BLOCK)
		return entry(len + size, run, true, 0);
	return entry(len + size, run + 1, false, 0);
}

/* Lengths (0: longer than the look-up) and values of the code words that begin with each index. */
struct words {
	uint8_t len[DCJPEG_LOOKUP_SIZE], value[DCJPEG_LOOKUP_SIZE];
};

static void fill_words(struct words *w, const struct dcjpeg_huff *h)
{
	unsigned at = 0, index = 0;

	memset(w, 0, sizeof(*w));
	for (unsigned len = 1; len <= DCJPEG_LOOKUP_BITS; len++) {
		unsigned span = DCJPEG_LOOKUP_SIZE >> len;

		for (unsigned i = 0; i < h->count[len - 1]; i++, index++, at += span) {
			memset(w->len + at, (int)len, span);
			memset(w->value + at, h->value[index], span);
		}
	}
}

/* As many AC symbols as the bits from `used` on hold whole code words of; extra bits of the last
 * may lie beyond. */
static uint32_t ac_entry(const struct words *ac, unsigned index, unsigned used, unsigned coefs,
			 int32_t diff)
{
	while (used < DCJPEG_LOOKUP_BITS) {
		unsigned at = index << used & (DCJPEG_LOOKUP_SIZE - 1);
		unsigned len = ac->len[at], run = ac->value[at] >> 4, size = ac->value[at] & 15;

		if (!len || used + len > DCJPEG_LOOKUP_BITS)
			break;
		if (!size && run != 15)
			return entry(used + len, coefs, true, diff);
		if (coefs + run + 1 >= BLOCK)
			break;
		coefs += run + 1;
		used += len + size;
	}
	return used ? entry(used, coefs, false, diff) : DCJPEG_ESCAPE;
}

static uint32_t first_entry(const struct words *dc, const struct words *ac, unsigned index,
			    bool luma)
{
	unsigned len = dc->len[index], size = dc->value[index] & 15;
	uint64_t window = (uint64_t)index << (64 - DCJPEG_LOOKUP_BITS);

	if (!len || (luma && len + size > DCJPEG_LOOKUP_BITS))
		return DCJPEG_ESCAPE;
	return ac_entry(ac, index, len + size, 1, luma ? extend(window, len, size) : 0);
}

static struct shared_code *build(const struct dcjpeg_huff *dc, const struct dcjpeg_huff *ac,
				 bool luma)
{
	struct shared_code *s = malloc(sizeof(*s));
	struct words *w = malloc(2 * sizeof(*w));

	if (!s || !w) {
		free(s);
		free(w);
		return NULL;
	}
	s->refs = 1;
	s->code.dc_huff = *dc;
	s->code.ac_huff = *ac;
	s->code.luma = luma;
	fill_words(&w[0], dc);
	fill_words(&w[1], ac);
	for (unsigned i = 0; i < DCJPEG_LOOKUP_SIZE; i++) {
		s->code.first[i] = first_entry(&w[0], &w[1], i, luma);
		s->code.ac[i] = ac_entry(&w[1], i, 0, 0, 0);
	}
	free(w);
	return s;
}

/* FNV-1a. */
static uint32_t hash_huff(uint32_t hash, const struct dcjpeg_huff *h)
{
	const uint8_t *p = (const uint8_t *)h;

	for (size_t i = 0; i < sizeof(*h); i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

/* Under the lock: a reference to the code of these tables, NULL when nobody uses them. */
static struct shared_code *find(const struct dcjpeg_huff *dc, const struct dcjpeg_huff *ac,
				bool luma, uint32_t hash)
{
	for (struct shared_code *s = codes[hash % BUCKETS]; s; s = s->next) {
		if (s->hash == hash && s->code.luma == luma &&
		    !memcmp(&s->code.ac_huff, ac, sizeof(*ac)) &&
		    !memcmp(&s->code.dc_huff, dc, sizeof(*dc))) {
			s->refs++;
			return s;
		}
	}
	return NULL;
}

const struct dcjpeg_code *dcjpeg_code_get(const struct dcjpeg_huff *dc,
					  const struct dcjpeg_huff *ac, bool luma)
{
	uint32_t hash = hash_huff(hash_huff(2166136261u + luma, dc), ac);
	struct shared_code *s, *made;

	pthread_mutex_lock(&codes_lock);
	s = find(dc, ac, luma, hash);
	pthread_mutex_unlock(&codes_lock);
	if (s)
		return &s->code;
	/* Built without the lock, which takes as long as half a picture; another thread may have
	 * been faster. */
	made = build(dc, ac, luma);
	if (!made)
		return NULL;
	made->hash = hash;
	pthread_mutex_lock(&codes_lock);
	s = find(dc, ac, luma, hash);
	if (!s) {
		made->next = codes[hash % BUCKETS];
		codes[hash % BUCKETS] = made;
		s = made;
	}
	pthread_mutex_unlock(&codes_lock);
	if (s != made)
		free(made);
	return &s->code;
}

void dcjpeg_code_put(const struct dcjpeg_code *code)
{
	struct shared_code *s, **at;
	bool last;

	if (!code)
		return;
	s = container_of((struct dcjpeg_code *)code, struct shared_code, code);
	pthread_mutex_lock(&codes_lock);
	last = --s->refs == 0;
	if (last) {
		at = &codes[s->hash % BUCKETS];
		while (*at != s)
			at = &(*at)->next;
		*at = s->next;
	}
	pthread_mutex_unlock(&codes_lock);
	if (last)
		free(s);
}
