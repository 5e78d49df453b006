/*!
 * \brief Paths that sections wish for what the process has one of: the status socket, the state
 *        file.  [P]
 *
 * Of the paths that are wished for, one that somebody chose goes before a default, and the one
 * wished for last before the others.
 *
 * Thread: any, under a lock of the caller's.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! A path wished for, by so many instances. */
typedef struct aname_wish {
	struct aname_wish *next;
	unsigned holders;
	bool chosen;
	uint32_t number; /*!< Whatever goes with the path. */
	char path[];
} aname_wish_t;

/*! The latest first; empty if it is all zero. */
typedef struct {
	aname_wish_t *first;
} aname_wishes_t;

/*!
 * \brief Wishes for a path.
 *
 * \param path    Absolute, or "" for none.
 * \param chosen  It was set by option.
 * \param number  Goes with it.
 *
 * \return false if out of memory.
 */
__attribute__((warn_unused_result)) bool aname_wishes_add(aname_wishes_t *wishes, const char *path,
                                                          bool chosen, uint32_t number);

/*! Wishes for it no longer; the same arguments. */
void aname_wishes_remove(aname_wishes_t *wishes, const char *path, bool chosen, uint32_t number);

/*! The wish that counts; NULL if there is none. Good until the next change. */
const aname_wish_t *aname_wishes_best(const aname_wishes_t *wishes);

/*! The same, but one for this path counts as long as there is one that is as good as the best. */
const aname_wish_t *aname_wishes_stay(const aname_wishes_t *wishes, const char *path);
