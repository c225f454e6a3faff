/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_ECX_AVX     (1u << 28)
#define LEAF7_EBX_BMI1    (1u << 3)
#define LEAF7_EBX_AVX2    (1u << 5)
#define LEAF7_EBX_BMI2    (1u << 8)
#define XCR0_SSE_AVX      0x6u

static uint32_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

unsigned cpu_features(void)
{
	const uint32_t need7 = LEAF7_EBX_BMI1 | LEAF7_EBX_AVX2 | LEAF7_EBX_BMI2;
	const uint32_t need1 = LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX;
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & need1) != need1)
		return 0;
	/* The system must save the upper halves at a context switch. */
	if ((xcr0() & XCR0_SSE_AVX) != XCR0_SSE_AVX)
		return 0;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & need7) != need7)
		return 0;
	return CPU_AVX2;
}
#else
unsigned cpu_features(void)
{
	return 0;
}
#endif
