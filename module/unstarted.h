/*!
 * \brief Instances that could not be started when they were loaded, and are tried again.  [P]
 *
 * An instance without a context is not always one of these: between an unload and a load of the same
 * one, which is how knotd restores a zone, there is none either, and nothing may be started then. So
 * they are noted. Whoever starts one holds the lock, and a load or unload waits for that.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! An instance comes or goes: it is not started again from now on. Thread: load, unload. */
void aname_unstarted_forget(const void *instance);

/*! Notes one that could not be started; false if there is no memory even for that. Thread: load. */
bool aname_unstarted_note(const void *instance, int64_t now_ms);

/*!
 * \brief Tries to start an instance again if it was noted, and if it is time: once a second for all,
 *        but who succeeds is followed by the next one at once. Never waits.
 *
 * \param start  Starts it; true if that succeeds, and then it is noted no more.
 *
 * Thread: worker.
 */
void aname_unstarted_try(void *instance, bool (*start)(void *instance), int64_t now_ms);
