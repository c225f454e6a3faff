/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format (GNU gettext manual, "The Format of GNU MO Files"), all integers in the byte order of
 * the magic number:
 *
 *    0  magic 0x950412de
 *    4  revision (major in the upper 16 bits, 0 or 1)
 *    8  N, number of strings
 *   12  offset of the table of originals:    N x { length, offset }, sorted by string
 *   16  offset of the table of translations: N x { length, offset }
 *
 * Every string is followed by a NUL that its length does not count.
 */
#include "tools/common/mo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/core/bytes.h"
#include "capture/core/cleanup.h"

#define MO_MAGIC    0x950412deu
#define MO_HEADER   20u
#define MO_SIZE_MAX (16u << 20)

struct mo {
	uint8_t *data;
	size_t size;
	bool big_endian;
	uint32_t count, originals, translations;
};

static uint32_t word(const struct mo *m, size_t at)
{
	return m->big_endian ? bytes_be32(m->data + at) : bytes_le32(m->data + at);
}

/* The string of entry `i` in `table`; NULL when it does not lie whole inside the file. */
static const char *string_at(const struct mo *m, uint32_t table, uint32_t i)
{
	size_t entry = table + (size_t)i * 8;
	size_t length = word(m, entry), offset = word(m, entry + 4);

	if (offset >= m->size || length >= m->size - offset || m->data[offset + length] != '\0')
		return NULL;
	return (const char *)m->data + offset;
}

static bool table_fits(const struct mo *m, uint32_t table)
{
	return table <= m->size && m->count <= (m->size - table) / 8;
}

static int check(struct mo *m)
{
	if (m->size < MO_HEADER)
		return -EBADMSG;
	if (bytes_le32(m->data) != MO_MAGIC) {
		if (bytes_be32(m->data) != MO_MAGIC)
			return -EBADMSG;
		m->big_endian = true;
	}
	if (word(m, 4) >> 16 > 1)
		return -EBADMSG;
	m->count = word(m, 8);
	m->originals = word(m, 12);
	m->translations = word(m, 16);
	if (!table_fits(m, m->originals) || !table_fits(m, m->translations))
		return -EBADMSG;
	for (uint32_t i = 0; i < m->count; i++)
		if (!string_at(m, m->originals, i) || !string_at(m, m->translations, i))
			return -EBADMSG;
	return 0;
}

static int slurp(struct mo *m, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > MO_SIZE_MAX)
		return -EBADMSG;
	m->size = (size_t)st.st_size;
	m->data = malloc(m->size + 1);
	if (!m->data)
		return -ENOMEM;
	for (size_t done = 0; done < m->size;) {
		ssize_t n = read(fd, m->data + done, m->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

int mo_open(struct mo **out, const char *path)
{
	struct mo *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	err = slurp(m, path);
	if (!err)
		err = check(m);
	if (err) {
		mo_close(m);
		return err;
	}
	*out = m;
	return 0;
}

void mo_close(struct mo *m)
{
	if (!m)
		return;
	free(m->data);
	free(m);
}

const char *mo_find(const struct mo *m, const char *msgid)
{
	uint32_t lo = 0, hi = m->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int order = strcmp(msgid, string_at(m, m->originals, mid));

		if (order == 0) {
			const char *text = string_at(m, m->translations, mid);

			return *text ? text : NULL;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}
