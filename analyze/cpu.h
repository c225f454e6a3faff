/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which vector instructions this processor has and this system saves for us (CPUID leaves 1 and 7,
 * XGETBV for the register state: Intel SDM volume 1, 14.3). Any thread.
 */
#ifndef ANALYZE_CPU_H
#define ANALYZE_CPU_H

#define CPU_AVX2   0x1u /* with BMI1 and BMI2, which every AVX2 kernel may use */
#define CPU_AVX512 0x2u /* F, BW and VL; only together with CPU_AVX2 */

/* Feature bits usable here, without those that the environment's MATLANG_CPU_MASK (a number, 0 for
 * plain C) leaves out: so tests run whole programs as on a lesser processor. */
unsigned cpu_features(void);

#endif
