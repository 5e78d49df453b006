/*!
 * \brief libdnssec's headers, wherever this version of Knot has them.  [P]
 */

#pragma once

#if __has_include(<libknot/dnssec/key.h>)
#include <libknot/dnssec/binary.h>
#include <libknot/dnssec/error.h>
#include <libknot/dnssec/key.h>
#include <libknot/dnssec/keystore.h>
#include <libknot/dnssec/keytag.h>
#include <libknot/dnssec/nsec.h>
#include <libknot/dnssec/sign.h>
#else
#include <libdnssec/binary.h>
#include <libdnssec/error.h>
#include <libdnssec/key.h>
#include <libdnssec/keystore.h>
#include <libdnssec/keytag.h>
#include <libdnssec/nsec.h>
#include <libdnssec/sign.h>
#endif
