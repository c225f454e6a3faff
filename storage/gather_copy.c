/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/gather_copy.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "storage/disk_format.h"

#define BLOCK 4096u /* source bytes that are read twice: for the CRC, then for the copy */
#define LINE  64u

#if defined(__SSE2__) /* part of every x86-64 */
/* Whole lines; `dst` on a line. */
static void stream_lines(uint8_t *dst, const uint8_t *src, size_t lines)
{
	for (; lines; lines--, dst += LINE, src += LINE) {
		__m128i a = _mm_loadu_si128((const __m128i *)src);
		__m128i b = _mm_loadu_si128((const __m128i *)(src + 16));
		__m128i c = _mm_loadu_si128((const __m128i *)(src + 32));
		__m128i d = _mm_loadu_si128((const __m128i *)(src + 48));

		_mm_stream_si128((__m128i *)dst, a);
		_mm_stream_si128((__m128i *)(dst + 16), b);
		_mm_stream_si128((__m128i *)(dst + 32), c);
		_mm_stream_si128((__m128i *)(dst + 48), d);
	}
}

/* Streamed stores are not ordered with those that follow: the disk must find them done. */
static void stream_end(void)
{
	_mm_sfence();
}
#else
static void stream_lines(uint8_t *dst, const uint8_t *src, size_t lines)
{
	memcpy(dst, src, lines * LINE);
}

static void stream_end(void)
{
}
#endif

uint32_t gather_copy(void *dst, const void *src, size_t len, uint32_t crc)
{
	const uint8_t *s = src;
	uint8_t *d = dst;

	while (len) {
		/* Up to a line first; then blocks of whole lines; then what is left. */
		size_t off = (uintptr_t)d % LINE;
		size_t n = off ? LINE - off : BLOCK;

		if (n > len)
			n = len;
		if (!off && n > LINE)
			n -= n % LINE;
		crc = format_crc32c(crc, s, n);
		if (off || n < LINE)
			memcpy(d, s, n);
		else
			stream_lines(d, s, n / LINE);
		d += n;
		s += n;
		len -= n;
	}
	stream_end();
	return crc;
}
