/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scripted driver: its buffers, its stream, and the table of calls. */
#include "v4l2_mock_private.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/compiler.h"

#define MOCK_FD 4242

static struct v4l2_mock *mock_of(const struct v4l2_ops *ops)
{
	return (struct v4l2_mock *)(uintptr_t)ops; /* ops is its first member */
}

void v4l2_mock_breach(struct v4l2_mock *m, const char *what)
{
	if (!m->breaches++)
		m->breach = what;
}

bool v4l2_mock_mplane(const struct v4l2_mock *m)
{
	return m->caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE;
}

uint32_t v4l2_mock_type(const struct v4l2_mock *m)
{
	return v4l2_mock_mplane(m) ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
				   : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

/* Counts the call; the scripted error if it is this one's turn. */
static int turn(struct v4l2_mock *m, unsigned long request)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->seen); i++) {
		if (m->seen[i].calls && m->seen[i].request != request)
			continue;
		m->seen[i].request = request;
		n = ++m->seen[i].calls;
		break;
	}
	for (size_t i = 0; i < V4L2_MOCK_FAULTS; i++) {
		const struct v4l2_mock_fault *f = &m->fault[i];

		if (f->err && f->request == request && n >= f->from && n - f->from < f->times)
			return f->err;
	}
	return 0;
}

/* ---- buffers ---- */

static void release_area(struct v4l2_mock *m)
{
	for (unsigned i = 0; i < VIDEO_MAX_FRAME; i++)
		for (unsigned p = 0; p < VIDEO_MAX_PLANES; p++) {
			free(m->area[i][p]);
			m->area[i][p] = NULL;
		}
}

static int reqbufs(struct v4l2_mock *m, struct v4l2_requestbuffers *r)
{
	if (r->type != v4l2_mock_type(m) || m->refuse_request & 1u << r->memory)
		return -EINVAL;
	if (m->streaming || (m->buffers && m->maps != m->unmaps)) {
		v4l2_mock_breach(m, "REQBUFS while streaming or mapped");
		return -EBUSY;
	}
	release_area(m);
	m->queued = 0;
	m->frames = 0;
	m->memory = r->memory;
	if (r->count) {
		if (m->buffers)
			v4l2_mock_breach(m, "REQBUFS while buffers exist");
		if (r->count < m->min_buffers)
			r->count = m->min_buffers;
		if (m->max_buffers && r->count > m->max_buffers)
			r->count = m->max_buffers;
	}
	m->buffers = r->count;
	return 0;
}

static int check_buffer(struct v4l2_mock *m, const struct v4l2_buffer *b, unsigned planes)
{
	if (b->type != v4l2_mock_type(m) || b->memory != m->memory || !m->buffers)
		return -EINVAL;
	if (v4l2_mock_mplane(m) && (!b->m.planes || b->length < planes)) {
		v4l2_mock_breach(m, "too few planes in the buffer");
		return -EINVAL;
	}
	return 0;
}

static int querybuf(struct v4l2_mock *m, struct v4l2_buffer *b)
{
	const struct v4l2_mock_format *f = v4l2_mock_find_format(m, m->fourcc);
	int err = check_buffer(m, b, v4l2_mock_plane_count(f));

	if (err || b->index >= m->buffers)
		return err ? err : -EINVAL;
	if (!v4l2_mock_mplane(m)) {
		b->length = v4l2_mock_bytes(m, f, 0);
		b->m.offset = b->index << 16;
		return 0;
	}
	b->length = v4l2_mock_plane_count(f);
	for (unsigned p = 0; p < v4l2_mock_plane_count(f); p++) {
		b->m.planes[p].length = v4l2_mock_bytes(m, f, p);
		b->m.planes[p].m.mem_offset = b->index << 16 | p << 12;
	}
	return 0;
}

static int take_plane(struct v4l2_mock *m, unsigned index, unsigned p, uint32_t length,
		      unsigned long userptr, int fd)
{
	const struct v4l2_mock_format *f = v4l2_mock_find_format(m, m->fourcc);

	if (m->memory == V4L2_MEMORY_MMAP)
		return 0;
	if (length < v4l2_mock_bytes(m, f, p)) {
		v4l2_mock_breach(m, "a queued plane is too small");
		return -EINVAL;
	}
	if (m->memory == V4L2_MEMORY_DMABUF) {
		if (fcntl(fd, F_GETFD) < 0)
			return -EBADF;
		m->dmabuf[index][p] = fd;
		return 0;
	}
	if (!userptr || userptr % 4096)
		v4l2_mock_breach(m, "an unaligned user pointer");
	m->userptr[index][p] = userptr;
	return 0;
}

static int qbuf(struct v4l2_mock *m, struct v4l2_buffer *b)
{
	const struct v4l2_mock_format *f = v4l2_mock_find_format(m, m->fourcc);
	int err = check_buffer(m, b, v4l2_mock_plane_count(f));

	if (err || b->index >= m->buffers)
		return err ? err : -EINVAL;
	if (m->refuse_queue & 1u << m->memory)
		return -EFAULT;
	if (m->queued & 1u << b->index) {
		v4l2_mock_breach(m, "a buffer queued twice");
		return -EINVAL;
	}
	for (unsigned p = 0; p < v4l2_mock_plane_count(f) && !err; p++) {
		if (v4l2_mock_mplane(m))
			err = take_plane(m, b->index, p, b->m.planes[p].length,
					 b->m.planes[p].m.userptr, b->m.planes[p].m.fd);
		else
			err = take_plane(m, b->index, p, b->length, b->m.userptr, b->m.fd);
	}
	if (!err)
		m->queued |= 1u << b->index;
	return err;
}

static int dqbuf(struct v4l2_mock *m, struct v4l2_buffer *b)
{
	const struct v4l2_mock_format *format = v4l2_mock_find_format(m, m->fourcc);
	const struct v4l2_mock_frame *f = &m->frame[0];
	int err = check_buffer(m, b, v4l2_mock_plane_count(format));

	if (err || !m->streaming)
		return err ? err : -EINVAL;
	if (!m->frames)
		return -EAGAIN;
	b->index = f->index;
	b->flags = f->flags;
	b->sequence = f->sequence;
	b->timestamp = f->tv;
	if (v4l2_mock_mplane(m)) {
		b->length = v4l2_mock_plane_count(format);
		for (unsigned p = 0; p < v4l2_mock_plane_count(format); p++) {
			b->m.planes[p].bytesused = f->bytesused[p];
			b->m.planes[p].data_offset = f->data_offset[p];
			b->m.planes[p].length = v4l2_mock_bytes(m, format, p);
		}
	} else {
		b->bytesused = f->bytesused[0];
		b->length = v4l2_mock_bytes(m, format, 0);
	}
	if (f->index < VIDEO_MAX_FRAME)
		m->queued &= ~(1u << f->index);
	memmove(m->frame, m->frame + 1, --m->frames * sizeof(m->frame[0]));
	return 0;
}

static int stream(struct v4l2_mock *m, const int *type, bool on)
{
	if ((uint32_t)*type != v4l2_mock_type(m))
		return -EINVAL;
	if (!on) {
		m->streaming = false;
		m->queued = 0;
		m->frames = 0;
		return 0;
	}
	if (!m->buffers || !m->queued || m->refuse_stream & 1u << m->memory)
		return -EINVAL;
	m->streaming = true;
	return 0;
}

static int dqevent(struct v4l2_mock *m, struct v4l2_event *e)
{
	if (!m->subscribed || !m->events)
		return -ENOENT;
	*e = m->event[0];
	memmove(m->event, m->event + 1, --m->events * sizeof(m->event[0]));
	e->pending = m->events;
	return 0;
}

static int subscribe(struct v4l2_mock *m, const struct v4l2_event_subscription *s, bool on)
{
	if (m->no_events || s->type != V4L2_EVENT_SOURCE_CHANGE)
		return -EINVAL;
	m->subscribed = on;
	if (!on)
		m->events = 0;
	return 0;
}

static int querycap(const struct v4l2_mock *m, struct v4l2_capability *c)
{
	memset(c, 0, sizeof(*c));
	strcpy((char *)c->driver, "mock");
	strcpy((char *)c->card, "Mock Camera");
	strcpy((char *)c->bus_info, "usb-mock-1.4");
	c->device_caps = m->caps;
	c->capabilities = m->caps | V4L2_CAP_META_CAPTURE | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static int get_control(const struct v4l2_mock *m, struct v4l2_control *c)
{
	if (!m->min_control || c->id != V4L2_CID_MIN_BUFFERS_FOR_CAPTURE)
		return -EINVAL;
	c->value = m->min_control;
	return 0;
}

/* ---- the table ---- */

static int mock_ioctl(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg)
{
	struct v4l2_mock *m = mock_of(ops);
	int err;

	if (fd != MOCK_FD || m->opens == m->closes) {
		v4l2_mock_breach(m, "ioctl on a closed device");
		return -EBADF;
	}
	if (m->interrupts) {
		m->interrupts--;
		return -EINTR;
	}
	err = turn(m, request);
	if (err)
		return err;
	switch (request) {
	case VIDIOC_QUERYCAP: return querycap(m, arg);
	case VIDIOC_ENUM_FMT: return v4l2_mock_enum_fmt(m, arg);
	case VIDIOC_ENUM_FRAMESIZES: return v4l2_mock_enum_sizes(m, arg);
	case VIDIOC_ENUM_FRAMEINTERVALS: return v4l2_mock_enum_rates(m, arg);
	case VIDIOC_G_FMT: v4l2_mock_show_format(m, arg); return 0;
	case VIDIOC_S_FMT: return v4l2_mock_set_format(m, arg);
	case VIDIOC_TRY_FMT: return v4l2_mock_try_format(m, arg);
	case VIDIOC_G_PARM: return v4l2_mock_parm(m, arg, false);
	case VIDIOC_S_PARM: return v4l2_mock_parm(m, arg, true);
	case VIDIOC_G_SELECTION: return v4l2_mock_selection(m, arg);
	case VIDIOC_G_CTRL: return get_control(m, arg);
	case VIDIOC_REQBUFS: return reqbufs(m, arg);
	case VIDIOC_QUERYBUF: return querybuf(m, arg);
	case VIDIOC_QBUF: return qbuf(m, arg);
	case VIDIOC_DQBUF: return dqbuf(m, arg);
	case VIDIOC_STREAMON: return stream(m, arg, true);
	case VIDIOC_STREAMOFF: return stream(m, arg, false);
	case VIDIOC_DQEVENT: return dqevent(m, arg);
	case VIDIOC_SUBSCRIBE_EVENT: return subscribe(m, arg, true);
	case VIDIOC_UNSUBSCRIBE_EVENT: return subscribe(m, arg, false);
	default: v4l2_mock_breach(m, "an ioctl the driver does not know"); return -ENOTTY;
	}
}

static int mock_open(const struct v4l2_ops *ops, const char *path, int flags)
{
	struct v4l2_mock *m = mock_of(ops);
	int err = turn(m, 0);

	if (err)
		return err;
	if (!(flags & O_NONBLOCK) || !(flags & O_CLOEXEC))
		v4l2_mock_breach(m, "opened without O_NONBLOCK and O_CLOEXEC");
	snprintf(m->opened, sizeof(m->opened), "%s", path);
	m->opens++;
	return MOCK_FD;
}

/* As the kernel does it: whatever the last descriptor still had goes with it. */
static void mock_close(const struct v4l2_ops *ops, int fd)
{
	struct v4l2_mock *m = mock_of(ops);

	if (fd != MOCK_FD)
		v4l2_mock_breach(m, "closed a descriptor that is not the device");
	m->closes++;
	m->buffers = 0;
	m->streaming = false;
	m->subscribed = false;
	release_area(m);
}

static int mock_map(const struct v4l2_ops *ops, int fd, size_t len, off_t offset, void **out)
{
	struct v4l2_mock *m = mock_of(ops);
	unsigned index = (unsigned)offset >> 16, p = (unsigned)offset >> 12 & 15;
	int err = turn(m, V4L2_MOCK_MAP);

	if (err)
		return err;
	if (index >= m->buffers || p >= VIDEO_MAX_PLANES || m->area[index][p]) {
		v4l2_mock_breach(m, "mapped what is no buffer, or twice");
		return -EINVAL;
	}
	m->area[index][p] = calloc(1, len);
	assert_non_null(m->area[index][p]);
	m->maps++;
	*out = m->area[index][p];
	return 0;
}

static void mock_unmap(const struct v4l2_ops *ops, void *addr, size_t len)
{
	struct v4l2_mock *m = mock_of(ops);

	for (unsigned i = 0; i < VIDEO_MAX_FRAME; i++)
		for (unsigned p = 0; p < VIDEO_MAX_PLANES; p++)
			if (m->area[i][p] == addr) {
				m->unmaps++;
				return;
			}
	v4l2_mock_breach(m, "unmapped what was not mapped");
}

static bool mock_exists(const struct v4l2_ops *ops, const char *path)
{
	return !strcmp(path, "/dev/udmabuf") && mock_of(ops)->has_udmabuf;
}

static void mock_sleep(const struct v4l2_ops *ops, int64_t ns)
{
	mock_of(ops)->slept_ns += ns;
}

void v4l2_mock_init(struct v4l2_mock *m)
{
	memset(m, 0, sizeof(*m));
	m->ops = (struct v4l2_ops){mock_open,  mock_close,  mock_ioctl, mock_map,
				   mock_unmap, mock_exists, mock_sleep};
	m->caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
	m->interval = (struct v4l2_fract){1, 30};
}

void v4l2_mock_fill(struct v4l2_mock *m, const struct v4l2_mock_frame *f)
{
	assert_true(m->frames < V4L2_MOCK_FRAMES);
	m->frame[m->frames++] = *f;
}

unsigned v4l2_mock_calls(const struct v4l2_mock *m, unsigned long request)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->seen); i++)
		if (m->seen[i].calls && m->seen[i].request == request)
			return m->seen[i].calls;
	return 0;
}

void v4l2_mock_assert_clean(const struct v4l2_mock *m)
{
	if (m->breaches)
		fail_msg("%u rules broken, first: %s", m->breaches, m->breach);
	assert_int_equal(m->opens, m->closes);
	assert_int_equal(m->maps, m->unmaps);
	assert_int_equal(m->buffers, 0);
}
