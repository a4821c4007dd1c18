/*
 * What an error type means, as a page for people.
 */
#ifndef CONVD_API_PROBLEM_PAGE_H
#define CONVD_API_PROBLEM_PAGE_H

#include "api/json/text.h"
#include "api/problem.h"

struct site;

/* Adds the page of that problem to `text`; it looks as the pages of `site` do, which may be NULL. */
void problem_page(struct text *text, enum problem problem, const struct site *site);

#endif
