/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/timefmt.h"

struct log {
	bool journal;
	pthread_mutex_t lock; /* protects what follows, and keeps lines whole */
	bool keep;
	char kept[LOG_KEPT][LOG_LINE_MAX];
	size_t first, count; /* a ring */
};

/* JOURNAL_STREAM names device and inode of the socket the journal gave us: standard error may have
 * been redirected since. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

struct log *log_create(void)
{
	struct log *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->journal = is_journal();
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void log_destroy(struct log *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static const char *level_name(int level)
{
	if (level <= LOG_ERR)
		return "error: ";
	return level == LOG_WARNING ? "warning: " : "";
}

void log_line(void *log, int level, const char *line)
{
	struct log *l = log;
	char text[LOG_LINE_MAX], now[TIMEFMT_MAX];
	struct timespec ts;

	if (level >= LOG_DEBUG && !l->journal)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	timefmt_rfc3339(now, (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec, 0);
	pthread_mutex_lock(&l->lock);
	if (l->keep) {
		/* HH:MM:SS is all that a table has room for. */
		snprintf(text, sizeof(text), "%.8s %s%s", now + 11, level_name(level), line);
		memcpy(l->kept[(l->first + l->count) % LOG_KEPT], text, sizeof(text));
		if (l->count < LOG_KEPT)
			l->count++;
		else
			l->first = (l->first + 1) % LOG_KEPT;
	} else if (l->journal) {
		fprintf(stderr, "<%d>%s\n", level, line);
	} else {
		fprintf(stderr, "%s %s%s\n", now, level_name(level), line);
	}
	pthread_mutex_unlock(&l->lock);
}

void log_printf(struct log *l, int level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_line(l, level, line);
}

void log_keep(struct log *l, bool keep)
{
	pthread_mutex_lock(&l->lock);
	l->keep = keep;
	pthread_mutex_unlock(&l->lock);
}

size_t log_kept(struct log *l, char out[LOG_KEPT][LOG_LINE_MAX])
{
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = l->count;
	for (size_t i = 0; i < n; i++)
		memcpy(out[i], l->kept[(l->first + i) % LOG_KEPT], LOG_LINE_MAX);
	pthread_mutex_unlock(&l->lock);
	return n;
}
