#include "table/rdata.h"

#include <libknot/errcode.h>

int aname_rdata_read(const uint8_t *rdata, uint16_t len, knot_dname_storage_t target)
{
	if (rdata == NULL || len == 0) {
		return KNOT_EMALF;
	}

	/* No packet is given: a compression pointer is an error. */
	int name_len = knot_dname_wire_check(rdata, rdata + len, NULL);
	if (name_len <= 0 || name_len != len) {
		return KNOT_EMALF;
	}

	knot_dname_copy_lower(target, rdata);
	return name_len;
}
