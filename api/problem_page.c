#include "api/problem_page.h"

#include "api/site.h"

/* Text in an element or in an attribute's quotes. */
static void add_escaped(struct text *text, const char *words) {
    for (; *words != '\0'; words++) {
        switch (*words) {
        case '&': text_puts(text, "&amp;"); break;
        case '<': text_puts(text, "&lt;"); break;
        case '>': text_puts(text, "&gt;"); break;
        case '"': text_puts(text, "&quot;"); break;
        case '\'': text_puts(text, "&#39;"); break;
        default: text_add(text, words, 1);
        }
    }
}

static void add_element(struct text *text, const char *tag, const char *words) {
    text_printf(text, "<%s>", tag);
    add_escaped(text, words);
    text_printf(text, "</%s>\n", tag);
}

static void add_head(struct text *text, const char *title, const struct site *site) {
    text_puts(text, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    add_escaped(text, title);
    text_puts(text, " · convd</title>\n");
    if (site != NULL)
        text_printf(text,
                    "<link rel=\"icon\" type=\"image/svg+xml\" href=\"%s/icon.svg\">\n"
                    "<link rel=\"stylesheet\" href=\"%s/style.css\">\n",
                    site->assets, site->assets);
    text_puts(text, "</head>\n");
}

/* All types, so that who comes for one finds the others. */
static void add_types(struct text *text, enum problem current) {
    text_puts(
        text,
        "<nav class=\"types\" aria-labelledby=\"types\">\n<h2 id=\"types\">All error types</h2>\n<ul>\n");
    for (enum problem problem = 0; problem < PROBLEMS; problem++) {
        const struct problem_words *words = problem_words(problem);
        text_printf(text, "<li><a href=\"/problems/%s\"%s>%s</a> (%d): ", words->name,
                    problem == current ? " aria-current=\"page\"" : "", words->name, words->http_status);
        add_escaped(text, words->title);
        text_puts(text, "</li>\n");
    }
    text_puts(text, "</ul>\n</nav>\n");
}

void problem_page(struct text *text, enum problem problem, const struct site *site) {
    const struct problem_words *words = problem_words(problem);
    add_head(text, words->title, site);
    text_puts(text,
              "<body class=\"page\">\n<header class=\"site\">\n<a class=\"brand\" href=\"/\">convd</a>\n"
              "<nav aria-label=\"Site\"><a href=\"/\">Playground</a><a href=\"/docs\">Reference</a>"
              "<a href=\"/openapi.json\">OpenAPI</a></nav>\n</header>\n<main>\n");
    add_element(text, "h1", words->title);
    text_printf(text, "<p><code>/problems/%s</code>, HTTP status %d</p>\n", words->name, words->http_status);
    add_element(text, "h2", "What it means");
    add_element(text, "p", words->meaning);
    add_element(text, "h2", "How to mend it");
    add_element(text, "p", words->mend);
    text_puts(text, "</main>\n");
    add_types(text, problem);
    text_puts(text, "</body>\n</html>\n");
}
