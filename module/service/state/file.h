/*!
 * \brief The state file on its disk: held by one process, written aside and renamed (BEHAVIOUR S1,
 *        S3).  [P]
 *
 * Whoever holds a file has a lock on it (flock), which goes with the process. As a file is replaced
 * and not changed, the new one is locked before it takes the old one's place.
 *
 * What is at the path has to be a regular file itself. A symbolic link there is not followed: one
 * that somebody has put into knotd's directory must not lead knotd, which may be root at start, to
 * a file elsewhere; and the first write would replace it anyway. Directories on the way may be
 * links.
 *
 * Thread: any, one at a time; functions here wait for the disk.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*! What is put behind the path: while a new content is written, and of one that could not be read. */
#define ANAME_STATE_FILE_NEW    ".new"
#define ANAME_STATE_FILE_UNREAD ".unread"

/*! A file that is held; `fd` is -1 if it is not. */
typedef struct {
	int fd;
	char *path;
} aname_state_file_t;

/*! Why a file cannot be held, read or written. */
typedef enum {
	ANAME_STATE_FILE_OK = 0,
	ANAME_STATE_FILE_HELD,    /*!< By another process. */
	ANAME_STATE_FILE_ODD,     /*!< It is no regular file. */
	ANAME_STATE_FILE_FOREIGN, /*!< It does not begin as a state file does. */
	ANAME_STATE_FILE_LARGE,   /*!< It is larger than any state file. */
	ANAME_STATE_FILE_ERROR,   /*!< The system's error is in errno. */
} aname_state_file_error_t;

/*!
 * \brief Holds a file; makes an empty one, that only its owner may read, if there is none.
 *
 * Nothing here waits: not for a pipe, not for whoever holds the lock. What may be read and not
 * written is held, too.
 *
 * \param file  Is set in any case: an error leaves none that is held.
 * \param path  Absolute.
 */
__attribute__((warn_unused_result)) aname_state_file_error_t aname_state_file_hold(
        aname_state_file_t *file, const char *path);

/*! Lets it go, if it is held. */
void aname_state_file_release(aname_state_file_t *file);

/*! Removes a file, unless another process holds it. */
void aname_state_file_remove(const char *path);

/*!
 * \brief Looks at the head of a file that is held, which may be something else, and very large.
 *
 * \param size  Set to how much of it is worth reading: all, or of one that is not as long as it says
 *              the head.
 */
__attribute__((warn_unused_result)) aname_state_file_error_t aname_state_file_look(
        const aname_state_file_t *file, size_t *size);

/*!
 * \brief Reads a file that is held.
 *
 * \param most  Not more than so many octets of it.
 * \param data  Set to its octets; freed with free().
 */
__attribute__((warn_unused_result)) aname_state_file_error_t aname_state_file_read(
        const aname_state_file_t *file, size_t most, uint8_t **data, size_t *len);

/*!
 * \brief Has what is to be in it from now on take its place, as a whole or not at all.
 *
 * When it returns OK, the new content is on disk, and its name as well. On any error the file
 * before stands, and nothing is left beside it; but if the directory alone cannot be written to its
 * disk, the new one stands and a loss of power may bring back the one before.
 *
 * If the path names another file meanwhile (somebody has removed or replaced it), that one is held
 * first; HELD if another process has it.
 */
__attribute__((warn_unused_result)) aname_state_file_error_t aname_state_file_write(
        aname_state_file_t *file, const uint8_t *data, size_t len);

/*!
 * \brief Keeps a file that is held under a second name, with ANAME_STATE_FILE_UNREAD behind it: what
 *        is about to be replaced and could not be read is not lost.
 *
 * It is a link to the same file, or a copy where there are no links. One that was there before is
 * replaced.
 */
__attribute__((warn_unused_result)) aname_state_file_error_t aname_state_file_put_aside(
        const aname_state_file_t *file);
