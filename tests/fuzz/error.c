/*! Where kaname's parts report to when they are fuzzed: it is put together, and not shown. */

#include <stdarg.h>
#include <stdio.h>

#include "tool.h"

void kaname_error(const char *format, ...)
{
	char text[1024];
	va_list list;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
}
