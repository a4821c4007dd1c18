/*
 * The version: the one place in the tree that says it. docker/build-image.sh reads it from here.
 */
#ifndef CONVD_LIB_VERSION_H
#define CONVD_LIB_VERSION_H

#define CONVD_VERSION "0.1.0"

#endif
