/*
 * What each path does, once its body is there. Each fills decode->response; a refusal has filled it already.
 */
#ifndef CONVD_API_ENDPOINTS_ENDPOINTS_H
#define CONVD_API_ENDPOINTS_ENDPOINTS_H

#include "api/decode/decode.h"

void endpoint_conv2d(struct decode *decode);
void endpoint_pool2d(struct decode *decode);
void endpoint_shape_post(struct decode *decode);
void endpoint_shape_get(struct decode *decode);
void endpoint_index(struct decode *decode);
void endpoint_file(struct decode *decode);   /* what the site has at the path */
void endpoint_health(struct decode *decode); /* /livez, /healthz */
void endpoint_ready(struct decode *decode);
void endpoint_version(struct decode *decode);
void endpoint_problem(struct decode *decode); /* /problems/{name} */

/* Adds the headers that keep a browser with a page in hand to what the page needs. */
void endpoint_page_headers(struct decode *decode);

#endif
