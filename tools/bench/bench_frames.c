/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pictures that `matlang bench record` records, one behind the other in a file, so that other
 * programs can be measured over the same bytes. */
#include "tools/bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "capture/play.h"

static int write_frames(FILE *f, struct play *p, double count, struct errmsg *em)
{
	for (double n = 0; n < count; n++) {
		struct frame frame;
		int ret = play_next(p, &frame, 0, em);

		if (ret <= 0)
			return ret;
		for (unsigned i = 0; i < frame.nplanes; i++) {
			if (fwrite(frame.plane[i].data, 1, frame.plane[i].bytesused, f) !=
			    frame.plane[i].bytesused)
				return errmsg_set(em, -EIO, "write: %s", strerror(errno));
		}
	}
	return 0;
}

static int write_file(const char *path, const char *uri, double count, struct errmsg *em)
{
	FILE *f = fopen(path, "we");
	struct play *p;
	int ret;

	if (!f)
		return errmsg_set(em, -errno, "%s: %s", path, strerror(errno));
	ret = play_open(&p, uri, NULL, true, em);
	if (!ret) {
		ret = write_frames(f, p, count, em);
		play_close(p);
	}
	if (fclose(f) && !ret)
		ret = errmsg_set(em, -errno, "%s: %s", path, strerror(errno));
	return ret;
}

int bench_frames_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"frame-kb", 1, NULL, 'k'},
		{"count", 1, NULL, 'n'},
		{"output", 1, NULL, 'o'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	static const char usage[] = "Usage: matlang bench frames [--frame-kb 100] [--count 1000] "
				    "-o FILE.mjpeg\n\n"
				    "Writes 1080p pictures of the synthetic camera to a file.\n";
	double kb = 100, count = 1000;
	const char *out = NULL;
	struct errmsg em = {""};
	char uri[256];
	int c;

	while ((c = getopt_long(argc, argv, "ho:", longs, NULL)) != -1) {
		switch (c) {
		case 'k':
			if (bench_number("--frame-kb", optarg, 5, 8000, &kb))
				return 2;
			break;
		case 'n':
			if (bench_number("--count", optarg, 1, 1e9, &count))
				return 2;
			break;
		case 'o': out = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return 2;
		}
	}
	if (!out || optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	snprintf(uri, sizeof(uri), "rack:frames?width=1920&height=1080&format=mjpeg&frame_kb=%g",
		 kb);
	if (write_file(out, uri, count, &em)) {
		fprintf(stderr, "matlang bench frames: %s\n", em.text);
		return 1;
	}
	return 0;
}
