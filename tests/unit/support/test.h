/*!
 * \brief What every unit test includes: cmocka, and two ways to list tests.
 */

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*! Room for the path of a directory of its own. */
#define DIRECTORY_MAX sizeof("/tmp/aname-XXXXXX")

/*! Makes an empty directory; the test removes it. */
static inline void make_directory(char path[DIRECTORY_MAX])
{
	memcpy(path, "/tmp/aname-XXXXXX", DIRECTORY_MAX);
	assert_non_null(mkdtemp(path));
}

/*! A test, named by the sentence that it proves. */
#define PROVES(sentence, function)                          \
	{                                                   \
		.name = (sentence), .test_func = (function) \
	}

/*!
 * A test function that checks one row of a table, and one cmocka test for each row; every row
 * has a member `proves`.
 */
#define RUN_ROWS(group, rows, function)                                                       \
	({                                                                                    \
		struct CMUnitTest row_tests[COUNT_OF(rows)];                                  \
		for (size_t row = 0; row < COUNT_OF(rows); row++) {                           \
			row_tests[row] =                                                      \
			        (struct CMUnitTest){ .name = (rows)[row].proves,              \
				                     .test_func = (function),                 \
				                     .initial_state = (void *)&(rows)[row] }; \
		}                                                                             \
		cmocka_run_group_tests_name((group), row_tests, NULL, NULL);                  \
	})

#define RUN_TESTS(group, tests) cmocka_run_group_tests_name((group), (tests), NULL, NULL)
