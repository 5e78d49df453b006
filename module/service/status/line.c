#include "service/status/line.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

void aname_line_add(char *at, size_t *len, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int used = vsnprintf(at + *len, ANAME_LINE_MAX - *len, format, args);
	va_end(args);
	if (used > 0) {
		*len += used;
	}
	if (*len >= ANAME_LINE_MAX) {
		*len = ANAME_LINE_MAX - 1;
	}
}

void aname_line_add_address(char *at, size_t *len, const uint8_t *address, uint8_t address_len)
{
	char text[INET6_ADDRSTRLEN] = "";
	(void)inet_ntop(address_len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	aname_line_add(at, len, "%s", text);
}

void aname_line_end(char *at, size_t *len)
{
	aname_line_add(at, len, "\n");
	at[*len - 1] = '\n';
}
