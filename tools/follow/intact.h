/*!
 * \brief Whether the file of a journal can be read to its end.
 *
 * LMDB maps it into memory, and where it was cut short, or leads beyond its end, whoever reads there is
 * killed. Therefore a child of the process reads all of it first: it is known what it died of.
 *
 * Thread: any, while there is no other one that holds something that the child needs.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/*! Most that a journal may take, in octets: of addresses, and not of memory or disk. */
#if SIZE_MAX > UINT32_MAX
#define KANAME_JOURNAL_MOST ((size_t)4 << 30)
#else
#define KANAME_JOURNAL_MOST ((size_t)1 << 30)
#endif

/*! 0; ENOENT if there is none; KANAME_JOURNAL_DAMAGED, or what else there was of errors. */
int kaname_journal_intact(const char *directory);
