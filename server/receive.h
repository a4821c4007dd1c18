/*
 * The way of a long body from the kernel to where it is computed on: no copy on the way.
 */
#ifndef CONVD_SERVER_RECEIVE_H
#define CONVD_SERVER_RECEIVE_H

struct request;

/* From now on what comes in on `fd` belongs to `request`, which is borrowed until receive_close. Both are called on the
 * connection's own thread. */
void receive_open(int fd, struct request *request);

/* Before the descriptor is closed. */
void receive_close(int fd);

#endif
