/*!
 * \brief Puts the journal's data back where it was removed, by who has it open.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdint.h>
#include <sys/stat.h>

/*!
 * \brief Makes it anew, whole or not at all, and on disk.
 *
 * \param directory  The journal's.
 * \param kept       What was removed; it stays open.
 * \param least      Octets that it has at least.
 * \param file       Gets what is there now.
 *
 * \return 0; else an error (follow/cures.h).
 */
int kaname_journal_put_back(const char *directory, int kept, int64_t least, struct stat *file);
