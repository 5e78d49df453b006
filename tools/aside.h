/*!
 * \brief A file that is written aside and takes its name when it is complete, so that nobody reads
 *        half of it.
 */

#pragma once

#include <stddef.h>

#include "tool.h"

/*!
 * \brief Puts a text into a file that all may read, in place of the file that is there.
 *
 * Until it is complete it has a longer name that ends otherwise. If it cannot be written what was
 * there before is gone: whoever reads it would take it for what was to be written now.
 *
 * \return KANAME_OK; KANAME_NO if there is something that is no file; KANAME_IO; both reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_aside_write(const char *path,
                                                                     const char *text, size_t len);
