#include "scene.h"

#include "chance.h"

scene_t scene;

const aname_upstream_t *scene_upstream(unsigned recursor)
{
	const section_t *section = &scene.sections[recursor];
	if (section->options == NULL && recursor == scene_recursor(SECTIONS - 1)) {
		section = &scene.sections[SECTIONS - 1];
	}
	return section->options != NULL ? section->named : NULL;
}

aname_entry_t *scene_find(const target_t *target)
{
	const aname_upstream_t *upstream = scene_upstream(target->recursor);
	const aname_key_t key = make_key(upstream, &target->name, target->type);
	const aname_table_t *table = scene.shared->table;
	return upstream != NULL ? aname_table_find(table, &key, aname_table_hash(table, &key))
	                        : NULL;
}

void scene_hold(unsigned number)
{
	section_t *section = &scene.sections[number];
	const aname_options_t *before = section->options;
	aname_options_t *options = make_options();
	options->schedule = section->schedule;
	options->probe = section->probe;
	recursors_source(scene_recursor(number), &options->source);
	section->options = aname_shared_hold(scene.shared, options, &section->named);
	require(section->options != NULL);
	if (before != NULL) {
		aname_shared_unhold(scene.shared, before);
	}
	aname_refresh_wake(scene.refresh);
}

void scene_leave(unsigned number)
{
	section_t *section = &scene.sections[number];
	if (section->options != NULL) {
		aname_shared_unhold(scene.shared, section->options);
		section->options = NULL;
		aname_refresh_wake(scene.refresh);
	}
}

aname_interest_t scene_interest(unsigned number, uint32_t ttl, uint32_t zone)
{
	aname_interest_t interest =
	        aname_interest(&scene.sections[number].schedule, ttl, loop_now() / 1000);
	interest.zone = zone;
	return interest;
}

void scene_push(unsigned number, const target_t *target, const aname_subnet_t *client,
                aname_interest_t interest)
{
	const aname_table_t *table = scene.shared->table;
	const aname_key_t key = make_key(scene.sections[number].named, &target->name, target->type);
	uint64_t hash = aname_table_hash(table, &key);
	hash = client != NULL ? aname_table_subnet_hash(table, hash, client) : hash;
	(void)aname_queue_push(scene.shared->queue, &key, client, hash, interest);
}

void scene_begin(const aname_limits_t *limits, uint64_t seed, target_t *targets, unsigned count)
{
	memset(&scene, 0, sizeof(scene));
	chance_begin(seed);
	loop_begin(BEGIN_MS);
	recursors_begin(targets, count);
	scene.limits = *limits;
	require(uv_loop_init(&scene.loop) == 0);
	scene.shared = aname_shared_new(NULL, NULL);
	require(scene.shared != NULL);
	scene.refresh = aname_refresh_new(scene.shared, &scene.loop, recursors_make);
	require(scene.refresh != NULL);
	(void)aname_refresh_limit(scene.refresh, limits);
}

void scene_end(void)
{
	recursors_hang_up();
	loop_settle();
	require(aname_refresh_running(scene.refresh) == 0 && recursors.pending == NULL);
	aname_refresh_free(scene.refresh);
	require(recursors.made == recursors.freed);
	(void)uv_run(&scene.loop, UV_RUN_NOWAIT);
	require(uv_loop_close(&scene.loop) == 0);
	for (unsigned i = 0; i < SECTIONS; i++) {
		if (scene.sections[i].options != NULL) {
			aname_shared_unhold(scene.shared, scene.sections[i].options);
		}
	}
	aname_shared_free(scene.shared);
}
