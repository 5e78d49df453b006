#include "asked.h"

#include "fuzz.h"

/* As knotd has them. */
const knot_dname_t *knotd_qdata_zone_name(const void *qdata);
knot_rrset_t knotd_qdata_zone_apex_rrset(const void *qdata, uint16_t type);

const knot_dname_t *asked_zone;
knot_rrset_t asked_soa;

const knot_dname_t *knotd_qdata_zone_name(const void *qdata)
{
	return asked_zone;
}

knot_rrset_t knotd_qdata_zone_apex_rrset(const void *qdata, uint16_t type)
{
	require(type == KNOT_RRTYPE_SOA);
	return asked_soa;
}
