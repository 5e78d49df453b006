/*!
 * \brief Lines of the status socket as tables for people, and as JSON for machines.
 */

#pragma once

#include <stddef.h>

#include "live.h"

/* For people. */

#define KANAME_CELL_MAX 600

/*! A column: its title, and what writes a cell of it. */
typedef struct {
	const char *title;
	void (*put)(char cell[KANAME_CELL_MAX], const kaname_line_t *line);
} kaname_column_t;

/*! Prints lines as a table with a head; the last column is not padded. At most 16 columns. */
void kaname_print_table(const kaname_column_t *columns, size_t columns_count,
                        const kaname_line_t *lines, size_t count);

/*! A field; what stands in for it if it is empty or not there. */
const char *kaname_field_or(const kaname_line_t *line, const char *key, const char *otherwise);

/*! Writes a field, "-" if there is none. */
void kaname_put_field(char cell[KANAME_CELL_MAX], const kaname_line_t *line, const char *key);

/*! Writes a field that is a time in seconds with a unit, "-" if there is none. */
void kaname_put_time(char cell[KANAME_CELL_MAX], const kaname_line_t *line, const char *key);

/* For machines. */

/*! How a field is written in JSON. */
typedef enum {
	KANAME_AS_TEXT,
	KANAME_AS_NUMBER,
	KANAME_AS_LIST, /*!< Texts with commas between them. */
	KANAME_AS_FLAG, /*!< Whether it is there. */
} kaname_form_t;

typedef struct {
	const char *key, *name;
	kaname_form_t form;
} kaname_json_field_t;

/*! Prints the fields of a line as members of an object, without its braces; what the line does not
 *  have is null. */
void kaname_print_members(const kaname_line_t *line, const kaname_json_field_t *fields,
                          size_t count);

/*! Prints a list of objects. */
void kaname_print_objects(const kaname_line_t *lines, size_t lines_count,
                          const kaname_json_field_t *fields, size_t count);

/*! Prints a text in quotes. */
void kaname_print_text(const char *text, size_t len);
