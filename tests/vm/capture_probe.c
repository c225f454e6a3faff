/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one v4l2: source through the product's own capture code and writes down what it delivers,
 * one JSON object a line, so that a test can compare it with what the device drew.
 *
 *   capture_probe SOURCE [options]       SOURCE: v4l2:/dev/video0, v4l2:by-path/...
 *     --memory auto|pool|udmabuf|userptr|mmap   kind of frame memory (auto: the source's order)
 *     --frames N                           frames a run (10)
 *     --runs N                             open, stream and close so many times (1)
 *     --format NAME --width N --height N --fps N --slots N
 *     --write FILE                         each slot goes to FILE as the store writes it: O_DIRECT,
 *                                          WRITE_FIXED where the memory could be registered; it is
 *                                          read back and compared
 *     --dump FILE                          the pictures alone, one after another
 *     --timeout MS                         longest wait for a frame (5000)
 *
 * Lines: "open", "refused" (a kind of memory), "start" (kind, whether it was registered, whether
 * the kernel can pin it), "frame", "end"; "error" with the source's message. crc: CRC-32 as zlib's,
 * of the picture (data_offset skipped). Exit: 0 all went well, 1 a failure (named by an "error"
 * line), 2 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <isa-l/crc.h>
#include <jansson.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "capture/core/frame.h"
#include "capture/core/pixfmt.h"
#include "capture/slab.h"
#include "capture/source.h"

#define UNWRITTEN 0xee /* what slots hold before the device fills them */

struct options {
	const char *source;
	struct source_want want;
	unsigned frames, runs;
	int timeout_ms;
	const char *write_path, *dump_path;
};

struct probe {
	const struct options *o;
	struct source *source;
	struct source_format fmt;
	struct slab *slab;
	struct io_uring ring;
	bool ring_up;
	int register_err;  /* 0: registered */
	unsigned regions;  /* registered buffers: 1 (the slab), or a plane each (SLAB_DRIVER) */
	int file;          /* O_DIRECT, -1: none */
	uint8_t *readback; /* as large as the largest write */
	size_t readback_size;
	off_t written;
	FILE *dump;
	unsigned long frames_written, frames_same;
};

static void say(json_t *line)
{
	if (!line || json_dumpf(line, stdout, JSON_COMPACT))
		abort();
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

static int fail(const char *what, int err, const char *text)
{
	say(json_pack("{ss ss si ss ss}", "event", "error", "what", what, "errno", -err, "name",
		      strerrorname_np(-err) ?: "", "text", text));
	return err;
}

/* ---- memory ---- */

static size_t blocks(size_t bytes)
{
	return ALIGN_UP(bytes, (size_t)FRAME_BLOCK);
}

static int register_memory(struct probe *p)
{
	const struct slab *s = p->slab;
	struct iovec *iov = calloc((size_t)s->nslots * s->nplanes, sizeof(*iov));
	unsigned n = 0;
	int err;

	if (!iov)
		return -ENOMEM;
	if (s->base)
		iov[n++] = (struct iovec){s->base, s->size};
	for (unsigned i = 0; !s->base && i < s->nslots; i++)
		for (unsigned q = 0; q < s->nplanes; q++)
			iov[n++] = (struct iovec){s->slot[i].plane[q], blocks(s->plane_size[q])};
	err = io_uring_register_buffers(&p->ring, iov, n);
	p->regions = n;
	free(iov);
	return err;
}

/* As the camera does it: the source's kinds in order, until one is taken. */
static int start(struct probe *p, const enum slab_kind kinds[SOURCE_KINDS_MAX])
{
	struct errmsg em = {""};
	int err = -EOPNOTSUPP;

	for (unsigned i = 0; kinds[i] != SLAB_AUTO; i++) {
		err = slab_create(&p->slab, kinds[i], p->fmt.slots, p->fmt.nplanes,
				  p->fmt.plane_size, &em);
		if (!err) {
			if (p->slab->base)
				memset(p->slab->base, UNWRITTEN, p->slab->size);
			err = source_v4l2_ops.start(p->source, p->slab, &em);
		}
		if (!err)
			return 0;
		slab_destroy(p->slab);
		p->slab = NULL;
		say(json_pack("{ss ss si ss}", "event", "refused", "memory",
			      slab_kind_name(kinds[i]), "errno", -err, "text", em.text));
		if (err != -EOPNOTSUPP)
			break;
	}
	return fail("start", err, em.text);
}

/* ---- writing as the store does ---- */

static int transfer(struct probe *p, const uint8_t *from, size_t len, unsigned region)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);
	struct io_uring_cqe *cqe;
	int res;

	if (p->register_err)
		io_uring_prep_write(sqe, p->file, from, (unsigned)len, (uint64_t)p->written);
	else
		io_uring_prep_write_fixed(sqe, p->file, from, (unsigned)len, (uint64_t)p->written,
					  (int)region);
	res = io_uring_submit_and_wait(&p->ring, 1);
	if (res < 0)
		return res;
	res = io_uring_wait_cqe(&p->ring, &cqe);
	if (res < 0)
		return res;
	res = cqe->res;
	io_uring_cqe_seen(&p->ring, cqe);
	if (res < 0)
		return res;
	return (size_t)res == len ? 0 : -EIO;
}

/* Writes `len` bytes and compares what the file then holds. */
static int write_piece(struct probe *p, const uint8_t *from, size_t len, unsigned region,
		       bool *same)
{
	int err = transfer(p, from, len, region);

	if (err)
		return err;
	if (pread(p->file, p->readback, len, p->written) != (ssize_t)len)
		return -EIO;
	*same &= !memcmp(p->readback, from, len);
	p->written += (off_t)len;
	return 0;
}

/* One write for a slot of our own; a plane each where the driver laid them out. */
static int write_frame(struct probe *p, const struct source_buffer *b, bool *same)
{
	const struct slab *s = p->slab;
	const struct slab_slot *slot = &s->slot[b->slot];
	unsigned last = s->nplanes - 1;
	int err = 0;

	*same = true;
	if (slot->base) {
		const uint8_t *tail = slot->plane[last] + b->plane[last].bytesused;

		return write_piece(p, slot->base, blocks((size_t)(tail - slot->base)), 0, same);
	}
	for (unsigned q = 0; q < s->nplanes && !err; q++)
		if (b->plane[q].bytesused)
			err = write_piece(p, slot->plane[q], blocks(b->plane[q].bytesused),
					  b->slot * s->nplanes + q, same);
	return err;
}

/* ---- frames ---- */

static json_t *describe_planes(struct probe *p, const struct source_buffer *b)
{
	json_t *planes = json_array();

	for (unsigned q = 0; q < p->slab->nplanes; q++) {
		size_t offset = b->plane[q].data_offset;
		size_t len = b->plane[q].bytesused - offset;
		const uint8_t *data = p->slab->slot[b->slot].plane[q] + offset;
		char crc[9];

		snprintf(crc, sizeof(crc), "%08x", crc32_gzip_refl(0, data, len));
		json_array_append_new(planes,
				      json_pack("{sI sI ss}", "data_offset", (json_int_t)offset,
						"bytesused", (json_int_t)b->plane[q].bytesused,
						"crc", crc));
		if (p->dump && fwrite(data, 1, len, p->dump) != len) {
			json_decref(planes);
			return NULL;
		}
	}
	return planes;
}

static int take_frame(struct probe *p, const struct source_buffer *b, unsigned n)
{
	long dump_at = p->dump ? ftell(p->dump) : 0;
	json_t *planes = describe_planes(p, b), *line;
	bool same = false;
	int err = 0;

	if (!planes)
		return fail("dump", -EIO, "the dump file cannot be written");
	line = json_pack("{ss si si sI sI sb sb so}", "event", "frame", "n", n, "slot", b->slot,
			 "sequence", (json_int_t)b->sequence, "mono_ns", (json_int_t)b->mono_ns,
			 "error", b->error, "key", b->key, "planes", planes);
	if (p->dump)
		json_object_set_new(line, "dump_at", json_integer(dump_at));
	if (p->file >= 0) {
		err = write_frame(p, b, &same);
		p->frames_written += !err;
		p->frames_same += !err && same;
		json_object_set_new(line, "write_errno", json_integer(-err));
		json_object_set_new(line, "write_same", json_boolean(!err && same));
	}
	say(line);
	if (err)
		return fail("write", err, "writing a slot failed");
	return 0;
}

static int stream(struct probe *p)
{
	unsigned n = 0;

	while (n < p->o->frames) {
		struct pollfd pfd = {.fd = source_v4l2_ops.poll_fd(p->source),
				     .events = POLLIN | POLLPRI};
		struct source_buffer b;
		int err = source_v4l2_ops.dequeue(p->source, &b);

		if (err == -EAGAIN) {
			int ready = poll(&pfd, 1, p->o->timeout_ms);

			if (ready < 0 && errno != EINTR)
				return fail("poll", -errno, strerror(errno));
			if (!ready)
				return fail("poll", -ETIMEDOUT, "no frame came in time");
			continue;
		}
		if (err)
			return fail("dequeue", err, strerror(-err));
		err = take_frame(p, &b, n++);
		if (err)
			return err;
		err = source_v4l2_ops.enqueue(p->source, b.slot);
		if (err)
			return fail("enqueue", err, strerror(-err));
	}
	return 0;
}

/* ---- one run ---- */

static int open_files(struct probe *p)
{
	for (unsigned q = 0; q < p->fmt.nplanes; q++)
		p->readback_size += blocks(p->fmt.plane_size[q]);
	if (p->o->write_path) {
		p->file = open(p->o->write_path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC,
			       0644);
		p->readback = aligned_alloc(FRAME_BLOCK, p->readback_size);
		if (p->file < 0 || !p->readback)
			return fail("write", -errno, "the file for slots cannot be opened");
	}
	if (p->o->dump_path) {
		p->dump = fopen(p->o->dump_path, "we");
		if (!p->dump)
			return fail("dump", -errno, "the dump file cannot be opened");
	}
	return 0;
}

static void say_open(const struct probe *p)
{
	const struct source_format *f = &p->fmt;
	json_t *sizes = json_array(), *strides = json_array();
	char code[5];

	pixfmt_fourcc_text(code, f->fourcc);
	for (unsigned q = 0; q < f->nplanes; q++) {
		json_array_append_new(sizes, json_integer((json_int_t)f->plane_size[q]));
		json_array_append_new(strides, json_integer(f->stride[q]));
	}
	say(json_pack("{ss ss si si sf si so so sb sb si ss ss ss ss}", "event", "open", "fourcc",
		      code, "width", f->width, "height", f->height, "fps", f->fps, "planes",
		      f->nplanes, "plane_size", sizes, "stride", strides, "multiplanar",
		      f->multiplanar, "full_range", f->full_range, "slots", f->slots, "driver",
		      f->driver, "card", f->card, "bus", f->bus, "identity", f->identity));
}

static int run(struct probe *p)
{
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	const char *rest = strchr(p->o->source, ':') + 1;
	struct errmsg em = {""};
	int err = source_v4l2_ops.open(&p->source, rest, &p->o->want, &p->fmt, kinds, &em);
	int pin_err = 0;

	if (err)
		return fail("open", err, em.text);
	say_open(p);
	err = io_uring_queue_init(8, &p->ring, 0);
	if (err)
		return fail("ring", err, strerror(-err));
	p->ring_up = true;
	err = open_files(p);
	if (!err)
		err = start(p, kinds);
	if (err)
		return err;
	p->register_err = register_memory(p);
	/* The question capture/camera_stream.c asks of the driver's memory. */
	if (madvise(p->slab->slot[0].plane[0], FRAME_BLOCK, MADV_POPULATE_WRITE))
		pin_err = errno;
	say(json_pack("{ss ss si sb si ss ss}", "event", "start", "memory",
		      slab_kind_name(p->slab->kind), "slots", p->slab->nslots, "registered",
		      !p->register_err, "regions", p->regions, "register_error",
		      p->register_err ? strerrorname_np(-p->register_err) ?: "" : "", "pin_error",
		      pin_err ? strerrorname_np(pin_err) ?: "" : ""));
	err = stream(p);
	if (!err && p->frames_same != p->frames_written)
		err = fail("compare", -EIO, "the file does not hold what memory held");
	return err;
}

static int finish(struct probe *p, int err)
{
	bool driver = p->slab && p->slab->kind == SLAB_DRIVER;

	/* As the camera does it: the driver's memory is let go before its mappings end, our own
	 * when the device has let go of it. */
	if (driver && !p->register_err)
		io_uring_unregister_buffers(&p->ring);
	if (p->source && p->slab)
		source_v4l2_ops.stop(p->source);
	if (p->source)
		source_v4l2_ops.close(p->source);
	if (p->ring_up)
		io_uring_queue_exit(&p->ring);
	slab_destroy(p->slab);
	free(p->readback);
	if (p->file >= 0)
		close(p->file);
	if (p->dump && fclose(p->dump) && !err)
		err = fail("dump", -EIO, "the dump file cannot be written");
	say(json_pack("{ss sb sI sI}", "event", "end", "ok", !err, "written",
		      (json_int_t)p->frames_written, "same", (json_int_t)p->frames_same));
	return err;
}

/* ---- command line ---- */

static int usage(const char *why)
{
	fprintf(stderr,
		"capture_probe: %s\nusage: capture_probe v4l2:DEVICE [--memory KIND] [--frames N] "
		"[--runs N] [--format NAME] [--width N] [--height N] [--fps N] [--slots N] "
		"[--write FILE] [--dump FILE] [--timeout MS]\n",
		why);
	return 2;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"memory", 1, 0, 'm'}, {"frames", 1, 0, 'n'},  {"runs", 1, 0, 'r'},
		{"format", 1, 0, 'f'}, {"width", 1, 0, 'w'},   {"height", 1, 0, 'h'},
		{"fps", 1, 0, 'p'},    {"slots", 1, 0, 's'},   {"write", 1, 0, 'W'},
		{"dump", 1, 0, 'D'},   {"timeout", 1, 0, 't'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		const struct pixfmt *pf;

		switch (opt) {
		case 'm':
			if (slab_kind_parse(optarg, &o->want.memory))
				return usage("unknown kind of memory");
			break;
		case 'f':
			pf = pixfmt_find_name(optarg);
			if (!pf)
				return usage("unknown format");
			o->want.fourcc = pf->fourcc;
			break;
		case 'n': o->frames = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'r': o->runs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'w': o->want.max_width = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'h': o->want.max_height = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'p': o->want.max_fps = strtod(optarg, NULL); break;
		case 's': o->want.slots = (unsigned)strtoul(optarg, NULL, 10); break;
		case 't': o->timeout_ms = (int)strtol(optarg, NULL, 10); break;
		case 'W': o->write_path = optarg; break;
		case 'D': o->dump_path = optarg; break;
		default: return usage("unknown option");
		}
	}
	if (optind + 1 != argc || strncmp(argv[optind], "v4l2:", 5))
		return usage("one source is needed, v4l2:...");
	o->source = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.frames = 10, .runs = 1, .timeout_ms = 5000};
	int err = parse(&o, argc, argv);

	if (err)
		return err;
	for (unsigned i = 0; i < o.runs && !err; i++) {
		struct probe p = {.o = &o, .file = -1};

		err = finish(&p, run(&p));
	}
	return err ? 1 : 0;
}
