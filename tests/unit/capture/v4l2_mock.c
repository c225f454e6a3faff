/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "v4l2_mock.h"

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

static void breach(struct v4l2_mock *m, const char *what)
{
	if (!m->breaches++)
		m->breach = what;
}

static bool is_mplane(const struct v4l2_mock *m)
{
	return m->caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE;
}

static uint32_t type_of(const struct v4l2_mock *m)
{
	return is_mplane(m) ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
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

/* ---- formats ---- */

static const struct v4l2_mock_format *find_format(const struct v4l2_mock *m, uint32_t fourcc)
{
	for (size_t i = 0; i < V4L2_MOCK_FORMATS; i++)
		if (m->format[i].fourcc == fourcc && fourcc)
			return &m->format[i];
	return NULL;
}

static unsigned plane_count(const struct v4l2_mock_format *f)
{
	return f->planes ? f->planes : 1;
}

static bool is_compressed(uint32_t fourcc)
{
	return fourcc == V4L2_PIX_FMT_MJPEG || fourcc == V4L2_PIX_FMT_JPEG ||
	       fourcc == V4L2_PIX_FMT_H264 || fourcc == V4L2_PIX_FMT_HEVC;
}

static uint32_t stride_of(const struct v4l2_mock *m, const struct v4l2_mock_format *f, unsigned p)
{
	if (m->no_stride)
		return 0;
	if (f->stride[p] || is_compressed(f->fourcc))
		return f->stride[p];
	return f->planes > 1 ? m->width : m->width * 2;
}

static uint32_t bytes_of(const struct v4l2_mock *m, const struct v4l2_mock_format *f, unsigned p)
{
	return (f->bytes[p] ? f->bytes[p] : m->width * m->height * 2) + m->extra_bytes;
}

static int enum_fmt(struct v4l2_mock *m, struct v4l2_fmtdesc *e)
{
	if (m->no_enum_fmt)
		return -ENOTTY;
	if (e->type != type_of(m) || e->index >= V4L2_MOCK_FORMATS || !m->format[e->index].fourcc)
		return -EINVAL;
	e->pixelformat = m->format[e->index].fourcc;
	return 0;
}

static int enum_sizes(struct v4l2_mock *m, struct v4l2_frmsizeenum *e)
{
	const struct v4l2_mock_format *f = find_format(m, e->pixel_format);
	const struct v4l2_mock_size *s;

	if (m->no_enum_sizes)
		return -ENOTTY;
	if (!f || e->index >= V4L2_MOCK_SIZES || !f->size[e->index].width)
		return -EINVAL;
	s = &f->size[e->index];
	if (!s->max_width) {
		e->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		e->discrete.width = s->width;
		e->discrete.height = s->height;
		return 0;
	}
	e->type = s->step > 1 ? V4L2_FRMSIZE_TYPE_STEPWISE : V4L2_FRMSIZE_TYPE_CONTINUOUS;
	e->stepwise = (struct v4l2_frmsize_stepwise){.min_width = s->width,
						     .max_width = s->max_width,
						     .step_width = s->step,
						     .min_height = s->height,
						     .max_height = s->max_height,
						     .step_height = s->step};
	return 0;
}

static struct v4l2_fract interval_of(double fps)
{
	return (struct v4l2_fract){1000000, (uint32_t)(fps * 1e6 + 0.5)};
}

static const struct v4l2_mock_size *find_size(const struct v4l2_mock_format *f, uint32_t width,
					      uint32_t height)
{
	for (size_t i = 0; f && i < V4L2_MOCK_SIZES && f->size[i].width; i++) {
		const struct v4l2_mock_size *s = &f->size[i];

		if (s->max_width ? width >= s->width && width <= s->max_width &&
					   height >= s->height && height <= s->max_height
				 : width == s->width && height == s->height)
			return s;
	}
	return NULL;
}

static int enum_rates(struct v4l2_mock *m, struct v4l2_frmivalenum *e)
{
	const struct v4l2_mock_size *s =
		find_size(find_format(m, e->pixel_format), e->width, e->height);

	if (m->no_enum_rates)
		return -ENOTTY;
	if (!s)
		return -EINVAL;
	if (s->max_fps > 0) {
		if (e->index)
			return -EINVAL;
		e->type = V4L2_FRMIVAL_TYPE_CONTINUOUS;
		e->stepwise.min = interval_of(s->max_fps);
		e->stepwise.max = interval_of(s->min_fps);
		return 0;
	}
	if (e->index >= V4L2_MOCK_RATES || s->fps[e->index] <= 0)
		return -EINVAL;
	e->type = V4L2_FRMIVAL_TYPE_DISCRETE;
	e->discrete = interval_of(s->fps[e->index]);
	return 0;
}

static void show_format(const struct v4l2_mock *m, struct v4l2_format *out)
{
	const struct v4l2_mock_format *f = find_format(m, m->fourcc);

	if (!is_mplane(m)) {
		struct v4l2_pix_format *p = &out->fmt.pix;

		*p = (struct v4l2_pix_format){.width = m->width,
					      .height = m->height,
					      .pixelformat = m->fourcc,
					      .sizeimage = f ? bytes_of(m, f, 0) : 0,
					      .bytesperline = f ? stride_of(m, f, 0) : 0,
					      .colorspace = m->colorspace,
					      .quantization = m->quantization,
					      .priv = V4L2_PIX_FMT_PRIV_MAGIC};
		return;
	}
	memset(&out->fmt.pix_mp, 0, sizeof(out->fmt.pix_mp));
	out->fmt.pix_mp.width = m->width;
	out->fmt.pix_mp.height = m->height;
	out->fmt.pix_mp.pixelformat = m->fourcc;
	out->fmt.pix_mp.colorspace = m->colorspace;
	out->fmt.pix_mp.quantization = (uint8_t)m->quantization;
	out->fmt.pix_mp.num_planes = f ? (uint8_t)plane_count(f) : 0;
	for (unsigned p = 0; f && p < plane_count(f); p++) {
		out->fmt.pix_mp.plane_fmt[p].sizeimage = bytes_of(m, f, p);
		out->fmt.pix_mp.plane_fmt[p].bytesperline = stride_of(m, f, p);
	}
}

/* Takes what it can of a format: an unknown fourcc becomes the first, an unknown size the nearest.
 */
static void take_format(struct v4l2_mock *m, const struct v4l2_format *want)
{
	const struct v4l2_mock_format *f;
	uint32_t fourcc = is_mplane(m) ? want->fmt.pix_mp.pixelformat : want->fmt.pix.pixelformat;
	uint32_t w = is_mplane(m) ? want->fmt.pix_mp.width : want->fmt.pix.width;
	uint32_t h = is_mplane(m) ? want->fmt.pix_mp.height : want->fmt.pix.height;

	f = find_format(m, fourcc) ?: &m->format[0];
	m->fourcc = f->fourcc;
	if (!find_size(f, w, h)) {
		w = f->size[0].width;
		h = f->size[0].height;
	}
	m->width = w;
	m->height = h;
}

static int set_format(struct v4l2_mock *m, struct v4l2_format *f)
{
	if (f->type != type_of(m))
		return -EINVAL;
	if (m->buffers) {
		breach(m, "S_FMT while buffers exist");
		return -EBUSY;
	}
	take_format(m, f);
	show_format(m, f);
	return 0;
}

static int try_format(struct v4l2_mock *m, struct v4l2_format *f)
{
	struct v4l2_mock copy = *m;

	if (m->no_try)
		return -ENOTTY;
	if (f->type != type_of(m))
		return -EINVAL;
	take_format(&copy, f);
	show_format(&copy, f);
	return 0;
}

static int parm(struct v4l2_mock *m, struct v4l2_streamparm *p, bool set)
{
	if (m->no_parm)
		return -ENOTTY;
	if (p->type != type_of(m))
		return -EINVAL;
	if (set) {
		m->interval = p->parm.capture.timeperframe;
		m->extra_bytes = m->rate_bytes;
	}
	p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	p->parm.capture.timeperframe = m->interval;
	return 0;
}

static int selection(struct v4l2_mock *m, struct v4l2_selection *s)
{
	if (!m->has_selection || s->type != V4L2_BUF_TYPE_VIDEO_CAPTURE ||
	    s->target != V4L2_SEL_TGT_CROP_DEFAULT)
		return -EINVAL;
	s->r.width = m->native_width;
	s->r.height = m->native_height;
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
	if (r->type != type_of(m) || m->refuse_request & 1u << r->memory)
		return -EINVAL;
	if (m->streaming || (m->buffers && m->maps != m->unmaps)) {
		breach(m, "REQBUFS while streaming or mapped");
		return -EBUSY;
	}
	release_area(m);
	m->queued = 0;
	m->frames = 0;
	m->memory = r->memory;
	if (r->count) {
		if (m->buffers)
			breach(m, "REQBUFS while buffers exist");
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
	if (b->type != type_of(m) || b->memory != m->memory || !m->buffers)
		return -EINVAL;
	if (is_mplane(m) && (!b->m.planes || b->length < planes)) {
		breach(m, "too few planes in the buffer");
		return -EINVAL;
	}
	return 0;
}

static int querybuf(struct v4l2_mock *m, struct v4l2_buffer *b)
{
	const struct v4l2_mock_format *f = find_format(m, m->fourcc);
	int err = check_buffer(m, b, plane_count(f));

	if (err || b->index >= m->buffers)
		return err ? err : -EINVAL;
	if (!is_mplane(m)) {
		b->length = bytes_of(m, f, 0);
		b->m.offset = b->index << 16;
		return 0;
	}
	b->length = plane_count(f);
	for (unsigned p = 0; p < plane_count(f); p++) {
		b->m.planes[p].length = bytes_of(m, f, p);
		b->m.planes[p].m.mem_offset = b->index << 16 | p << 12;
	}
	return 0;
}

static int take_plane(struct v4l2_mock *m, unsigned index, unsigned p, uint32_t length,
		      unsigned long userptr, int fd)
{
	const struct v4l2_mock_format *f = find_format(m, m->fourcc);

	if (m->memory == V4L2_MEMORY_MMAP)
		return 0;
	if (length < bytes_of(m, f, p)) {
		breach(m, "a queued plane is too small");
		return -EINVAL;
	}
	if (m->memory == V4L2_MEMORY_DMABUF) {
		if (fcntl(fd, F_GETFD) < 0)
			return -EBADF;
		m->dmabuf[index][p] = fd;
		return 0;
	}
	if (!userptr || userptr % 4096)
		breach(m, "an unaligned user pointer");
	m->userptr[index][p] = userptr;
	return 0;
}

static int qbuf(struct v4l2_mock *m, struct v4l2_buffer *b)
{
	const struct v4l2_mock_format *f = find_format(m, m->fourcc);
	int err = check_buffer(m, b, plane_count(f));

	if (err || b->index >= m->buffers)
		return err ? err : -EINVAL;
	if (m->refuse_queue & 1u << m->memory)
		return -EFAULT;
	if (m->queued & 1u << b->index) {
		breach(m, "a buffer queued twice");
		return -EINVAL;
	}
	for (unsigned p = 0; p < plane_count(f) && !err; p++) {
		if (is_mplane(m))
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
	const struct v4l2_mock_format *format = find_format(m, m->fourcc);
	const struct v4l2_mock_frame *f = &m->frame[0];
	int err = check_buffer(m, b, plane_count(format));

	if (err || !m->streaming)
		return err ? err : -EINVAL;
	if (!m->frames)
		return -EAGAIN;
	b->index = f->index;
	b->flags = f->flags;
	b->sequence = f->sequence;
	b->timestamp = f->tv;
	if (is_mplane(m)) {
		b->length = plane_count(format);
		for (unsigned p = 0; p < plane_count(format); p++) {
			b->m.planes[p].bytesused = f->bytesused[p];
			b->m.planes[p].data_offset = f->data_offset[p];
			b->m.planes[p].length = bytes_of(m, format, p);
		}
	} else {
		b->bytesused = f->bytesused[0];
		b->length = bytes_of(m, format, 0);
	}
	if (f->index < VIDEO_MAX_FRAME)
		m->queued &= ~(1u << f->index);
	memmove(m->frame, m->frame + 1, --m->frames * sizeof(m->frame[0]));
	return 0;
}

static int stream(struct v4l2_mock *m, const int *type, bool on)
{
	if ((uint32_t)*type != type_of(m))
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
		breach(m, "ioctl on a closed device");
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
	case VIDIOC_ENUM_FMT: return enum_fmt(m, arg);
	case VIDIOC_ENUM_FRAMESIZES: return enum_sizes(m, arg);
	case VIDIOC_ENUM_FRAMEINTERVALS: return enum_rates(m, arg);
	case VIDIOC_G_FMT: show_format(m, arg); return 0;
	case VIDIOC_S_FMT: return set_format(m, arg);
	case VIDIOC_TRY_FMT: return try_format(m, arg);
	case VIDIOC_G_PARM: return parm(m, arg, false);
	case VIDIOC_S_PARM: return parm(m, arg, true);
	case VIDIOC_G_SELECTION: return selection(m, arg);
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
	default: breach(m, "an ioctl the driver does not know"); return -ENOTTY;
	}
}

static int mock_open(const struct v4l2_ops *ops, const char *path, int flags)
{
	struct v4l2_mock *m = mock_of(ops);
	int err = turn(m, 0);

	if (err)
		return err;
	if (!(flags & O_NONBLOCK) || !(flags & O_CLOEXEC))
		breach(m, "opened without O_NONBLOCK and O_CLOEXEC");
	snprintf(m->opened, sizeof(m->opened), "%s", path);
	m->opens++;
	return MOCK_FD;
}

/* As the kernel does it: whatever the last descriptor still had goes with it. */
static void mock_close(const struct v4l2_ops *ops, int fd)
{
	struct v4l2_mock *m = mock_of(ops);

	if (fd != MOCK_FD)
		breach(m, "closed a descriptor that is not the device");
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
		breach(m, "mapped what is no buffer, or twice");
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
	breach(m, "unmapped what was not mapped");
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
