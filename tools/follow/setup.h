/*!
 * \brief `kaname follow --setup`: what a primary has to be told, with a fresh secret.
 */

#pragma once

#include "tool.h"

/*! Where the key is for kaname-follow.service. */
#define KANAME_KEY_DEFAULT "/etc/knot/kaname-follow.key"

/*!
 * \brief Prints a key, and an acl that lets it change A and AAAA records of the owners that are
 *        followed, and nothing else; what stands between is for people, as comments.
 *
 * The local knotd is asked where it listens, whether owners below the apex are followed, and which
 * acl the zones have; where it cannot be asked, what is usual is printed, and said so. Nothing is
 * changed anywhere. With --primary, what BIND and PowerDNS need is there as comments.
 *
 * \param args  The zones as arguments, `primary`, and the control socket.
 */
kaname_exit_t kaname_follow_setup(const kaname_args_t *args);
