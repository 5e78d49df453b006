/*!
 * \brief How the core logs without knowing knotd.  [P]
 *
 * Priorities are those of syslog.h.
 */

#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

/*! Longest message, terminating zero included; longer ones are cut. */
#define ANAME_LOG_MAX 400

/*! Takes one finished message. Must not block. */
typedef void (*aname_log_f)(void *ctx, int priority, const char *message);

typedef struct {
	aname_log_f fn;
	void *ctx;
} aname_log_t;

__attribute__((format(printf, 3, 4))) static inline void aname_log(const aname_log_t *log,
                                                                   int priority, const char *format,
                                                                   ...)
{
	if (log == NULL || log->fn == NULL) {
		return;
	}
	char message[ANAME_LOG_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log->fn(log->ctx, priority, message);
}
