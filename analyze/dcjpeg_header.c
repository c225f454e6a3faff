/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/dcjpeg_header.h"

#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"

/* Markers (T.81, table B.1). */
enum {
	TEM = 0x01,
	SOF0 = 0xc0,
	SOF1 = 0xc1,
	DHT = 0xc4,
	JPG = 0xc8,
	DAC = 0xcc,
	SOF15 = 0xcf,
	RST0 = 0xd0,
	RST7 = 0xd7,
	SOI = 0xd8,
	EOI = 0xd9,
	SOS = 0xda,
	DQT = 0xdb,
	DRI = 0xdd,
	APP0 = 0xe0,
	APP14 = 0xee,
};

struct parse {
	struct dcjpeg_header *h;
	const uint8_t *at, *end;
	uint16_t quant[4]; /* of DC; 0: not given */
	bool has_dc[4], has_ac[4];
	bool jfif, adobe;
	uint8_t adobe_transform;
};

static int read_dqt(struct parse *p, const uint8_t *s, size_t n)
{
	while (n) {
		bool wide = s[0] >> 4;
		unsigned id = s[0] & 15;
		size_t size = 1 + 64 * (wide + 1u);

		if (id > 3 || s[0] >> 4 > 1 || n < size)
			return -EBADMSG;
		/* The DC's is the first in zigzag order too. */
		p->quant[id] = wide ? bytes_be16(s + 1) : s[1];
		s += size;
		n -= size;
	}
	return 0;
}

static int read_dht(struct parse *p, const uint8_t *s, size_t n)
{
	while (n) {
		bool ac = s[0] >> 4;
		unsigned id = s[0] & 15;
		size_t used;

		if (id > 3 || s[0] >> 4 > 1)
			return -EBADMSG;
		used = dcjpeg_huff_parse(ac ? &p->h->ac[id] : &p->h->dc[id], s + 1, n - 1, ac);
		if (!used)
			return -EBADMSG;
		(ac ? p->has_ac : p->has_dc)[id] = true;
		s += 1 + used;
		n -= 1 + used;
	}
	return 0;
}

static int read_sof(struct parse *p, const uint8_t *s, size_t n)
{
	struct dcjpeg_header *h = p->h;

	if (h->components || n < 6 || n != 6 + 3u * s[5])
		return -EBADMSG;
	if (s[0] != 8 || (s[5] != 1 && s[5] != DCJPEG_COMPONENTS))
		return -EOPNOTSUPP;
	h->height = bytes_be16(s + 1);
	h->width = bytes_be16(s + 3);
	h->components = s[5];
	for (unsigned i = 0; i < h->components; i++) {
		struct dcjpeg_component *c = &h->component[i];

		c->id = s[6 + 3 * i];
		c->h = s[7 + 3 * i] >> 4;
		c->v = s[7 + 3 * i] & 15;
		c->quant = s[8 + 3 * i];
		if (!c->h || !c->v || c->h > 4 || c->v > 4 || c->quant > 3)
			return -EBADMSG;
	}
	return h->width && h->height ? 0 : -EBADMSG;
}

/* The tables of each component; the standard's where none came (class by class, as cameras leave
 * out all or nothing). */
static int choose_tables(struct parse *p, struct dcjpeg_component *c)
{
	if (c->dc > 3 || c->ac > 3 || !p->quant[c->quant])
		return -EBADMSG;
	if (!p->has_dc[c->dc]) {
		if (c->dc > 1)
			return -EBADMSG;
		p->h->dc[c->dc] = *dcjpeg_huff_standard(false, c->dc);
	}
	if (!p->has_ac[c->ac]) {
		if (c->ac > 1)
			return -EBADMSG;
		p->h->ac[c->ac] = *dcjpeg_huff_standard(true, c->ac);
	}
	return 0;
}

/* Is the first component luma, as libjpeg tells? */
static bool luma_first(const struct parse *p)
{
	const struct dcjpeg_component *c = p->h->component;

	if (p->h->components == 1 || p->jfif)
		return true;
	if (p->adobe)
		return p->adobe_transform != 0;
	return !(c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B');
}

static int read_sos(struct parse *p, const uint8_t *s, size_t n)
{
	struct dcjpeg_header *h = p->h;

	if (!h->components || n < 4 || n != 4 + 2u * s[0])
		return -EBADMSG;
	if (s[0] != h->components || !luma_first(p))
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < h->components; i++) {
		struct dcjpeg_component *c = &h->component[i];
		int err;

		if (s[1 + 2 * i] != c->id)
			return -EBADMSG;
		c->dc = s[2 + 2 * i] >> 4;
		c->ac = s[2 + 2 * i] & 15;
		err = choose_tables(p, c);
		if (err)
			return err;
	}
	/* The whole spectrum at once: anything else is progressive. */
	s += n - 3;
	if (s[0] != 0 || s[1] != 63 || s[2] != 0)
		return -EOPNOTSUPP;
	h->quant_dc = p->quant[h->component[0].quant];
	h->scan = p->at;
	return 0;
}

static int read_dri(struct parse *p, const uint8_t *s, size_t n)
{
	if (n != 2)
		return -EBADMSG;
	p->h->restart = bytes_be16(s);
	return 0;
}

static void read_app(struct parse *p, unsigned marker, const uint8_t *s, size_t n)
{
	if (marker == APP0 && n >= 14 && !memcmp(s, "JFIF", 5))
		p->jfif = true;
	if (marker == APP14 && n >= 12 && !memcmp(s, "Adobe", 5)) {
		p->adobe = true;
		p->adobe_transform = s[11];
	}
}

/* The next marker; bytes before it are padding. 0: there is none. */
static unsigned next_marker(struct parse *p)
{
	while (p->at < p->end) {
		p->at = memchr(p->at, 0xff, (size_t)(p->end - p->at));
		if (!p->at)
			break;
		while (p->at < p->end && *p->at == 0xff)
			p->at++;
		if (p->at < p->end && *p->at)
			return *p->at++;
	}
	p->at = p->end;
	return 0;
}

/* A marker with its segment. */
static int read_segment(struct parse *p, unsigned marker)
{
	const uint8_t *s = p->at;
	size_t n;

	if (p->end - s < 2)
		return -EBADMSG;
	n = bytes_be16(s);
	if (n < 2 || (size_t)(p->end - s) < n)
		return -EBADMSG;
	p->at += n;
	s += 2;
	n -= 2;
	switch (marker) {
	case DQT: return read_dqt(p, s, n);
	case DHT: return read_dht(p, s, n);
	case DRI: return read_dri(p, s, n);
	case SOF0:
	case SOF1: return read_sof(p, s, n);
	case SOS: return read_sos(p, s, n);
	case DAC: return -EOPNOTSUPP;
	case JPG: return -EBADMSG;
	default: break;
	}
	/* The other frame headers: progressive, lossless, hierarchical, arithmetic. */
	if (marker > SOF1 && marker <= SOF15)
		return -EOPNOTSUPP;
	read_app(p, marker, s, n);
	return 0;
}

int dcjpeg_header_read(struct dcjpeg_header *h, const uint8_t *data, size_t size)
{
	struct parse p = {.h = h, .at = data, .end = data + size};

	memset(h, 0, sizeof(*h));
	if (size < 2 || data[0] != 0xff || data[1] != SOI)
		return -EBADMSG;
	p.at += 2;
	while (!h->scan) {
		unsigned marker = next_marker(&p);
		int err;

		if (!marker || marker == SOI || marker == EOI)
			return -EBADMSG;
		if (marker == TEM || (marker >= RST0 && marker <= RST7))
			continue;
		err = read_segment(&p, marker);
		if (err)
			return err;
	}
	return 0;
}
