/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consumes a camera of matlang_rack and proves from each picture what it is.
 *
 *   rack_probe verify NAME v4l2:/dev/videoN MEMORY FORMAT FRAMES [WIDTH HEIGHT]
 *        streams FRAMES frames into MEMORY (mmap, userptr, udmabuf, pool). For each: the stamp
 *        names the camera, the sequence and the time that the kernel says, and the checksum is
 *        that of the picture. Prints "frames=N gaps=N errors=N torn=N backwards=N stale=N wraps=N".
 *        Compressed formats are checked the same way, but cannot be told to be torn.
 *   rack_probe cost v4l2:/dev/videoN MEMORY FORMAT FRAMES WIDTH HEIGHT
 *        streams FRAMES frames, after a dozen that fill the buffers, and looks at none. Prints
 *        "frames=N wall_us=N busy_us=N own_us=N": by the clock, what the machine's processors
 *        were busy for, and what of it was this process.
 *   rack_probe killed /dev/videoN
 *        a process is killed after each step of its life; prints "ok", "not ok NAME: why"
 *   rack_probe fuzz /dev/videoN SEED SECONDS
 *        random and nearly valid ioctls, mappings and closings.
 *
 * Exit: 0 all pictures were right, 1 not (named on standard output), 3 the device failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/bytes.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "capture/rack/rack_stamp.h"
#include "capture/slab.h"
#include "capture/source.h"

#define STAMP_SIZE 56u

struct tally {
	unsigned frames, gaps, errors, torn, backwards, stale, wraps, wrong;
	uint32_t last_sequence;
	int64_t last_ns;
};

/* As kmod/rack_stamp.c defines it. */
static uint64_t checksum(const struct source_format *f, const struct slab_slot *slot,
			 unsigned luma_step)
{
	uint64_t index = 0, sum = 0;

	for (unsigned p = 0; p < f->nplanes; p++) {
		size_t words = f->plane_size[p] / 8;

		for (size_t i = 0; i < words; i++, index++)
			if (p || i >= STAMP_SIZE * luma_step / 8)
				sum += bytes_le64(slot->plane[p] + 8 * i) * (2 * index + 1);
	}
	return sum;
}

/* Takes the whole stamp out of a copy of a compressed picture; false: it is not there. */
static bool cut_stamp(const struct pixfmt *pf, uint8_t *picture, size_t len,
		      uint8_t stamp[STAMP_SIZE])
{
	uint8_t *at;

	if (pf->codec == PIXFMT_CODEC_MJPEG) {
		if (len < 66)
			return false;
		memcpy(stamp, picture + 6, RACK_STAMP_SIZE);
		memcpy(stamp + RACK_STAMP_SIZE, picture + 50, STAMP_SIZE - RACK_STAMP_SIZE);
		memset(picture + 6, 0, RACK_STAMP_SIZE);
		memset(picture + 50, 0, STAMP_SIZE - RACK_STAMP_SIZE);
		return true;
	}
	at = memmem(picture, len, RACK_STAMP_UUID, 16);
	if (!at || (size_t)(picture + len - at) < 16 + 2 * STAMP_SIZE)
		return false;
	for (unsigned i = 0; i < STAMP_SIZE; i++) {
		char two[3] = {(char)at[16 + 2 * i], (char)at[17 + 2 * i], 0};

		stamp[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	memset(at + 16, 0, 2 * STAMP_SIZE);
	return true;
}

static const char *compressed_wrong(const struct pixfmt *pf, const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(1, len + 8), stamp[STAMP_SIZE];
	const char *why = NULL;
	uint64_t sum = 0;

	memcpy(copy, data, len);
	if (!cut_stamp(pf, copy, len, stamp) ||
	    bytes_le32(stamp + 52) != crc32_iscsi(stamp, 52, ~0u))
		why = "a damaged stamp";
	for (size_t i = 0; i < (len + 7) / 8; i++)
		sum += bytes_le64(copy + 8 * i) * (2 * i + 1);
	if (!why && sum != bytes_le64(stamp + 40))
		why = "not the picture that was loaded";
	free(copy);
	return why;
}

static int read_stamp(const struct pixfmt *pf, const struct source_format *f,
		      const struct source_buffer *b, const uint8_t *plane, struct rack_stamp *s)
{
	switch (pf->codec) {
	case PIXFMT_CODEC_MJPEG: return rack_stamp_read_jpeg(plane, b->plane[0].bytesused, s);
	case PIXFMT_CODEC_H264: return rack_stamp_read_h264(plane, b->plane[0].bytesused, s);
	default: return rack_stamp_read_raw(pf, plane, f->plane_size[0], f->stride[0], f->width, s);
	}
}

static const char *wrong(const char *name, const struct source_format *f,
			 const struct source_buffer *b, const struct slab_slot *slot)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	uint8_t stamp[STAMP_SIZE];
	struct rack_stamp s;
	int64_t off;

	if (read_stamp(pf, f, b, slot->plane[0], &s))
		return "no stamp";
	if (s.camera != rack_stamp_camera(name))
		return "another camera's picture";
	if (s.sequence != b->sequence)
		return "another frame's picture";
	off = s.mono_ns - b->mono_ns;
	/* A time that is seconds off, or that old, is replaced by the source. */
	if (off && llabs(s.mono_ns - monotime_now()) < NSEC_PER_SEC)
		return "another time";
	if (pf->codec != PIXFMT_RAW)
		return compressed_wrong(pf, slot->plane[0], b->plane[0].bytesused);
	for (unsigned i = 0; i < STAMP_SIZE; i++)
		stamp[i] = slot->plane[0][pf->luma_offset + i * pf->luma_step];
	if (bytes_le32(stamp + 52) != crc32_iscsi(stamp, 52, ~0u))
		return "a damaged stamp";
	if (bytes_le64(stamp + 40) != checksum(f, slot, pf->luma_step))
		return "not the picture that was drawn";
	return NULL;
}

static void count(struct tally *t, const struct source_format *f, const struct source_buffer *b)
{
	bool torn = false;

	for (unsigned p = 0; p < f->nplanes; p++)
		torn |= f->stride[p] && b->plane[p].bytesused < f->plane_size[p];
	t->torn += torn;
	t->errors += b->error;
	if (t->frames) {
		uint32_t step = b->sequence - t->last_sequence;

		t->gaps += step - 1;
		t->wraps += b->sequence < t->last_sequence;
		t->backwards += b->mono_ns < t->last_ns;
	} else if (b->sequence < 1000) /* sequences begin at 0 */
		t->gaps += b->sequence;
	t->stale += b->mono_ns < monotime_now() - 150 * NSEC_PER_MSEC;
	t->last_sequence = b->sequence;
	t->last_ns = b->mono_ns;
	t->frames++;
}

static int stream(const char *name, struct source *s, const struct source_format *f,
		  const struct slab *slab, unsigned frames, struct tally *t)
{
	while (t->frames < frames) {
		struct pollfd pfd = {.fd = source_v4l2_ops.poll_fd(s), .events = POLLIN | POLLPRI};
		struct source_buffer b;
		const char *why;
		int err = source_v4l2_ops.dequeue(s, &b);

		if (err == -EAGAIN) {
			if (poll(&pfd, 1, 10000) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (err)
			return err;
		count(t, f, &b);
		why = wrong(name, f, &b, &slab->slot[b.slot]);
		if (why) {
			t->wrong++;
			printf("wrong: sequence %u: %s\n", b.sequence, why);
		}
		err = source_v4l2_ops.enqueue(s, b.slot);
		if (err)
			return err;
	}
	return 0;
}

/* A camera that streams, as `SOURCE MEMORY FORMAT FRAMES [WIDTH HEIGHT]` asks for it. */
struct streaming {
	struct source *s;
	struct slab *slab;
	struct source_format f;
	struct errmsg em;
};

static int start(struct streaming *st, int argc, char **argv)
{
	struct source_want want = {.max_width = 640, .max_height = 360};
	const struct pixfmt *pf = pixfmt_find_name(argv[2]);
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	int err;

	*st = (struct streaming){0};
	if (!pf || slab_kind_parse(argv[1], &want.memory))
		return errmsg_set(&st->em, -EINVAL, "no such format or memory");
	want.fourcc = pf->fourcc;
	if (argc > 5) {
		want.max_width = (uint32_t)atoi(argv[4]);
		want.max_height = (uint32_t)atoi(argv[5]);
	}
	err = source_v4l2_ops.open(&st->s, strchr(argv[0], ':') + 1, &want, &st->f, kinds, &st->em);
	if (err)
		return err;
	err = slab_create(&st->slab, want.memory, st->f.slots, st->f.nplanes, st->f.plane_size,
			  &st->em);
	if (!err)
		err = source_v4l2_ops.start(st->s, st->slab, &st->em);
	if (err) {
		source_v4l2_ops.close(st->s);
		slab_destroy(st->slab);
	}
	return err;
}

static void stop(struct streaming *st)
{
	source_v4l2_ops.stop(st->s);
	source_v4l2_ops.close(st->s);
	slab_destroy(st->slab);
}

/* Passes over frames without a look at them. */
static int skip(struct source *s, unsigned frames)
{
	while (frames) {
		struct pollfd pfd = {.fd = source_v4l2_ops.poll_fd(s), .events = POLLIN | POLLPRI};
		struct source_buffer b;
		int err = source_v4l2_ops.dequeue(s, &b);

		if (err == -EAGAIN) {
			if (poll(&pfd, 1, 10000) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (!err)
			err = source_v4l2_ops.enqueue(s, b.slot);
		if (err)
			return err;
		frames--;
	}
	return 0;
}

/* In microseconds. Idle time, unlike busy time, is not sampled at ticks. */
static long long idle_us(void)
{
	double up, idle = 0;
	FILE *f = fopen("/proc/uptime", "r");

	if (f && fscanf(f, "%lf %lf", &up, &idle) != 2)
		idle = 0;
	if (f)
		fclose(f);
	return (long long)(idle * 1e6);
}

static long long clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int cost(int argc, char **argv)
{
	unsigned frames = (unsigned)atoi(argv[3]);
	long long wall, idle, own;
	struct streaming st;
	int err = start(&st, argc, argv);

	if (err) {
		printf("failed: %s\n", st.em.text);
		return 3;
	}
	err = skip(st.s, 12);
	wall = clock_us(CLOCK_MONOTONIC);
	own = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	idle = idle_us();
	if (!err)
		err = skip(st.s, frames);
	idle = idle_us() - idle;
	own = clock_us(CLOCK_PROCESS_CPUTIME_ID) - own;
	wall = clock_us(CLOCK_MONOTONIC) - wall;
	stop(&st);
	if (err)
		printf("failed: %s\n", strerror(-err));
	else
		printf("frames=%u wall_us=%lld busy_us=%lld own_us=%lld\n", frames, wall,
		       wall * sysconf(_SC_NPROCESSORS_ONLN) - idle, own);
	return err ? 3 : 0;
}

static int verify(int argc, char **argv)
{
	struct streaming st;
	struct tally t = {0};
	int err = start(&st, argc - 3, argv + 3);

	if (err) {
		printf("failed: %s %s\n", strerror(-err), st.em.text);
		return 3;
	}
	err = stream(argv[2], st.s, &st.f, st.slab, (unsigned)atoi(argv[6]), &t);
	stop(&st);
	printf("frames=%u gaps=%u errors=%u torn=%u backwards=%u stale=%u wraps=%u\n", t.frames,
	       t.gaps, t.errors, t.torn, t.backwards, t.stale, t.wraps);
	if (err)
		printf("failed: %s %s\n", strerror(-err), st.em.text);
	return err ? 3 : t.wrong ? 1 : 0;
}

/* ---- killed ---- */

#define KILLED_BUFFERS 4

static uint32_t api_of(int fd)
{
	struct v4l2_capability cap;

	if (ioctl(fd, VIDIOC_QUERYCAP, &cap))
		return 0;
	return cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
							       : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int buffer_ioctl(int fd, unsigned long request, uint32_t type, unsigned index,
			struct v4l2_plane planes[VIDEO_MAX_PLANES], struct v4l2_buffer *b)
{
	memset(planes, 0, VIDEO_MAX_PLANES * sizeof(*planes));
	*b = (struct v4l2_buffer){.index = index, .type = type, .memory = V4L2_MEMORY_MMAP};
	if (type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
		b->m.planes = planes;
		b->length = VIDEO_MAX_PLANES;
	}
	return ioctl(fd, request, b);
}

static int map_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		struct v4l2_buffer b;
		bool single = type == V4L2_BUF_TYPE_VIDEO_CAPTURE;
		uint8_t *at;

		if (buffer_ioctl(fd, VIDIOC_QUERYBUF, type, i, planes, &b))
			return -1;
		at = mmap(NULL, single ? b.length : planes[0].length, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, single ? b.m.offset : planes[0].m.mem_offset);
		if (at == MAP_FAILED)
			return -1;
		*at = 1;
	}
	return 0;
}

static int export_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_exportbuffer e = {.type = type, .index = i, .flags = O_RDWR};

		if (ioctl(fd, VIDIOC_EXPBUF, &e))
			return -1;
	}
	return 0;
}

static int queue_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		struct v4l2_buffer b;

		if (buffer_ioctl(fd, VIDIOC_QBUF, type, i, planes, &b))
			return -1;
	}
	return 0;
}

static const char *const steps[] = {"opening",       "REQBUFS",  "mapping",
				    "exporting",     "queueing", "STREAMON",
				    "taking frames", "sharing",  "closing it but for mappings"};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int one_step(unsigned step, int *fd, const char *path, uint32_t *type)
{
	struct v4l2_requestbuffers req = {.count = KILLED_BUFFERS, .memory = V4L2_MEMORY_MMAP};
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer b;

	switch (step) {
	case 0:
		*fd = open(path, O_RDWR | O_CLOEXEC);
		*type = *fd < 0 ? 0 : api_of(*fd);
		return *type ? 0 : -1;
	case 1: req.type = *type; return ioctl(*fd, VIDIOC_REQBUFS, &req);
	case 2: return map_all(*fd, *type);
	case 3: return export_all(*fd, *type);
	case 4: return queue_all(*fd, *type);
	case 5: return ioctl(*fd, VIDIOC_STREAMON, type);
	case 6: return buffer_ioctl(*fd, VIDIOC_DQBUF, *type, 0, planes, &b);
	case 7: /* with a child that dies later */
		if (!fork()) {
			usleep(200000);
			_exit(0);
		}
		return 0;
	default: return close(*fd);
	}
}

/* Lives up to the step `last` and waits to be killed there. */
static void live(const char *path, unsigned last, int ready)
{
	uint32_t type = 0;
	int fd = -1;
	char failed = 0;

	for (unsigned step = 0; step <= last && !failed; step++)
		failed = one_step(step, &fd, path, &type) != 0;
	if (write(ready, &failed, 1) == 1)
		pause();
	_exit(1);
}

/* Somebody else can have the whole camera; a process, for mappings hold the file. */
static int free_again(const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		pid_t pid = fork();
		int status = -1;

		if (!pid) {
			uint32_t type = 0;
			int fd = -1, bad = 0;

			for (unsigned step = 0; step < 7 && !bad; step++)
				bad = one_step(step, &fd, path, &type) != 0;
			_exit(bad);
		}
		waitpid(pid, &status, 0);
		if (!status)
			return 0;
		usleep(100000);
	}
	return -1;
}

static int killed(const char *path)
{
	int bad = 0;

	for (unsigned last = 0; last < STEPS; last++) {
		int ready[2], err = pipe(ready);
		pid_t pid = err ? -1 : fork();
		char failed = 1;

		if (!pid)
			live(path, last, ready[1]);
		if (pid < 0 || read(ready[0], &failed, 1) != 1)
			failed = 1;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(ready[0]);
		close(ready[1]);
		if (failed || free_again(path)) {
			printf("not ok rack: killed after %s: %s\n", steps[last],
			       failed ? "it did not get there" : "the camera is not free");
			bad = 1;
		}
	}
	if (!bad)
		printf("ok rack: killed after each step, the camera is free again\n");
	return bad;
}

/* ---- fuzz ---- */

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static const unsigned long requests[] = {
	VIDIOC_QUERYCAP,
	VIDIOC_ENUM_FMT,
	VIDIOC_G_FMT,
	VIDIOC_S_FMT,
	VIDIOC_TRY_FMT,
	VIDIOC_REQBUFS,
	VIDIOC_QUERYBUF,
	VIDIOC_QBUF,
	VIDIOC_DQBUF,
	VIDIOC_STREAMON,
	VIDIOC_STREAMOFF,
	VIDIOC_G_PARM,
	VIDIOC_S_PARM,
	VIDIOC_EXPBUF,
	VIDIOC_CREATE_BUFS,
	VIDIOC_PREPARE_BUF,
	VIDIOC_ENUM_FRAMESIZES,
	VIDIOC_ENUM_FRAMEINTERVALS,
	VIDIOC_ENUMINPUT,
	VIDIOC_SUBSCRIBE_EVENT,
	VIDIOC_DQEVENT,
	VIDIOC_G_INPUT,
	VIDIOC_UNSUBSCRIBE_EVENT,
	VIDIOC_S_INPUT,
};

static uint32_t type_of_queue(void)
{
	static const uint32_t types[] = {V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
					 V4L2_BUF_TYPE_VIDEO_CAPTURE};

	return rnd() % 16 ? types[rnd() % 2] : (uint32_t)rnd();
}

/* Nearly valid arguments for what goes deep; noise for the rest. */
static void argument(unsigned long request, unsigned char *arg, struct v4l2_plane *planes,
		     void *memory)
{
	struct v4l2_buffer *b = (void *)arg;

	for (unsigned i = 0; i < 256; i++)
		arg[i] = rnd() % 4 ? 0 : (unsigned char)rnd();
	switch (request) {
	case VIDIOC_REQBUFS:
		*(struct v4l2_requestbuffers *)arg =
			(struct v4l2_requestbuffers){.count = rnd() % 40,
						     .type = type_of_queue(),
						     .memory = (uint32_t)(1 + rnd() % 4)};
		break;
	case VIDIOC_QBUF:
	case VIDIOC_QUERYBUF:
	case VIDIOC_PREPARE_BUF:
	case VIDIOC_DQBUF:
		memset(b, 0, sizeof(*b));
		b->index = (uint32_t)(rnd() % 8);
		b->type = type_of_queue();
		b->memory = (uint32_t)(1 + rnd() % 4);
		b->length = (uint32_t)(rnd() % 5);
		b->m.planes = planes;
		for (unsigned i = 0; i < VIDEO_MAX_PLANES; i++) {
			planes[i] = (struct v4l2_plane){.length = 4 << 20};
			if (rnd() % 2)
				planes[i].m.userptr = (unsigned long)memory + rnd() % 3 * 4096;
			else
				planes[i].m.fd = (int)(rnd() % 12);
		}
		break;
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF: *(uint32_t *)arg = type_of_queue(); break;
	case VIDIOC_G_FMT:
	case VIDIOC_S_FMT:
	case VIDIOC_TRY_FMT:
	case VIDIOC_S_PARM:
	case VIDIOC_G_PARM: *(uint32_t *)arg = type_of_queue(); break;
	case VIDIOC_EXPBUF:
		*(struct v4l2_exportbuffer *)arg =
			(struct v4l2_exportbuffer){.type = type_of_queue(),
						   .index = (uint32_t)(rnd() % 8),
						   .plane = (uint32_t)(rnd() % 3)};
		break;
	}
	if (!(rnd() % 8))
		arg[rnd() % 64] ^= (unsigned char)(1 << rnd() % 8);
}

static void fuzz(const char *path, uint64_t seed, int seconds)
{
	void *memory =
		mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	time_t end = time(NULL) + seconds;
	unsigned long tries = 0, good = 0;
	int fd[3] = {-1, -1, -1};

	rnd_state = seed * 2654435761u + 1;
	alarm((unsigned)seconds + 30);
	while (time(NULL) < end) {
		unsigned long request = requests[rnd() % (sizeof(requests) / sizeof(requests[0]))];
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		int *at = &fd[rnd() % 3];
		_Alignas(16) unsigned char arg[256];
		void *map;
		int ret;

		if (*at < 0)
			*at = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		tries++;
		if (!(rnd() % 64))
			request = rnd();
		argument(request, arg, planes, memory);
		ret = ioctl(*at, request, arg);
		good += !ret;
		if (!ret && request == VIDIOC_EXPBUF && rnd() % 2)
			close(((struct v4l2_exportbuffer *)arg)->fd);
		if (!(rnd() % 32)) {
			map = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, *at,
				   (off_t)(rnd() % 64 * 4096));
			if (map != MAP_FAILED)
				munmap(map, 1 << (12 + rnd() % 9));
		}
		if (!(rnd() % 256)) {
			close(*at);
			*at = -1;
		}
		if (!(rnd() % 512)) /* exported buffers pile up */
			for (int i = 10; i < 200; i++)
				close(i);
	}
	printf("# seed %llu: %lu ioctls, %lu accepted\n", (unsigned long long)seed, tries, good);
	fflush(stdout);
	_exit(good ? 0 : 1);
}

int main(int argc, char **argv)
{
	if (argc >= 7 && !strcmp(argv[1], "verify"))
		return verify(argc, argv);
	if (argc == 8 && !strcmp(argv[1], "cost"))
		return cost(argc - 2, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "killed"))
		return killed(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "fuzz"))
		fuzz(argv[2], strtoull(argv[3], NULL, 0), atoi(argv[4]));
	fprintf(stderr,
		"usage: rack_probe verify NAME SOURCE MEMORY FORMAT FRAMES [WIDTH HEIGHT] | "
		"cost SOURCE MEMORY FORMAT FRAMES WIDTH HEIGHT | "
		"killed DEVICE | fuzz DEVICE SEED SECONDS\n");
	return 2;
}
