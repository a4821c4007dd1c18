/*
 * The pages for people, from static memory: nothing here allocates, so they are there while memory is short.
 */
#include "api/site.h"
#include "api/coding.h"
#include "api/endpoints/answer.h"
#include "api/endpoints/endpoints.h"
#include "api/etag.h"

#include <string.h>

void endpoint_page_headers(struct decode *decode) {
    static const struct api_header headers[] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
         "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        answer_header(decode, headers[i].name, headers[i].value);
}

static bool is_page(const struct site_file *file) {
    return strncmp(file->type, "text/html", strlen("text/html")) == 0;
}

static void answer_form(struct decode *decode, const struct site_file *file, const struct site_form *form) {
    decode->response->status = 200;
    decode->response->content_type = file->type;
    if (form == &file->gzip)
        answer_header(decode, "Content-Encoding", "gzip");
    if (is_page(file))
        endpoint_page_headers(decode);
    else
        answer_header(decode, "X-Content-Type-Options", "nosniff");
}

void endpoint_file(struct decode *decode) {
    const struct api_request *request = decode->request;
    const struct site_file *file = site_find(decode->context->site, request->path);
    if (file == NULL) {
        decode_refuse(decode, PROBLEM_NOT_FOUND, NULL,
                      "there is no file at '%.120s'; those that the page at / names are there",
                      request->path);
        return;
    }
    bool gzip = file->gzip.data != NULL && coding_wants_gzip(request->accept_encoding);
    const struct site_form *form = gzip ? &file->gzip : &file->plain;
    decode->response->body = (const char *)form->data;
    decode->response->body_bytes = form->bytes;
    answer_header(decode, "ETag", form->etag);
    answer_header(decode, "Cache-Control", file->cache);
    if (etag_is_listed(request->if_none_match, form->etag))
        decode->response->status = 304;
    else
        answer_form(decode, file, form);
}
