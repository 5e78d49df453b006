/*
 * Asks the C library for the addresses of a host, as a client's program does, and prints them.
 * Built once with each C library that is tried: their stub resolvers differ.
 */

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int ret = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &list) : EAI_FAIL;
	if (ret != 0) {
		fprintf(stderr, "%s\n", gai_strerror(ret));
		return 1;
	}
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		const void *address =
		        ai->ai_family == AF_INET
		                ? (const void *)&((const struct sockaddr_in *)ai->ai_addr)->sin_addr
		                : &((const struct sockaddr_in6 *)ai->ai_addr)->sin6_addr;
		char text[INET6_ADDRSTRLEN];
		puts(inet_ntop(ai->ai_family, address, text, sizeof(text)));
	}
	freeaddrinfo(list);
	return 0;
}
