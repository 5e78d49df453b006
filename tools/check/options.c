#include "check/options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "check/host.h"

static void check_unused(kaname_check_t *check, const kaname_layout_t *layout)
{
	for (size_t i = 0; i < layout->sections.count; i++) {
		const char *id = layout->sections.at[i].id;
		if (!kaname_layout_uses(layout, id)) {
			kaname_bad(
			        check,
			        "a zone's or template's list names it as 'module: mod-aname/ID'; "
			        "or remove it",
			        "section '%s' of mod-aname: no zone and no template uses it, so "
			        "its options have no effect",
			        id);
		}
	}
}

/*! Suffixes with an asterisk, which is a label like any other. */
static void check_suffixes(kaname_check_t *check, const char *option, const kaname_items_t *items)
{
	for (size_t i = 0; i < items->count; i++) {
		if (strncmp(items->at[i].value, "*.", 2) == 0) {
			kaname_bad(check, "leave '*.' away: all names under a suffix are meant",
			           "section '%s' of mod-aname, '%s: %s': no target is under that",
			           items->at[i].id, option, items->at[i].value);
		}
	}
}

/*! Words for no, which are taken for a path. */
static void check_path(kaname_check_t *check, const char *option, const kaname_items_t *items)
{
	static const char *const words[] = { "", "no", "none", "false", "0", "disabled" };
	for (size_t i = 0; i < items->count; i++) {
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			if (strcasecmp(items->at[i].value, words[k]) == 0) {
				kaname_bad(check, "'off' is the word for none",
				           "section '%s' of mod-aname, '%s: %s': that is taken for "
				           "a path",
				           items->at[i].id, option, items->at[i].value);
			}
		}
	}
}

static void check_resolvers(kaname_check_t *check, const kaname_layout_t *layout)
{
	const kaname_items_t *items = &layout->resolver;
	for (size_t i = 0; i < items->count; i++) {
		const char *value = items->at[i].value;
		size_t len = strcspn(value, "@");
		bool all = (len == 7 && strncmp(value, "0.0.0.0", len) == 0) ||
		           (len == 2 && strncmp(value, "::", len) == 0);
		if (all) {
			kaname_bad(check, "name the address of a recursor",
			           "section '%s' of mod-aname, 'resolver: %s': that is no address "
			           "of a server",
			           items->at[i].id, value);
		} else if (kaname_host_compare(&layout->listen, value) == KANAME_HOST_SELF) {
			kaname_note("section '%s' of mod-aname, 'resolver: %s': that is this very "
			            "server, which answers for its own zones only",
			            items->at[i].id, value);
		}
	}
}

void kaname_check_sections(kaname_check_t *check, const kaname_layout_t *layout)
{
	check_unused(check, layout);
	check_resolvers(check, layout);
	check_suffixes(check, "allow-target", &layout->allow);
	check_suffixes(check, "deny-target", &layout->deny);
	check_suffixes(check, "prefer", &layout->prefer);
	check_path(check, "status-socket", &layout->status_socket);
	check_path(check, "state-file", &layout->state_file);
}
