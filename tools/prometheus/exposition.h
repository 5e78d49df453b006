/*!
 * \brief Metrics as text that Prometheus reads.
 *
 * What is written is read alike by readers of Prometheus's text format 0.0.4, the textfile
 * collector for one, and of OpenMetrics 1.0. The two want the type of a counter under different names; so a
 * counter is written without one, and its name, which ends with `_total`, tells.
 */

#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "live.h"

/*! How the field of a line becomes a value. */
typedef enum {
	KANAME_VALUE_NUMBER,
	KANAME_VALUE_MS,    /*!< Milliseconds: written in seconds. */
	KANAME_VALUE_FLAG,  /*!< 1 if it is there, else 0. */
	KANAME_VALUE_COUNT, /*!< Of a list, commas between. */
} kaname_value_t;

/*! A metric, of which a line may have a value. */
typedef struct {
	const char *
	        name; /*!< Ends with `_total` if it is a counter, and with its unit if it has one. */
	const char *unit; /*!< seconds or bytes, or NULL. */
	const char *help;
	const char *key;      /*!< Of the field. */
	kaname_value_t value; /*!< What is in it. */
	const char
	        *otherwise; /*!< Stands for a field that is not there; NULL: there is no sample. */
} kaname_metric_t;

/*! What is written of a metric before its samples, all of which follow. */
void kaname_metric_begin(FILE *out, const char *name, const char *unit, const char *help);

/*! A sample. `labels` are those that kaname_label_add() has made; NULL: none. */
void kaname_metric_sample(FILE *out, const char *name, const char *labels, const char *value);

/*! The sample that a line gives, if it does. */
void kaname_metric_of_line(FILE *out, const kaname_metric_t *metric, const char *labels,
                           const kaname_line_t *line);

/*!
 * \brief Adds a label to a list.
 *
 * \param labels  What was written before is looked at: commas go between.
 * \param value   Any text; NULL or empty: nothing is added, which means the same.
 */
void kaname_label_add(FILE *labels, const char *name, const char *value);
