// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: their definitions, which state.h makes.
 */
#define CREATE_TRACE_POINTS
#include "trace/state.h"
