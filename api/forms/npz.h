/*
 * npz: a zip archive (PKWARE's APPNOTE 6.3) of npy files, stored or deflated, with or without zip64.
 *
 * The central directory is what counts; each local header, and the data descriptor of an archive that was streamed,
 * must say the same. Refused: encryption, several disks, other methods than 0 and 8, anything in front of the first
 * or behind the last record, members that overlap, a size that deflate could not reach.
 */
#ifndef CONVD_API_FORMS_NPZ_H
#define CONVD_API_FORMS_NPZ_H

#include "api/forms/form.h"
#include "api/forms/packing.h"

/* Opens an archive: directory, members and the npy header of each. Data stay packed until npz_load. */
bool npz_open(struct form *form, const unsigned char *data, size_t bytes);

/*
 * Makes tensor->data readable: unpacks it into memory of the form's arena when it is deflated, and checks the
 * member's CRC-32. Refuses what is broken (400) and what there is no memory for. Nothing to do for a tensor without
 * a member.
 */
bool npz_load(struct form *form, struct stored_tensor *tensor);

/* An archive of stored members, for pack_plan and pack_finish: zip64 where a size or place needs it. */
bool npz_plan(struct packing *packing);
void npz_finish(const struct packing *packing, unsigned char *body);

#endif
