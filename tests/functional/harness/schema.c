/*!
 * \brief Prints the options of a built module: schema MODULE.
 *
 * A line an option: name, syntax, default, and what is said of a number beyond all limits, with
 * tabs between. The functions of knotd that the module wants are to be linked to it.
 */

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knot/module.h>
#include <libknot/lookup.h>

static const knotd_mod_api_t *module;

/* The option that is set in the section which is checked, and its number; the others are not. */
static const char *set;
static int64_t number;

knotd_conf_t knotd_conf_check_item(knotd_conf_check_args_t *args, const yp_name_t *name)
{
	knotd_conf_t conf = { 0 };
	for (const yp_item_t *item = module->config; item->name != NULL; item++) {
		if (strcmp(item->name, name) == 0 && item->type == YP_TINT) {
			conf.count = 1;
			conf.single.integer = item->name == set ? number : item->var.i.dflt;
		}
	}
	return conf;
}

void knotd_conf_free(knotd_conf_t *conf)
{
}

static void print_words(const yp_item_t *item)
{
	const knot_lookup_t *words = item->var.o.opts;
	for (const knot_lookup_t *word = words; word->name != NULL; word++) {
		(void)printf("%s%s", word == words ? "" : " | ", word->name);
	}
	const knot_lookup_t *chosen = knot_lookup_by_id(words, item->var.o.dflt);
	(void)printf("\t%s\t", chosen != NULL ? chosen->name : "?");
}

static void print_number(const yp_item_t *item)
{
	set = item->name;
	number = item->var.i.max;
	knotd_conf_check_args_t args = { 0 };
	(void)module->config_check(&args);
	char dflt[32] = "";
	if (item->var.i.dflt != YP_NIL) {
		(void)snprintf(dflt, sizeof(dflt), "%lld", (long long)item->var.i.dflt);
	}
	(void)printf("%s\t%s\t%s", item->var.i.unit == YP_STIME ? "TIME" : "INT", dflt,
	             args.err_str != NULL ? args.err_str : "");
}

static void print_option(const yp_item_t *item)
{
	const char *more = item->flags & YP_FMULTI ? " ..." : "";
	(void)printf("%s\t", item->name + 1);
	switch (item->type) {
	case YP_TINT: print_number(item); break;
	case YP_TOPT: print_words(item); break;
	case YP_TBOOL: (void)printf("BOOL\t%s\t", item->var.b.dflt ? "on" : "off"); break;
	case YP_TADDR:
		(void)printf("ADDR%s%s\t\t", item->var.a.dflt_port != 0 ? "[@INT]" : "", more);
		break;
	case YP_TNET: (void)printf("ADDR[/INT] | ADDR-ADDR%s\t\t", more); break;
	case YP_TDNAME: (void)printf("DNAME%s\t\t", more); break;
	case YP_TSTR: (void)printf("STR%s\t\t", more); break;
	default: (void)printf("?\t\t");
	}
	(void)printf("\n");
}

int main(int argc, char **argv)
{
	void *file = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	module = file != NULL ? dlsym(file, "knotd_mod_api") : NULL;
	if (module == NULL) {
		(void)fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "schema MODULE");
		return EXIT_FAILURE;
	}
	for (const yp_item_t *item = module->config; item->name != NULL; item++) {
		print_option(item);
	}
	return EXIT_SUCCESS;
}
