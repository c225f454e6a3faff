/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A USB camera that can be plugged in and pulled out by a test: it speaks USB/IP (the protocol of
 * the kernel's Documentation/usb/usbip_protocol.rst) over a socket pair to the kernel's vhci_hcd,
 * and is a UVC 1.1 device with one MJPEG format on a bulk endpoint. The kernel's own uvcvideo
 * drives it as any camera. Ends on SIGTERM or SIGINT, or killed: then it is unplugged.
 *
 *   usbcam [options]
 *     --port N          port of the virtual hub, 0..7 (0): the camera's place
 *     --width N --height N --fps N      its one format (640 480 10)
 *     --reference FILE  writes what it will show, again and again: PICTURES JPEGs of one size
 *
 * SIGUSR1: the next picture is cut in the middle; nothing in the stream says so (real cameras do
 * that). SIGUSR2: the next picture carries the error bit.
 *
 * A picture is held back until the host has asked for it, so no picture is ever left out silently:
 * what the host numbers is what was drawn, in order.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "capture/core/monotime.h"

#define PICTURES      16
#define PICTURE_BYTES 50001u /* all the same, whatever the encoder makes of them */
#define PAYLOAD_MAX   65536u
#define BUFFER_BYTES  524288u /* what the camera claims a picture may need, as real ones do */
#define PENDING_MAX   64
#define SPEED_HIGH    3
#define ATTACH        "/sys/devices/platform/vhci_hcd.0/attach"

enum { CMD_SUBMIT = 1, CMD_UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4 };
enum { DESCRIPTOR_DEVICE = 1, DESCRIPTOR_CONFIG = 2, DESCRIPTOR_STRING = 3 };
enum {
	GET_STATUS = 0,
	CLEAR_FEATURE = 1,
	GET_DESCRIPTOR = 6,
	GET_CONFIGURATION = 8,
	SET_CONFIGURATION = 9,
	GET_INTERFACE = 10,
	SET_INTERFACE = 11
};
/* UVC 1.1, table. */
enum {
	SET_CUR = 0x01,
	GET_CUR = 0x81,
	GET_MIN = 0x82,
	GET_MAX = 0x83,
	GET_LEN = 0x85,
	GET_INFO = 0x86,
	GET_DEF = 0x87
};
enum { VS_PROBE = 1, VS_COMMIT = 2 };
enum { HEADER_FID = 0x01, HEADER_EOF = 0x02, HEADER_ERR = 0x40, HEADER_EOH = 0x80 };
#define PROBE_BYTES 34

/* One packet's header on the wire, big-endian. */
struct packet {
	uint32_t command, seqnum, devid, direction, ep;
	uint32_t u[5]; /* SUBMIT: flags, length, start, packets, interval; UNLINK: seqnum */
	uint8_t setup[8];
};
_Static_assert(sizeof(struct packet) == 48, "a USB/IP header");

struct cam {
	unsigned port, width, height, fps;
	const char *reference;
	int sock, signals;
	uint8_t *picture[PICTURES];
	uint8_t config_descriptor[256];
	unsigned config_bytes;
	bool streaming;
	bool cut, flag; /* the next picture is to be faulty */

	struct {
		uint32_t seqnum, length;
	} pending[PENDING_MAX]; /* what the host waits for on the bulk endpoint, oldest first */
	unsigned npending;

	uint8_t payload[PAYLOAD_MAX]; /* the picture on its way */
	unsigned payload_bytes, payload_sent;
	bool fid;
	unsigned number;
	int64_t due_ns;
};

static void die(const char *what)
{
	fprintf(stderr, "usbcam: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- pictures ---- */

static void draw(uint8_t *rgb, const struct cam *c, unsigned n)
{
	for (unsigned y = 0; y < c->height; y++) {
		for (unsigned x = 0; x < c->width; x++, rgb += 3) {
			bool bar = x * PICTURES / c->width == n;

			rgb[0] = bar ? 250 : (uint8_t)(x * 200 / c->width);
			rgb[1] = (uint8_t)(y * 200 / c->height);
			rgb[2] = (uint8_t)(30 * c->port);
		}
	}
}

/* Behind the start marker a comment as long as is needed for PICTURE_BYTES. */
static uint8_t *pad(const uint8_t *jpeg, unsigned long bytes, const struct cam *c, unsigned n)
{
	uint8_t *out = calloc(1, PICTURE_BYTES);
	size_t room = PICTURE_BYTES - bytes;

	if (!out || bytes + 64 > PICTURE_BYTES || room - 2 > UINT16_MAX) {
		errno = ENOSPC;
		die("a picture");
	}
	memcpy(out, jpeg, 2);
	out[2] = 0xff;
	out[3] = 0xfe;
	out[4] = (uint8_t)((room - 2) >> 8);
	out[5] = (uint8_t)(room - 2);
	snprintf((char *)out + 6, room - 4, "camera %u picture %u", c->port, n);
	memcpy(out + 2 + room, jpeg + 2, bytes - 2);
	return out;
}

static void make_pictures(struct cam *c)
{
	tjhandle tj = tjInitCompress();
	uint8_t *rgb = malloc((size_t)c->width * c->height * 3);
	FILE *f = c->reference ? fopen(c->reference, "wbe") : NULL;

	if (!tj || !rgb || (c->reference && !f))
		die("pictures");
	for (unsigned n = 0; n < PICTURES; n++) {
		unsigned char *jpeg = NULL;
		unsigned long bytes = 0;

		draw(rgb, c, n);
		if (tjCompress2(tj, rgb, (int)c->width, 0, (int)c->height, TJPF_RGB, &jpeg, &bytes,
				TJSAMP_422, 75, 0))
			die("compressing");
		c->picture[n] = pad(jpeg, bytes, c, n);
		tjFree(jpeg);
		if (f && fwrite(c->picture[n], 1, PICTURE_BYTES, f) != PICTURE_BYTES)
			die(c->reference);
	}
	if (f && fclose(f))
		die(c->reference);
	free(rgb);
	tjDestroy(tj);
}

/* ---- descriptors ---- */

static const uint8_t device_descriptor[18] = {18,   DESCRIPTOR_DEVICE,
					      0x00, 0x02,
					      0xef, 2,
					      1,    64, /* USB 2.0, by interface association */
					      0x6d, 0x1d,
					      0x02, 0x01,
					      0x00, 0x01,
					      1,    2,
					      3,    1};

static void add(struct cam *c, const void *bytes, size_t n)
{
	memcpy(c->config_descriptor + c->config_bytes, bytes, n);
	c->config_bytes += (unsigned)n;
}

#define ADD(c, ...)                                   \
	do {                                          \
		const uint8_t add_[] = {__VA_ARGS__}; \
		add(c, add_, sizeof(add_));           \
	} while (0)
#define LE16(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define LE32(v) LE16(v), LE16((v) >> 16)

static void make_config(struct cam *c)
{
	uint32_t interval = 10000000 / c->fps;

	ADD(c, 9, DESCRIPTOR_CONFIG, 0, 0, 2, 1, 0, 0x80, 250);
	ADD(c, 8, 11, 0, 2, 0x0e, 3, 0, 0);
	/* Control interface: header, camera, output. */
	ADD(c, 9, 4, 0, 0, 0, 0x0e, 1, 0, 0);
	ADD(c, 13, 0x24, 1, LE16(0x0110), LE16(13 + 18 + 9), LE32(48000000), 1, 1);
	ADD(c, 18, 0x24, 2, 1, LE16(0x0201), 0, 0, LE16(0), LE16(0), LE16(0), 3, 0, 0, 0);
	ADD(c, 9, 0x24, 3, 2, LE16(0x0101), 0, 1, 0);
	/* Streaming interface: header, MJPEG, one size, colours; its bulk endpoint. */
	ADD(c, 9, 4, 1, 0, 1, 0x0e, 2, 0, 0);
	ADD(c, 14, 0x24, 1, 1, LE16(14 + 11 + 30 + 6), 0x81, 0, 2, 0, 0, 0, 1, 0);
	ADD(c, 11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0);
	ADD(c, 30, 0x24, 7, 1, 0, LE16(c->width), LE16(c->height), LE32(PICTURE_BYTES * 8),
	    LE32(PICTURE_BYTES * 8 * c->fps), LE32(BUFFER_BYTES), LE32(interval), 1,
	    LE32(interval));
	ADD(c, 6, 0x24, 0x0d, 1, 1, 4);
	ADD(c, 7, 5, 0x81, 2, LE16(512), 0);
	c->config_descriptor[2] = (uint8_t)c->config_bytes;
	c->config_descriptor[3] = (uint8_t)(c->config_bytes >> 8);
}

static size_t string_descriptor(const struct cam *c, unsigned index, uint8_t *out)
{
	char text[32] = "";
	size_t n;

	if (index == 0) {
		memcpy(out, (uint8_t[]){4, DESCRIPTOR_STRING, 0x09, 0x04}, 4);
		return 4;
	}
	snprintf(text, sizeof(text),
		 index == 3   ? "SN-%u"
		 : index == 2 ? "Test camera %u"
			      : "test",
		 c->port);
	n = strlen(text);
	out[0] = (uint8_t)(2 + 2 * n);
	out[1] = DESCRIPTOR_STRING;
	for (size_t i = 0; i < n; i++) {
		out[2 + 2 * i] = (uint8_t)text[i];
		out[3 + 2 * i] = 0;
	}
	return 2 + 2 * n;
}

/* ---- the wire ---- */

static bool read_all(int fd, void *buf, size_t n)
{
	for (uint8_t *at = buf; n;) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t n)
{
	for (const uint8_t *at = buf; n;) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		at += put;
		n -= (size_t)put;
	}
	return true;
}

/* `status` 0 or -errno; `in`: the data of an IN transfer. */
static bool answer(const struct cam *c, uint32_t seqnum, int status, uint32_t actual,
		   const uint8_t *in)
{
	struct packet p = {.command = htobe32(RET_SUBMIT), .seqnum = htobe32(seqnum)};

	p.u[0] = htobe32((uint32_t)status);
	p.u[1] = htobe32(actual);
	p.u[3] = htobe32(UINT32_MAX); /* not isochronous */
	return write_all(c->sock, &p, sizeof(p)) && (!in || write_all(c->sock, in, actual));
}

/* ---- control requests ---- */

static void probe_state(const struct cam *c, uint8_t out[PROBE_BYTES])
{
	memset(out, 0, PROBE_BYTES);
	out[2] = out[3] = 1; /* format, frame */
	memcpy(out + 4, (uint8_t[]){LE32(10000000 / c->fps)}, 4);
	memcpy(out + 18, (uint8_t[]){LE32(BUFFER_BYTES)}, 4);
	memcpy(out + 22, (uint8_t[]){LE32(PAYLOAD_MAX)}, 4);
	memcpy(out + 26, (uint8_t[]){LE32(48000000)}, 4);
	out[30] = 3; /* FID and EOF are used */
}

/* Answer of an IN request into `out`; its length, or -1: stall. */
static int control_in(const struct cam *c, const uint8_t setup[8], uint8_t out[256])
{
	if (setup[0] == 0xa1 && (setup[3] == VS_PROBE || setup[3] == VS_COMMIT) && setup[4] == 1) {
		switch (setup[1]) {
		case GET_CUR:
		case GET_MIN:
		case GET_MAX:
		case GET_DEF: probe_state(c, out); return PROBE_BYTES;
		case GET_LEN: out[0] = PROBE_BYTES, out[1] = 0; return 2;
		case GET_INFO: out[0] = 3; return 1;
		default: return -1;
		}
	}
	if ((setup[0] & 0x60) != 0)
		return -1;
	switch (setup[1]) {
	case GET_STATUS: out[0] = out[1] = 0; return 2;
	case GET_CONFIGURATION: out[0] = 1; return 1;
	case GET_INTERFACE: out[0] = 0; return 1;
	case GET_DESCRIPTOR: break;
	default: return -1;
	}
	switch (setup[3]) {
	case DESCRIPTOR_DEVICE:
		memcpy(out, device_descriptor, sizeof(device_descriptor));
		return sizeof(device_descriptor);
	case DESCRIPTOR_CONFIG:
		memcpy(out, c->config_descriptor, c->config_bytes);
		return (int)c->config_bytes;
	case DESCRIPTOR_STRING: return (int)string_descriptor(c, setup[2], out);
	default: return -1;
	}
}

static bool control_out(struct cam *c, const uint8_t setup[8])
{
	if (setup[0] == 0x21) {
		if (setup[1] != SET_CUR || setup[4] != 1 ||
		    (setup[3] != VS_PROBE && setup[3] != VS_COMMIT))
			return false;
		if (setup[3] == VS_COMMIT) {
			c->streaming = true;
			c->due_ns = monotime_now();
		}
		return true;
	}
	if (setup[1] == SET_CONFIGURATION || setup[1] == SET_INTERFACE ||
	    setup[1] == CLEAR_FEATURE) {
		/* The host stops a bulk stream by clearing the endpoint's halt. */
		c->streaming = false;
		c->payload_bytes = c->payload_sent = 0;
		return true;
	}
	return false;
}

static bool control(struct cam *c, const struct packet *p)
{
	uint32_t length = be32toh(p->u[1]), seqnum = be32toh(p->seqnum);
	uint8_t data[256], in[256];
	int n;

	if (p->setup[0] & 0x80) {
		n = control_in(c, p->setup, in);
		if (n < 0)
			return answer(c, seqnum, -EPIPE, 0, NULL);
		return answer(c, seqnum, 0, (uint32_t)n < length ? (uint32_t)n : length, in);
	}
	if (length > sizeof(data) || !read_all(c->sock, data, length))
		return false;
	return answer(c, seqnum, control_out(c, p->setup) ? 0 : -EPIPE, length, NULL);
}

/* ---- the stream ---- */

static void next_picture(struct cam *c)
{
	unsigned bytes = PICTURE_BYTES;

	c->payload[0] = 2;
	c->payload[1] = (uint8_t)(HEADER_EOH | HEADER_EOF | (c->fid ? HEADER_FID : 0) |
				  (c->flag ? HEADER_ERR : 0));
	if (c->cut)
		bytes /= 2;
	memcpy(c->payload + 2, c->picture[c->number], bytes);
	c->payload_bytes = 2 + bytes;
	c->payload_sent = 0;
	c->fid = !c->fid;
	c->number = (c->number + 1) % PICTURES;
	c->cut = c->flag = false;
	c->due_ns += NSEC_PER_SEC / c->fps;
	if (c->due_ns < monotime_now()) /* late: no burst to catch up */
		c->due_ns = monotime_now();
}

/* Hands out what is due and asked for. A payload ends with a transfer that is not full. */
static bool stream(struct cam *c)
{
	while (c->streaming && c->npending) {
		uint32_t length = c->pending[0].length, seqnum = c->pending[0].seqnum;
		uint32_t n;

		if (c->payload_sent == c->payload_bytes) {
			if (monotime_now() < c->due_ns)
				return true;
			next_picture(c);
		}
		n = c->payload_bytes - c->payload_sent;
		if (n > length)
			n = length;
		c->npending--;
		memmove(&c->pending[0], &c->pending[1], c->npending * sizeof(c->pending[0]));
		if (!answer(c, seqnum, 0, n, c->payload + c->payload_sent))
			return false;
		c->payload_sent += n;
	}
	return true;
}

static bool unlink_transfer(struct cam *c, const struct packet *p)
{
	struct packet ret = {.command = htobe32(RET_UNLINK), .seqnum = p->seqnum};
	uint32_t victim = be32toh(p->u[0]);

	for (unsigned i = 0; i < c->npending; i++) {
		if (c->pending[i].seqnum != victim)
			continue;
		c->npending--;
		memmove(&c->pending[i], &c->pending[i + 1],
			(c->npending - i) * sizeof(c->pending[0]));
		ret.u[0] = htobe32((uint32_t)-ECONNRESET);
		break;
	}
	return write_all(c->sock, &ret, sizeof(ret));
}

static bool serve_packet(struct cam *c)
{
	struct packet p;

	if (!read_all(c->sock, &p, sizeof(p)))
		return false;
	switch (be32toh(p.command)) {
	case CMD_UNLINK: return unlink_transfer(c, &p);
	case CMD_SUBMIT: break;
	default: return false;
	}
	if (p.ep == 0)
		return control(c, &p);
	if (be32toh(p.ep) != 1 || !be32toh(p.direction) || c->npending == PENDING_MAX)
		return answer(c, be32toh(p.seqnum), -EPIPE, 0, NULL);
	c->pending[c->npending].seqnum = be32toh(p.seqnum);
	c->pending[c->npending++].length = be32toh(p.u[1]);
	return true;
}

/* False: to end. */
static bool take_signal(struct cam *c)
{
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	c->cut |= info.ssi_signo == SIGUSR1;
	c->flag |= info.ssi_signo == SIGUSR2;
	return info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGUSR2;
}

static int wait_ms(const struct cam *c)
{
	int64_t left = c->due_ns - monotime_now();

	if (!c->streaming || !c->npending)
		return -1;
	return left > 0 ? (int)(left / NSEC_PER_MSEC) + 1 : 0;
}

static void serve(struct cam *c)
{
	struct pollfd p[2] = {{.fd = c->sock, .events = POLLIN},
			      {.fd = c->signals, .events = POLLIN}};

	for (;;) {
		if (poll(p, 2, wait_ms(c)) < 0 && errno != EINTR)
			die("poll");
		if (p[1].revents && !take_signal(c))
			return;
		if (p[0].revents && !serve_packet(c))
			return;
		if (!stream(c))
			return;
	}
}

static void attach(struct cam *c)
{
	char line[64];
	int fd = open(ATTACH, O_WRONLY | O_CLOEXEC), pair[2];

	if (fd < 0)
		die(ATTACH " (modprobe vhci_hcd)");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socket pair");
	snprintf(line, sizeof(line), "%u %d %u %d", c->port, pair[0], 0x10000 + c->port + 1,
		 SPEED_HIGH);
	if (write(fd, line, strlen(line)) < 0)
		die("plugging in");
	close(fd);
	close(pair[0]); /* the kernel has its own reference */
	c->sock = pair[1];
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || v < min || v > max) {
		fprintf(stderr, "usbcam: %s: want %u..%u\n", text, min, max);
		exit(2);
	}
	return (unsigned)v;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"port", 1, 0, 'p'},      {"width", 1, 0, 'w'},
					      {"height", 1, 0, 'h'},    {"fps", 1, 0, 'f'},
					      {"reference", 1, 0, 'r'}, {0}};
	static struct cam c = {.width = 640, .height = 480, .fps = 10};
	sigset_t set;
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (opt) {
		case 'p': c.port = number(optarg, 0, 7); break;
		case 'w': c.width = number(optarg, 16, 1920); break;
		case 'h': c.height = number(optarg, 16, 1080); break;
		case 'f': c.fps = number(optarg, 1, 60); break;
		case 'r': c.reference = optarg; break;
		default: return 2;
		}
	}
	make_pictures(&c);
	make_config(&c);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	c.signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (c.signals < 0)
		die("signals");
	attach(&c);
	serve(&c);
	for (unsigned n = 0; n < PICTURES; n++)
		free(c.picture[n]);
	return 0;
}
