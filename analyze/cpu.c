/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/cpu.h"

#include <stdlib.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

#define LEAF1_ECX_OSXSAVE  (1u << 27)
#define LEAF1_ECX_AVX      (1u << 28)
#define LEAF7_EBX_BMI1     (1u << 3)
#define LEAF7_EBX_AVX2     (1u << 5)
#define LEAF7_EBX_BMI2     (1u << 8)
#define LEAF7_EBX_AVX512F  (1u << 16)
#define LEAF7_EBX_AVX512BW (1u << 30)
#define LEAF7_EBX_AVX512VL (1u << 31)
#define XCR0_SSE_AVX       0x6u
#define XCR0_AVX512        0xe0u /* masks, upper halves of the lower 16 registers, the upper 16 */

static uint32_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

static unsigned detect(void)
{
	const uint32_t need7 = LEAF7_EBX_BMI1 | LEAF7_EBX_AVX2 | LEAF7_EBX_BMI2;
	const uint32_t need1 = LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX;
	const uint32_t need512 = LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL;
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & need1) != need1)
		return 0;
	/* The system must save the upper halves at a context switch. */
	if ((xcr0() & XCR0_SSE_AVX) != XCR0_SSE_AVX)
		return 0;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & need7) != need7)
		return 0;
	if ((b & need512) == need512 && (xcr0() & XCR0_AVX512) == XCR0_AVX512)
		return CPU_AVX2 | CPU_AVX512;
	return CPU_AVX2;
}
#else
static unsigned detect(void)
{
	return 0;
}
#endif

unsigned cpu_features(void)
{
	const char *mask = getenv("MATLANG_CPU_MASK");
	unsigned found = detect();

	if (mask)
		found &= (unsigned)strtoul(mask, NULL, 0);
	return found & CPU_AVX2 ? found : 0;
}
