/*!
 * \brief The zones' private keys: who needs which, and which are there.  [P]
 *
 * A key is known by its DNSKEY RDATA and the directories where its file may be. Workers never
 * open a file: they hold a key, which asks for it, and look at its state. The reader (see
 * service/key_reader.h) takes what is asked for and puts what it has read. Once a key is READY
 * nothing in it changes any more, and any number of threads may sign with it.
 *
 * A key that nobody holds any more stays for ANAME_SECRET_LINGER_MS, so that a reload finds it
 * again.
 *
 * The one lock is held for the length of a look into a hash table, never during I/O, and nobody
 * takes it for an answer whose signature is stored.
 */

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table/dnssec.h"

/*! How long a key that nobody holds stays in memory. */
#define ANAME_SECRET_LINGER_MS INT64_C(600000)

/*! Pause before a key that could not be read is tried again: doubles from least to most. */
#define ANAME_SECRET_RETRY_MIN_MS 1000
#define ANAME_SECRET_RETRY_MAX_MS 60000

/*! Octets of a key's id with its terminating zero: the name of its file without ".pem". */
#define ANAME_SECRET_ID_SIZE 41

typedef enum {
	ANAME_SECRET_PENDING = 0, /*!< Asked for, not read yet. */
	ANAME_SECRET_READY,
	ANAME_SECRET_FAILED, /*!< It cannot be read; tried again from time to time. */
} aname_secret_state_t;

typedef struct aname_secret {
	_Atomic int state;             /*!< aname_secret_state_t */
	dnssec_key_t *key;             /*!< Once READY. */
	_Atomic int error;             /*!< Once FAILED: libdnssec's error. */
	_Atomic int64_t retry_ms;      /*!< Once FAILED: when it may be asked for again. */
	char id[ANAME_SECRET_ID_SIZE]; /*!< Once READY or FAILED. */
	const char *directories;       /*!< One a line. */
	/* Below: guarded by the lock. */
	struct aname_secret *next;       /*!< In its bucket. */
	struct aname_secret *queue_next; /*!< The next in the queue. */
	bool queued;                     /*!< In the queue, or is being read. */
	unsigned holders;
	unsigned failures; /*!< In a row. */
	int64_t left_ms;   /*!< When the last holder let go. */
	uint64_t hash;
	uint16_t rdata_len;
	uint8_t rdata[]; /*!< Of the DNSKEY record; never changes. */
} aname_secret_t;

typedef struct aname_secrets aname_secrets_t;

/*! Called when there is something to read. Must not block. Thread: any. */
typedef void (*aname_secrets_wake_f)(void *ctx);

/*! None yet. `wake` may be NULL. NULL if out of memory. */
aname_secrets_t *aname_secrets_new(aname_secrets_wake_f wake, void *ctx);

/*! Frees all keys. Nobody may hold one. */
void aname_secrets_free(aname_secrets_t *secrets);

/*!
 * \brief Keeps a list of directories, one a line, as long as the keys live.
 *
 * \return The one copy of this text, NULL if out of memory.
 *
 * Thread: any.
 */
const char *aname_secrets_directories(aname_secrets_t *secrets, const char *text);

/*!
 * \brief Holds the private key of a DNSKEY record; asks for it if it is not there.
 *
 * \param directories  From aname_secrets_directories().
 *
 * \return The key, NULL if out of memory. Let it go with aname_secrets_release().
 *
 * Thread: any.
 */
aname_secret_t *aname_secrets_hold(aname_secrets_t *secrets, const char *directories,
                                   const uint8_t *rdata, uint16_t len);

/*! Lets a key go. Thread: any. */
void aname_secrets_release(aname_secrets_t *secrets, aname_secret_t *secret, int64_t now_ms);

/*! Asks again for a key that FAILED, if it is time to. Its state stays until it is read. */
void aname_secrets_retry(aname_secrets_t *secrets, aname_secret_t *secret, int64_t now_ms);

/*! What is to be read next, held for the reader; NULL if nothing is. Thread: the reader. */
aname_secret_t *aname_secrets_take(aname_secrets_t *secrets);

/*! What came of reading a key. */
typedef struct {
	dnssec_key_t *key; /*!< With its private part; taken over. NULL if it could not be read. */
	int error;         /*!< Why not. */
	char id[ANAME_SECRET_ID_SIZE];
} aname_secret_found_t;

/*! Puts what was read, and lets the key go. Thread: the reader. */
void aname_secrets_put(aname_secrets_t *secrets, aname_secret_t *secret,
                       const aname_secret_found_t *found, int64_t now_ms);

/*! Forgets what nobody has held for a while. Thread: any. */
void aname_secrets_sweep(aname_secrets_t *secrets, int64_t now_ms);

/*!
 * \brief Calls `visit` for each key in a bucket, but for those that cannot be read.
 *
 * What is visited has its directories and RDATA, which do not change; `visit` must not call
 * anything of this header, and be short: the lock is held.
 *
 * \param bucket  From 0 on. Keys that come meanwhile may be missed, or others met twice.
 *
 * \return false if there is no such bucket: that was all.
 *
 * Thread: any.
 */
bool aname_secrets_walk(aname_secrets_t *secrets, size_t bucket,
                        void (*visit)(const aname_secret_t *secret, void *ctx), void *ctx);

/*! How often a key has come. Thread: any. */
uint64_t aname_secrets_changes(aname_secrets_t *secrets);

/*! Keys known. Thread: any. */
size_t aname_secrets_count(aname_secrets_t *secrets);
